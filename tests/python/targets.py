"""What the tests' workers run. A module of its own, since workers import it by name."""

from __future__ import annotations

import ctypes
import multiprocessing as mp
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import wait
from multiprocessing.managers import BaseManager
from multiprocessing.shared_memory import SharedMemory
from typing import Any, ClassVar

from dragon import names

PATIENCE = 60


def nothing(*_: Any) -> None:
    pass


def echo(connection: Any) -> None:
    try:
        while True:
            connection.send(connection.recv())
    except EOFError:
        pass


def answer(queue: Any, function: Any, *args: Any) -> None:
    queue.put(function(*args))


def identity() -> dict[str, Any]:
    me, parent = mp.current_process(), mp.parent_process()
    assert parent is not None
    return {
        "pid": me.pid,
        "ident": me.ident,
        "os_pid": me.os_pid,
        "getpid": os.getpid(),
        "name": me.name,
        "daemon": me.daemon,
        "parent": parent.pid,
        "parent_alive": parent.is_alive(),
        "main": sys.modules["__main__"].__name__,
        "method": mp.get_start_method(),
    }


def setting() -> dict[str, Any]:
    mask = os.umask(0)
    os.umask(mask)
    return {
        "cwd": os.getcwd(),
        "umask": mask,
        "variable": os.environ.get("DRAGON_TEST_VARIABLE"),
        "nice": os.nice(0),
        "cpus": os.sched_getaffinity(0),
        "blocked": signal.pthread_sigmask(signal.SIG_BLOCK, []),
        "ignored": signal.getsignal(signal.SIGUSR2) == signal.SIG_IGN,
    }


def end_with(code: Any) -> None:
    sys.exit(code)


def fail() -> None:
    raise ValueError("as it should")


def sleep(seconds: float = 1000) -> None:
    time.sleep(seconds)


def never_receive(connection: Any) -> None:
    time.sleep(1000)


def close_all(*connections: Any) -> None:
    for each in connections:
        each.close()


def await_ends(connection: Any) -> None:
    """Takes reading ends, says so, and once told that the other one is closed says whether it is the end."""
    try:
        while True:
            reader = connection.recv()
            connection.send("taken")
            assert connection.recv() == "closed"
            connection.send("the end" if reader.poll(0) else "nothing")
            reader.close()
    except EOFError:
        pass


def copy_ends(writer: Any) -> None:
    """Gives copies of an end to itself, uses and closes them."""
    out, back = mp.Pipe()
    while True:
        out.send(writer)
        with back.recv() as copy:
            copy.send("copied")


def kill_self(number: int = signal.SIGKILL) -> None:
    os.kill(os.getpid(), number)


def write(text: str, descriptor: int = 1) -> None:
    os.write(descriptor, text.encode())


def count(queue: Any, start: int, stop: int) -> None:
    for number in range(start, stop):
        queue.put(number)


def take(queue: Any, results: Any) -> None:
    for item in iter(queue.get, None):
        results.put(item)
        queue.task_done()


def hold(lock: Any, held: Any, die: bool) -> None:
    lock.acquire()
    held.set()
    if die:
        kill_self()


def live_until(event: Any, living: Any) -> None:
    living.put(os.getpid())
    event.wait()


def wait_for(condition: Any, sleeping: Any, woken: Any) -> None:
    with condition:
        sleeping.release()
        woken.put(condition.wait(60))


def pass_barrier(barrier: Any, passed: Any) -> None:
    passed.put(barrier.wait(60))


def relay(incoming: Any, outgoing: Any) -> None:
    outgoing.put(incoming.get())


def square(number: int) -> int:
    return number * number


def square_or_die(number: int) -> int:
    if number == 13:
        kill_self()
    return number * number


def square_or_raise(number: int) -> int:
    if number == 13:
        raise ValueError("unlucky")
    return number * number


def pid(_: Any) -> int:
    return os.getpid()


def fork_and_use(queue: Any) -> None:
    """A child of user code has a place in the run of its own."""
    if (child := os.fork()) == 0:
        try:
            queue.put((os.getpid(), mp.current_process().pid))
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def nested(queue: Any) -> None:
    child = mp.Process(target=answer, args=(queue, identity))
    child.start()
    child.join()


def add_up(lock: Any, counter: Any, times: int) -> None:
    for _ in range(times):
        with lock:
            counter.value = counter.value + 1


class Point(ctypes.Structure):
    _fields_: ClassVar = [("x", ctypes.c_int), ("y", ctypes.c_double)]


def make_and_send(queue: Any) -> None:
    """Values whose maker ends before anybody looks at them."""
    value = mp.Value("d", 3.5)
    point = mp.Value(Point, 1, 2.5)
    queue.put((value, point, mp.Array("i", [1, 2, 3]), mp.RawArray("c", b"abc"), mp.RawValue("q", 1 << 40)))
    value.value += 1


def increment(value: Any, times: int) -> None:
    for _ in range(times):
        with value.get_lock():
            value.value += 1


def make_until_killed(go: Any) -> None:
    """Makes and drops memory of all sizes for ever."""
    go.set()
    while True:
        kept = [mp.RawArray("B", size) for size in (1, 100, 5000, 70000, 2000000) for _ in range(3)]
        kept[0][0] = 1


def use_a_manager_elsewhere(connection: Any, key: bytes) -> None:
    """Uses it; says so; then what it learns when the manager has gone."""

    class Remote(BaseManager):
        pass

    Remote.register("dict")
    connection.send(("127.0.0.1", 0))
    remote = Remote(connection.recv(), key)
    remote.connect()
    shared = remote.dict()  # type: ignore[attr-defined]
    shared.__setitem__(1, 2)
    connection.send("used")
    for act in (lambda: all(shared.__setitem__(1, 2) is None for _ in range(1 << 60)), remote.connect):
        try:
            act()
        except OSError as error:
            connection.send((type(error), str(error)))


def write_raw(connection: Any, data: bytes) -> None:
    os.write(connection.fileno(), data)


def listen(connection: Any, key: bytes, callers: int) -> None:
    """Echoes one object to each of so many callers who know the key."""
    from multiprocessing.connection import Listener

    with Listener(authkey=key) as listener:
        connection.send(listener.address)
        while callers:
            try:
                with listener.accept() as caller:
                    caller.send(caller.recv())
                callers -= 1
            except mp.AuthenticationError:
                pass


def listen_late(connection: Any, key: bytes) -> None:
    """Says when somebody calls, and accepts when it is told to, as often as it takes: who calls may be dead."""
    from multiprocessing.connection import Listener

    with Listener(authkey=key) as listener:
        connection.send(listener.address)
        assert listener._listener._calls.poll(None)  # type: ignore[attr-defined]
        connection.send("called")
        connection.recv()
        while True:
            try:
                with listener.accept() as caller:
                    caller.send("accepted")
                return
            except EOFError:
                pass


def listen_to_a_crowd(connection: Any, callers: int) -> None:
    """Has a thread wait for each of so many callers at the same time; says how many heard that theirs is gone, and answers one more."""
    from multiprocessing.connection import Listener

    gone = []

    def hear(caller: Any) -> None:
        try:
            caller.recv()
        except EOFError:
            gone.append(caller)

    with Listener() as listener:
        connection.send(listener.address)
        threads = [threading.Thread(target=hear, args=(listener.accept(),)) for _ in range(callers)]
        for thread in threads:
            thread.start()
        connection.send("all are here")
        for thread in threads:
            thread.join()
        connection.send(len(gone))
        with listener.accept() as caller:
            caller.send("one more")


def call_often(address: Any, times: int) -> None:
    from multiprocessing.connection import Client

    callers = [Client(address) for _ in range(times)]
    threading.Event().wait(60)
    del callers


def wait_in_threads(connection: Any, threads: int) -> None:
    """So many threads wait for a message each, and say what came."""
    pipes = [mp.Pipe(duplex=False) for _ in range(threads)]
    came: list[Any] = []

    def take(reader: Any) -> None:
        try:
            came.append(reader.recv())
        except BaseException as error:
            came.append(repr(error))

    waiting = [threading.Thread(target=take, args=(reader,)) for reader, _ in pipes]
    for thread in waiting:
        thread.start()
    for number, (_, writer) in enumerate(pipes):
        writer.send(number)
    for thread in waiting:
        thread.join()
    connection.send(came)


def send_without_descriptors(connection: Any) -> None:
    """Sends when it has no descriptor to spare, and says whether a child of its own is left of that."""
    import resource

    connection.recv()
    resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))
    held = []
    try:
        while True:
            held.append(os.dup(0))
    except OSError:
        connection.send(len(held))
    for descriptor in held:
        os.close(descriptor)
    try:
        connection.send(os.waitpid(-1, os.WNOHANG))
    except ChildProcessError:
        connection.send(None)


def listen_to_itself(connection: Any) -> None:
    from multiprocessing.connection import Client, Listener

    with Listener() as listener, Client(listener.address) as client, listener.accept() as caller:
        client.send("to itself")
        connection.send(caller.recv())


class Thing:
    def __init__(self) -> None:
        self.waits = threading.Event()

    def pid(self) -> int:
        return os.getpid()

    def begin(self) -> None:
        """Says that somebody waits, and has him wait for ever."""
        self.waits.set()
        threading.Event().wait()

    def begun(self) -> bool:
        return self.waits.wait()

    def fails(self) -> None:
        raise EOFError("its own")


class MyManager(BaseManager):
    pass


MyManager.register("Thing", Thing)


def fill(shared: Any, values: Any, queue: Any) -> None:
    shared["here"] = os.getpid()
    values.append(shared)
    queue.put("done")


def leave_with(code: int) -> None:
    sys.exit(code)


def die_of(number: int) -> None:
    os.kill(os.getpid(), number)


def say_last_words(lines: int) -> None:
    for line in range(lines):
        os.write(2, f"line {line}\n".encode())
    os.write(2, b"and a half")
    os.kill(os.getpid(), signal.SIGKILL)


def live_on(ready: Any) -> None:
    ready.set()
    signal.pause()


def put_by_name(name: str, thing: Any, waiting: Any = None) -> None:
    if waiting is not None:
        waiting.set()
    names.lookup(name)["queue"].put(thing)


def meet_by_name(name: str, results: Any) -> None:
    queue = names.get_or_create(name, mp.get_context("dragon").Queue)
    queue.put(mp.current_process().pid)
    results.put(None)


def publish_and_live(name: str, keep: bool, there: Any) -> None:
    queue = mp.get_context("dragon").Queue()
    queue.put(1)
    names.publish(name, queue, keep=keep)
    there.set()
    signal.pause()


def publish_and_end(name: str) -> None:
    names.publish(name, 1)


def name_segment(queue: Any, name: str | None, stay: bool) -> None:
    """Makes a named segment, tells its name, and ends in order or waits to be killed."""
    segment = SharedMemory(name, create=True, size=1000)
    segment.buf[:4] = b"kept"
    queue.put(segment.name)
    queue.put(segment)
    if stay:
        time.sleep(PATIENCE)


def name_until_killed(go: Any, names: list[str]) -> None:
    """Makes, opens, drops and unlinks segments for ever."""
    go.set()
    while True:
        made = [SharedMemory(name, create=True, size=size) for name, size in zip(names, (10, 5000, 300000))]
        also = [SharedMemory(name) for name in names]
        for segment in made + also:
            segment.close()
        for segment in also[1:]:
            segment.unlink()
        made[0].unlink()


def wait_on_several(barrier: Any, ready: Any, ends: Any) -> None:
    ready.put(barrier.parties)
    wait(ends)


def pass_until_broken(barrier: Any, results: Any) -> None:
    passed = 0
    try:
        while True:
            barrier.wait(PATIENCE)
            passed += 1
    except threading.BrokenBarrierError:
        results.put(passed)


class BadToUnpickle:
    def __reduce__(self) -> Any:
        return int, ("no number",)


def put_bad_and_wait(queue: Any, go: Any) -> None:
    queue.put(BadToUnpickle())
    go.wait(60)


class TwoArguments(Exception):
    def __init__(self, code: int, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code


def give(thing: Any) -> Any:
    return thing


def make_lock() -> Any:
    return {"deep": [threading.Lock()]}


class HasLock(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


def raise_lock() -> None:
    raise HasLock("locked")


def raise_two() -> None:
    raise TwoArguments(5, "by five")


def notify_and_die(condition: Any, held: Any) -> None:
    condition.acquire()
    condition.notify()
    held.set()
    kill_self()


def fork_with_segment(life: Any, queue: Any, name: str) -> None:
    """Makes a segment; a child that it forks has it, too, and tells so. Both stay until they are killed, and hold the end `life` until then."""
    segment = SharedMemory(name, create=True, size=100)
    segment.buf[:4] = b"kept"
    if os.fork() == 0:
        queue.put(os.getpid())
    while True:
        signal.pause()
