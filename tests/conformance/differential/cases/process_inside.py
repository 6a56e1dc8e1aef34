"""What a process sees of itself and of what is around it."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from typing import Any

import others
from others import answer, child, ended, nothing, running
from words import calls, plain, told

# ---- who is who


def main_process(ctx: Any) -> Any:
    me = ctx.current_process()
    seen = calls(me, ("__repr__",), ("is_alive",), ("join",), ("start",), ("terminate",), ("close",))
    return seen, me.name, me.daemon, me.exitcode, ctx.parent_process(), type(me).__name__


def seen_by_a_child(ctx: Any) -> Any:
    return answer(ctx, _look_at_myself)


def _look_at_myself() -> Any:
    me, parent = multiprocessing.current_process(), multiprocessing.parent_process()
    seen = calls(me, ("is_alive",), ("join",), ("start",), ("terminate",), ("kill",), ("close",), ("__repr__",))
    mine = me.daemon, me.exitcode, me.pid == me.ident, plain(me.name), told(lambda: me.sentinel)
    theirs = (parent.name, parent.is_alive(), repr(parent), *calls(parent, ("terminate",), ("kill",), ("start",), ("join", 0)), told(lambda: parent.exitcode))
    return seen, mine, theirs, multiprocessing.active_children()


def child_of_another_looks(ctx: Any) -> Any:
    process = child(ctx, nothing, name="mine")
    fresh = ctx.Process(target=nothing, name="fresh")
    return told(pickle.dumps, process), told(repr, fresh)


def process_pickled(ctx: Any) -> Any:
    return told(pickle.dumps, ctx.Process(target=nothing))


def process_as_argument(ctx: Any) -> Any:
    process = ctx.Process(target=nothing)
    return told(child, ctx, nothing, process)


def children(ctx: Any) -> Any:
    before = set(ctx.active_children())
    process = running(ctx)
    during = process in ctx.active_children()
    process.kill()
    process.join()
    return during, process in ctx.active_children(), set(ctx.active_children()) == before


def children_that_ended_are_joined(ctx: Any) -> Any:
    from multiprocessing.connection import wait

    process = ctx.Process(target=nothing)
    process.start()
    wait([process.sentinel])
    process.join()
    return process in ctx.active_children(), process.exitcode


def nested(ctx: Any) -> Any:
    return answer(ctx, _nested)


def _nested() -> Any:
    return answer(multiprocessing, _parents_name)


def _parents_name() -> Any:
    parent = multiprocessing.parent_process()
    return (parent is not None and parent.is_alive(), multiprocessing.get_start_method() == multiprocessing.get_context().get_start_method())


# ---- subclasses


class Mine(multiprocessing.Process):
    def __init__(self, text: str, **more: Any) -> None:
        super().__init__(**more)
        self.text = text

    def run(self) -> None:
        print("run", self.text)
        sys.exit(4)


class NoSuper(multiprocessing.Process):
    def __init__(self) -> None:
        pass

    def run(self) -> None:
        pass


class CallsRun(multiprocessing.Process):
    def run(self) -> None:
        print("before")
        super().run()
        print("after")


def subclass(ctx: Any) -> Any:
    process = Mine("x", name="mine")
    ended(process)
    return process.exitcode, repr(process), process.text, isinstance(process, ctx.Process)


def subclass_without_super(ctx: Any) -> Any:
    process = NoSuper()
    return told(process.start), told(repr, process), told(process.join), told(lambda: process.name)


def subclass_that_calls_run(ctx: Any) -> Any:
    return ended(CallsRun(target=others.write, args=("within",))).exitcode, told(CallsRun(target=others.write, args=("here",)).run)


def subclass_of_the_contexts_class(ctx: Any) -> Any:
    process = ctx.get_context().Process
    return (issubclass(process, multiprocessing.process.BaseProcess), process._start_method == ctx.get_start_method(), issubclass(Mine, process))


def started_in_a_thread(ctx: Any) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(child(ctx, nothing).exitcode))
    thread.start()
    thread.join()
    return found


def joined_in_a_thread(ctx: Any) -> Any:
    process = running(ctx)
    thread = threading.Thread(target=process.join)
    thread.start()
    process.kill()
    thread.join()
    return process.exitcode


# ---- what a child finds


def surroundings(ctx: Any) -> Any:
    os.environ["DIFFERENTIAL"] = "set"
    before = sys.argv[:], sys.path[:]
    sys.argv.append("more")
    sys.path.append("/somewhere")
    try:
        return answer(ctx, _surroundings)
    finally:
        sys.argv[:], sys.path[:] = before
        del os.environ["DIFFERENTIAL"]


def _surroundings() -> Any:
    main = sys.modules["__main__"]
    return {
        "variable": os.environ.get("DIFFERENTIAL"),
        "argument": sys.argv[-1],
        "path": "/somewhere" in sys.path,
        "main": (main.__name__, os.path.basename(main.__file__ or ""), sys.modules.get("__mp_main__") is main, getattr(main, "__spec__", 0)),
        "stdin": (sys.stdin.read(), sys.stdin.isatty(), sys.stdin.fileno() > 2),
        "streams": (sys.stdout.fileno(), sys.stderr.fileno(), sys.stdout.encoding, sys.stdout.line_buffering),
        "threads": (threading.current_thread().name, threading.current_thread() is threading.main_thread(), threading.active_count()),
        "handlers": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE)],
        "random": len({sys.flags.hash_randomization, 1}),
        "flags": tuple(sys.flags)[:5],
        "executable": sys.executable == multiprocessing.spawn.get_executable() if hasattr(multiprocessing, "spawn") else True,
    }  # fmt: skip


def main_module_is_found(ctx: Any) -> Any:
    return answer(ctx, _main_has)


def _main_has() -> Any:
    main = sys.modules["__main__"]
    return sorted(name for name in vars(main) if name[:2] != "__" and name not in ("annotations",))


def directory(ctx: Any) -> Any:
    before = os.getcwd()
    os.chdir("/")
    try:
        return answer(ctx, os.getcwd)
    finally:
        os.chdir(before)


def mask_and_umask(ctx: Any) -> Any:
    before = os.umask(0o27)
    try:
        return answer(ctx, os.umask, 0)
    finally:
        os.umask(before)


def subprocess_of_a_child(ctx: Any) -> Any:
    return answer(ctx, subprocess.check_output, ["echo", "hello"])


def descriptors_are_not_inherited(ctx: Any) -> Any:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    try:
        return answer(ctx, os.write, 200, b"x")
    finally:
        os.close(reader)
        os.close(writer)


def globals_are_fresh(ctx: Any) -> Any:
    others.executor_of, before = "changed", others.executor_of
    try:
        return answer(ctx, _global)
    finally:
        others.executor_of = before


def _global() -> Any:
    return others.executor_of
