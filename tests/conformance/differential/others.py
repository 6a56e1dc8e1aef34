"""What the cases have processes do, and how they ask for it."""

from __future__ import annotations

import atexit
import functools
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from concurrent import futures
from typing import Any, Callable

from words import told

executor_of = "concurrent.futures"  # whose ProcessPoolExecutor the cases of futures get
_kept: dict[str, tuple[Any, set[Any]]] = {}  # what cases share, and its processes


def pool(ctx: Any) -> Any:
    """A pool of two workers that cases share, who leave it as it was."""
    return _keep("pool", lambda: ctx.Pool(2))


def manager(ctx: Any) -> Any:
    """A manager that cases share."""
    return _keep("manager", ctx.Manager)


def shared_executor(ctx: Any) -> Any:
    """An executor with two workers that cases share."""

    def make() -> Any:
        made = executor(ctx, 2)
        with Gate() as gate:
            both = [
                made.submit(gate.hold) for _ in range(2)
            ]  # so each worker is there, which else starts when it is needed
            gate.open()
            for each in both:
                each.result()
        return made

    return _keep("executor", make)


def _keep(name: str, make: Callable[[], Any]) -> Any:
    if name not in _kept:
        before = set(multiprocessing.active_children())
        made = make()
        _kept[name] = made, set(multiprocessing.active_children()) - before
    return _kept[name][0]


def kept() -> set[Any]:
    """The processes of what is shared."""
    return {each for _, processes in _kept.values() for each in processes}


def executor(ctx: Any, *args: Any, **kwargs: Any) -> Any:
    """A new executor: the standard library's with this context, or Dragon's own."""
    if executor_of == "dragon":
        import dragon

        return dragon.ProcessPoolExecutor(*args, **kwargs)
    return futures.ProcessPoolExecutor(*args, mp_context=ctx.get_context(), **kwargs)


def end_what_is_kept() -> None:
    """Ends what cases share."""
    for name, (thing, processes) in _kept.items():
        thing.terminate() if name == "pool" else thing.shutdown()
        for each in processes:
            each.join()
    _kept.clear()


def ended(process: Any) -> Any:
    """The process, started and ended."""
    process.start()
    process.join()
    return process


def child(ctx: Any, target: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """A process that ran a function and has ended."""
    return ended(ctx.Process(target=target, args=args, **more))


def running(ctx: Any, target: Any = None, *args: Any, **more: Any) -> Any:
    """A process that has got to its function, which sets an event."""
    ready = ctx.Event()
    process = ctx.Process(target=target or wait_for_ever, args=(ready, *args), **more)
    process.start()
    ready.wait()
    return process


def code(ctx: Any, target: Callable[..., Any], *args: Any) -> Any:
    """The exit code of a process that runs a function."""
    return child(ctx, target, *args).exitcode


def answer(ctx: Any, function: Callable[..., Any], *args: Any) -> Any:
    """What a function comes to in another process."""
    reader, writer = ctx.Pipe(False)
    with reader:
        process = ctx.Process(target=_answer, args=(writer, function, args))
        process.start()
        writer.close()
        text = reader.recv()
        process.join()
    return text


def _answer(writer: Any, function: Callable[..., Any], args: Any) -> None:
    writer.send(told(function, *args))


class Gate:
    """Holds tasks and processes, which run its `hold`, until it is opened: what a case sees of work under way does not hang on how fast it is."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        path = os.path.join(self._folder.name, "gate")
        os.mkfifo(path)
        self._bar = os.open(
            path, os.O_RDWR
        )  # with a writer there, who opens it to read does not wait, and who reads does
        self.hold = functools.partial(_pass, path)

    def open(self, *_: Any) -> None:
        """Lets through who waits and who comes, one byte each."""
        os.write(self._bar, bytes(1000))

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *_: Any) -> None:
        self._folder.cleanup()
        os.close(self._bar)  # last: to who opens it there is a writer, or no such file


def _pass(path: str, *_: Any) -> None:
    with open(path, "rb", 0) as gate:
        gate.read(1)


# ---- functions that processes run


def nothing(*_: Any) -> None:
    pass


def same(thing: Any) -> Any:
    return thing


def double(number: Any) -> Any:
    return number * 2


def add(*numbers: Any, **more: Any) -> Any:
    return sum(numbers) + sum(more.values())


def fail(text: Any = "no") -> None:
    raise ValueError(text)


def fail_at(number: int, bad: int = 2) -> int:
    if number == bad:
        raise ValueError(f"{number} is bad")
    return number


def fail_from() -> None:
    try:
        raise KeyError("inner")
    except KeyError as error:
        raise ValueError("outer") from error


class TwoArguments(Exception):
    def __init__(self, first: Any, second: Any) -> None:
        super().__init__(first, second)
        self.second = second


class Custom(Exception):
    pass


def fail_with(error: BaseException) -> None:
    raise error


def fail_two() -> None:
    raise TwoArguments(1, 2)


def leave(how: Any) -> None:
    sys.exit(how)


def leave_at_once(number: int) -> None:
    os._exit(number)


def interrupt_me() -> None:
    raise KeyboardInterrupt


def kill_me(number: int = signal.SIGKILL) -> None:
    os.kill(os.getpid(), number)


def leave_in_a_thread() -> None:
    thread = threading.Thread(target=sys.exit, args=(3,))
    thread.start()
    thread.join()


def fail_in_a_thread() -> None:
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


def write(*texts: str) -> None:
    print(*texts)


def write_without_a_line_end(text: str) -> None:
    sys.stdout.write(text)


def write_in_atexit() -> None:
    atexit.register(write, "at exit")
    write("in the function")


def fail_in_atexit() -> None:
    atexit.register(fail, "at exit")


def write_from_a_thread() -> None:
    """A thread that is no daemon and outlives the function."""
    go = threading.Event()

    def say() -> None:
        go.wait()
        write("from the thread")

    threading.Thread(target=say).start()
    threading.main_thread()
    write("from the function")
    go.set()


def wait_for_ever(ready: Any = None) -> None:
    if ready is not None:
        ready.set()
    signal.pause()


def ignore_sigterm(ready: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready.set()
    signal.pause()


def on_sigterm(ready: Any) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    ready.set()
    signal.pause()


def wait_until(event: Any) -> None:
    event.wait()


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


class NotBack:
    """Can be pickled, not unpickled."""

    def __reduce__(self) -> Any:
        return fail, ("not back",)


class NotOut:
    """Cannot be pickled."""

    def __reduce__(self) -> Any:
        raise TypeError("not out")


def not_back(*_: Any) -> NotBack:
    return NotBack()


def not_out(*_: Any) -> NotOut:
    return NotOut()
