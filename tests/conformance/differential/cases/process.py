"""Process objects, their ends, and what a process sees of itself."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from typing import Any

import others
from others import answer, child, code, ended, leave, nothing, running, wait_for_ever
from words import calls, plain, told


def _attributes(process: Any) -> Any:
    return {name: told(getattr, process, name) for name in ("name", "daemon", "exitcode", "authkey", "pid", "ident", "sentinel")}


# ---- states


def before_start(ctx: Any) -> Any:
    process = ctx.Process(target=nothing, name="mine")
    states = calls(process, ("join",), ("terminate",), ("kill",), ("is_alive",), ("__repr__",))
    attributes = _attributes(process)
    attributes["authkey"] = process.authkey == ctx.current_process().authkey
    return states, attributes, told(process.close), told(process.close), repr(process)


def after_end(ctx: Any) -> Any:
    process = child(ctx, nothing, name="mine")
    seen = calls(process, ("start",), ("join",), ("join", 0), ("join", -1), ("terminate",), ("kill",), ("is_alive",), ("__repr__",), ("run",))
    seen.append(type(process.pid).__name__ + type(process.sentinel).__name__)
    return seen, process.exitcode


def after_close(ctx: Any) -> Any:
    process = child(ctx, nothing, name="mine")
    process.close()
    return calls(process, ("close",), ("start",), ("join",), ("terminate",), ("kill",), ("is_alive",), ("__repr__",)), _attributes(process) | {"authkey": ""}


def close_whilerunning(ctx: Any) -> Any:
    process = running(ctx)
    seen = (told(process.close), repr(process), process.exitcode, process.is_alive(), told(process.join, 0), told(process.join, -1), told(process.join, 0.01))
    process.kill()
    process.join()
    return seen, process.exitcode


def start_twice(ctx: Any) -> Any:
    process = running(ctx)
    seen = told(process.start)
    process.terminate()
    process.join()
    return seen, told(process.start), process.exitcode


def terminated_and_killed(ctx: Any) -> Any:
    seen = []
    for how in ("terminate", "kill"):
        process = running(ctx, name="mine")
        getattr(process, how)()
        process.join()
        seen.append((process.exitcode, repr(process), told(getattr(process, how))))
    return seen


def terminated_with_a_handler(ctx: Any) -> Any:
    process = running(ctx, others.on_sigterm)
    process.terminate()
    process.join()
    return process.exitcode


def terminated_and_deaf(ctx: Any) -> Any:
    process = running(ctx, others.ignore_sigterm)
    process.terminate()
    alive = process.is_alive()
    process.kill()
    process.join()
    return alive, process.exitcode


def sentinel_of_a_running_one(ctx: Any) -> Any:
    from multiprocessing.connection import wait

    process = running(ctx)
    seen = wait([process.sentinel], 0.01)
    process.kill()
    ready = wait([process.sentinel], 30) == [process.sentinel]
    process.join()
    return seen, ready, process.exitcode


# ---- ends


def exit_codes(ctx: Any) -> Any:
    return {repr(how): code(ctx, leave, how) for how in (None, 0, 1, 255, 256, -1, True, False)}


def exit_with_text(ctx: Any) -> Any:
    return [code(ctx, leave, how) for how in ("text", "", 2.5, (1, 2), b"x")]


def exit_with_two_arguments(ctx: Any) -> Any:
    return code(ctx, others.fail_with, SystemExit(1, 2)), code(ctx, others.fail_with, SystemExit())


def exit_at_once(ctx: Any) -> Any:
    return [code(ctx, others.leave_at_once, number) for number in (0, 3, 255)]


def raises(ctx: Any) -> Any:
    return code(ctx, others.fail, "text"), code(ctx, others.fail_from), code(ctx, others.fail_two)


def raises_of_a_local_class(ctx: Any) -> Any:
    return (code(ctx, others.fail_with, others.Custom("x")), code(ctx, others.fail_with, BaseException("base")), code(ctx, others.fail_with, GeneratorExit()))


def interrupted(ctx: Any) -> Any:
    return code(ctx, others.interrupt_me)


def killed(ctx: Any) -> Any:
    return [code(ctx, others.kill_me, number) for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1, signal.SIGABRT, signal.SIGPIPE)]


def interrupted_by_signal(ctx: Any) -> Any:
    return code(ctx, others.kill_me, signal.SIGINT)


def exit_in_a_thread(ctx: Any) -> Any:
    return code(ctx, others.leave_in_a_thread), code(ctx, others.fail_in_a_thread)


def thread_that_outlives_the_function(ctx: Any) -> Any:
    return code(ctx, others.write_from_a_thread)


def written(ctx: Any) -> Any:
    return code(ctx, others.write, "one", "two"), code(ctx, others.write_without_a_line_end, "no line end\n")


def at_exit(ctx: Any) -> Any:
    return code(ctx, others.write_in_atexit), code(ctx, others.fail_in_atexit)


def finalizers(ctx: Any) -> Any:
    return code(ctx, _register_finalizers)


def _register_finalizers() -> None:
    from multiprocessing import util

    for number in (3, 1, 2, None):
        util.Finalize(None, others.write, (f"finalizer {number}",), exitpriority=number)


def no_target(ctx: Any) -> Any:
    return ended(ctx.Process()).exitcode, ended(ctx.Process(target=None, args=(1,))).exitcode


def target_returns_something(ctx: Any) -> Any:
    return code(ctx, others.same, 5)


def target_called_wrongly(ctx: Any) -> Any:
    return code(ctx, others.leave), code(ctx, others.leave, 1, 2)


def with_keywords(ctx: Any) -> Any:
    process = ctx.Process(target=_keywords, args=(1,), kwargs={"two": 2, "three": [3]})
    return ended(process).exitcode


def _keywords(one: Any, two: Any = None, **more: Any) -> None:
    print(one, two, more)


def what_cannot_be_pickled(ctx: Any) -> Any:
    process = ctx.Process(target=nothing, args=(others.NotOut(),), name="mine")
    return told(process.start), repr(process), told(process.is_alive), told(process.join)


def what_cannot_be_unpickled(ctx: Any) -> Any:
    return code(ctx, nothing, others.NotBack())


def args_of_odd_kinds(ctx: Any) -> Any:
    return (
        told(ctx.Process, target=nothing, args=5),
        told(ctx.Process, kwargs=5),
        ended(ctx.Process(target=print, args="ab")).exitcode,
        told(ctx.Process, None, nothing, "n", ()),
    )


def group(ctx: Any) -> Any:
    return told(ctx.Process, 1), told(ctx.Process, group=1, target=nothing), told(ctx.Process, frobnicate=1)


def target_not_callable(ctx: Any) -> Any:
    return ended(ctx.Process(target="text")).exitcode


# ---- names, daemons, keys


def names(ctx: Any) -> Any:
    process = ctx.Process(target=_show_name, name="first")
    process.name = "second"
    seen = (ended(process).exitcode, process.name, told(setattr, process, "name", 5), told(ctx.Process, name=5), repr(ctx.Process(name="")))
    return seen, answer(ctx, _my_name)


def _show_name() -> None:
    print(multiprocessing.current_process().name)


def _my_name() -> str:
    return plain(multiprocessing.current_process().name)


def name_of_a_started_one(ctx: Any) -> Any:
    process = child(ctx, nothing)
    process.name = "late"
    return process.name, repr(process)


def names_of_nested_ones(ctx: Any) -> Any:
    return answer(ctx, _nested_name)


def _nested_name() -> Any:
    return answer(multiprocessing, _depth_of_name)


def _depth_of_name() -> int:
    return multiprocessing.current_process().name.count(":")


def daemon(ctx: Any) -> Any:
    process = ctx.Process(target=nothing, daemon=True)
    seen = [process.daemon, ctx.Process(daemon=None).daemon, ctx.Process(daemon=0).daemon, told(setattr, process, "daemon", False), process.daemon]
    ended(process)
    return seen, told(setattr, process, "daemon", True), repr(ctx.Process(name="d", daemon=True))


def daemon_of_a_running_one(ctx: Any) -> Any:
    process = running(ctx, daemon=True)
    seen = told(setattr, process, "daemon", False), repr(process)
    process.terminate()
    process.join()
    return seen, process.exitcode


def daemon_has_children(ctx: Any) -> Any:
    process = ctx.Process(target=_start_one, daemon=True)
    return ended(process).exitcode


def _start_one() -> None:
    print(told(child, multiprocessing, nothing))


def daemon_has_a_pool(ctx: Any) -> Any:
    return ended(ctx.Process(target=_make_a_pool, daemon=True)).exitcode


def _make_a_pool() -> None:
    print(told(multiprocessing.Pool, 1))


def daemon_is_ended_by_its_parents_end(ctx: Any) -> Any:
    reader, writer = ctx.Pipe(False)
    process = ctx.Process(target=_leave_a_daemon, args=(writer,))
    process.start()
    writer.close()
    process.join()
    with reader:
        return process.exitcode, reader.recv(), told(reader.recv)


def _leave_a_daemon(writer: Any) -> None:
    ready = multiprocessing.Event()
    multiprocessing.Process(target=_hold, args=(writer, ready), daemon=True).start()
    ready.wait()
    writer.send("started")


def _hold(writer: Any, ready: Any) -> None:
    wait_for_ever(ready)


def child_is_joined_by_its_parents_end(ctx: Any) -> Any:
    return code(ctx, _leave_a_child)


def _leave_a_child() -> None:
    print("from the child", flush=True)
    multiprocessing.Process(target=others.write, args=("from the grandchild",)).start()


def daemon_is_inherited(ctx: Any) -> Any:
    return answer(ctx, _daemon_of_child)


def _daemon_of_child() -> Any:
    return multiprocessing.current_process().daemon, multiprocessing.Process().daemon


def keys(ctx: Any) -> Any:
    process = ctx.Process(target=_show_key)
    process.authkey = b"a key"
    seen = (type(process.authkey).__name__, bytes(process.authkey), told(setattr, process, "authkey", "text"), ended(process).exitcode)
    return seen, ctx.Process().authkey == ctx.current_process().authkey, told(pickle.dumps, process.authkey)


def _show_key() -> None:
    print(bytes(multiprocessing.current_process().authkey))


def key_is_inherited(ctx: Any) -> Any:
    key = bytes(ctx.current_process().authkey)
    return answer(ctx, _same_key, key)


def _same_key(key: bytes) -> Any:
    return bytes(multiprocessing.current_process().authkey) == key


TABLE = {
    "is_alive with an argument": lambda ctx: ctx.Process().is_alive(1),
    "join with text": lambda ctx: child(ctx, nothing).join("1"),
    "join by keyword": lambda ctx: child(ctx, nothing).join(timeout=5),
    "equality": lambda ctx: (ctx.Process() == ctx.Process(), len({ctx.Process(), ctx.Process()})),
    "exitcode cannot be set": lambda ctx: setattr(ctx.Process(), "exitcode", 1),
    "pid cannot be set": lambda ctx: setattr(ctx.Process(), "pid", 1),
    "sentinel cannot be set": lambda ctx: setattr(ctx.Process(), "sentinel", 1),
    "parent of the main process": lambda ctx: ctx.parent_process(),
    "run here": lambda ctx: ctx.Process(target=print, args=("here",)).run(),
    "daemon by text": lambda ctx: ctx.Process(daemon="yes").daemon,
    "a method": lambda ctx: code(ctx, others.Custom("x").with_traceback, None),
    "a class": lambda ctx: code(ctx, others.Custom, "x"),
    "a builtin": lambda ctx: code(ctx, print, "printed"),
    "cpu_count": lambda ctx: ctx.cpu_count() == os.cpu_count(),
    "freeze_support": lambda ctx: ctx.freeze_support(),
}  # fmt: skip
