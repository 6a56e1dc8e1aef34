"""Contexts, start methods, logging, and the module itself."""

from __future__ import annotations

import io
import logging
import multiprocessing
import sys
import warnings
from multiprocessing import context, process, reduction, util
from typing import Any

import others
from others import answer, child, code, nothing
from words import plain, told


def _method(ctx: Any) -> str:
    return "mine" if ctx.get_start_method() == sys.argv[1] else ctx.get_start_method()


def names_of_methods(ctx: Any) -> Any:
    return (
        [each for each in ctx.get_all_start_methods() if each != "dragon"],
        _method(ctx),
        ctx.get_start_method(allow_none=True) == sys.argv[1],
        told(ctx.get_start_method, True) != "",
        told(ctx.get_start_method, 1, 2),
    )


def chosen_again(ctx: Any) -> Any:
    return (
        told(ctx.set_start_method, sys.argv[1]),
        told(ctx.set_start_method, "fork"),
        told(ctx.set_start_method, "nothing"),
        told(ctx.set_start_method, None),
        told(ctx.set_start_method),
        told(ctx.set_start_method, 5),
    )


def chosen_by_force(ctx: Any) -> Any:
    seen = (told(ctx.set_start_method, sys.argv[1], True), told(ctx.set_start_method, "nothing", force=True), _method(ctx))
    ctx.set_start_method("fork", force=True)
    during = (ctx.get_start_method(), type(ctx.Process()).__name__, type(ctx.Lock()).__module__, type(ctx.get_context()).__name__)
    ctx.set_start_method(sys.argv[1], force=True)
    return seen, during, _method(ctx)


def unchosen_by_force(ctx: Any) -> Any:
    ctx.set_start_method(None, force=True)
    seen = ctx.get_start_method(allow_none=True), told(ctx.set_start_method, None, force=True)
    ctx.set_start_method(sys.argv[1])
    return seen, _method(ctx)


def contexts(ctx: Any) -> Any:
    mine = ctx.get_context(sys.argv[1])
    return (
        mine is ctx.get_context(), mine is ctx.get_context(None), told(ctx.get_context, "nothing"), told(mine.get_context, "nothing"), mine.get_context() is mine, told(mine.set_start_method, "fork"),
        told(mine.set_start_method, "fork", True), mine.get_start_method() == sys.argv[1], type(mine.get_context("fork")).__name__, mine.get_start_method(allow_none=True) == sys.argv[1], isinstance(mine, context.BaseContext), plain(type(mine).__name__),
    )  # fmt: skip


def contexts_offer(ctx: Any) -> Any:
    mine = ctx.get_context()
    return (
        sorted(each for each in dir(mine) if each[0] != "_" and each != "os_pid"),
        mine.TimeoutError is ctx.TimeoutError,
        mine.reducer is reduction or type(mine.reducer).__name__,
        mine.current_process() is ctx.current_process(),
    )


def contexts_of_other_methods(ctx: Any) -> Any:
    other = ctx.get_context("fork")
    queue = other.SimpleQueue()
    process = other.Process(target=queue.put, args=(1,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of 3.12 and newer, if the program has threads
        process.start()
    seen = queue.get()
    process.join()
    queue.close()
    return seen, process.exitcode, type(other.Lock()).__module__, type(other).__name__


def lock_of_another_method(ctx: Any) -> Any:
    other = ctx.get_context("fork")
    lock = other.Lock()
    return told(others.ended, ctx.Process(target=nothing, args=(lock,), name="n")).split(" exit")[0]


def method_of_a_child(ctx: Any) -> Any:
    return answer(ctx, _my_method, sys.argv[1]), answer(ctx, _choose)


def _my_method(expected: str) -> Any:
    return multiprocessing.get_start_method() == expected, multiprocessing.get_start_method(allow_none=True) == expected


def _choose() -> Any:
    return told(multiprocessing.set_start_method, "fork")


def errors(ctx: Any) -> Any:
    return [
        (each.__name__, [base.__name__ for base in each.__mro__], each.__module__)
        for each in (ctx.ProcessError, ctx.BufferTooShort, ctx.TimeoutError, ctx.AuthenticationError)
    ]


def offered(ctx: Any) -> Any:
    return sorted(ctx.__all__), [name for name in ctx.__all__ if not hasattr(ctx, name)]


def reducers(ctx: Any) -> Any:
    return ctx.reducer is reduction, told(setattr, ctx, "reducer", reduction), ctx.allow_connection_pickling()


def executables(ctx: Any) -> Any:
    from multiprocessing import spawn

    before = spawn.get_executable()
    ctx.set_executable("/some/python")
    during = plain(repr(spawn.get_executable()))
    ctx.set_executable(before)
    return during, told(ctx.set_executable), spawn.get_executable() == before


def preloads(ctx: Any) -> Any:
    return (told(ctx.set_forkserver_preload, ["a", 5]), told(ctx.set_forkserver_preload, [5]), told(ctx.set_forkserver_preload, []))


# ---- logging


def logger(ctx: Any) -> Any:
    it = ctx.get_logger()
    return it.name, it is ctx.get_logger(), it.level, it.propagate, it.handlers, repr(it)


def log_to_stderr(ctx: Any) -> Any:
    it = ctx.log_to_stderr(logging.INFO)
    try:
        it.info("said %s", "here")
        it.debug("not said")
        return it is ctx.get_logger(), it.level, len(it.handlers), [handler.formatter._fmt for handler in it.handlers]
    finally:
        it.handlers.clear()
        it.setLevel(0)
        util._log_to_stderr = False


def log_of_a_child(ctx: Any) -> Any:
    it = ctx.log_to_stderr()
    it.setLevel("WARNING")
    try:
        return it.level, code(ctx, _log)
    finally:
        it.handlers.clear()
        it.setLevel(0)
        util._log_to_stderr = False


def _log() -> None:
    it = multiprocessing.get_logger()
    it.warning("from a child")
    it.info("not from a child")
    print(it.level, len(it.handlers))


def log_of_a_child_without_stderr(ctx: Any) -> Any:
    it = ctx.get_logger()
    it.setLevel(logging.ERROR)
    handler = logging.StreamHandler(io.StringIO())
    it.addHandler(handler)
    try:
        return code(ctx, _log), it.level
    finally:
        it.handlers.clear()
        it.setLevel(0)


def log_levels(ctx: Any) -> Any:
    return told(ctx.log_to_stderr, "nothing"), util._log_to_stderr and "", _clean()


def _clean() -> None:
    multiprocessing.get_logger().handlers.clear()
    multiprocessing.get_logger().setLevel(0)
    util._log_to_stderr = False


def util_functions(ctx: Any) -> Any:
    return ([told(getattr(util, name), "text") for name in ("debug", "info", "sub_debug", "sub_warning")], util.SUBDEBUG, util.LOGGER_NAME)


# ---- finalizers, and what libraries use of util and process


def finalizers(ctx: Any) -> Any:
    said: list[Any] = []
    it = util.Finalize(None, said.append, (1,), exitpriority=5)
    text = plain(repr(it).split(",")[0])
    seen = (
        it.still_active(),
        it(),
        it(),
        it.still_active(),
        said,
        told(util.Finalize, None, said.append, (1,)),
        told(util.Finalize, None, said.append, exitpriority="x"),
    )
    return text, seen, repr(it).split(" object")[0]


def spawning(ctx: Any) -> Any:
    return (context.get_spawning_popen(), told(context.assert_spawning, ctx.Lock()) != "", told(context.assert_spawning, 5))


def spawning_in_pickling(ctx: Any) -> Any:
    return child(ctx, nothing, _AsksWhoSpawns()).exitcode


class _AsksWhoSpawns:
    def __reduce__(self) -> Any:
        print("spawning", context.get_spawning_popen() is not None)
        context.assert_spawning(self)
        return int, ()


def forking_pickler(ctx: Any) -> Any:
    import pickle

    reduction.register(_Odd, _reduce_odd)
    data = reduction.ForkingPickler.dumps(_Odd())
    reader, writer = ctx.Pipe(False)
    with reader, writer:
        writer.send(_Odd())
        return type(data).__name__, pickle.loads(data), reader.recv(), others.pool(ctx).apply(others.same, (_Odd(),))


class _Odd:
    pass


def _reduce_odd(odd: Any) -> Any:
    return str, ("odd",)


def descriptors(ctx: Any) -> Any:
    import os

    one, other = ctx.Pipe()
    reader, writer = os.pipe()
    process = ctx.Process(target=_take_descriptor, args=(other,))
    process.start()
    reduction.send_handle(one, writer, process.pid)
    os.close(writer)
    seen = os.read(reader, 10)
    one.send("done")
    process.join()
    for each in (one, other):
        each.close()
    os.close(reader)
    return seen, process.exitcode


def _take_descriptor(end: Any) -> None:
    import os

    number = reduction.recv_handle(end)
    os.write(number, b"through")
    os.close(number)
    end.recv()


def dup_fd(ctx: Any) -> Any:
    import os

    reader, writer = os.pipe()
    seen = answer(ctx, _write_to, reduction.DupFd(writer)) if False else told(reduction.DupFd, writer).split("(")[0].split(" object")[0]
    os.close(reader)
    os.close(writer)
    return seen


def sockets_are_sent(ctx: Any) -> Any:
    import socket

    left, right = socket.socketpair()
    with left, right:
        process = ctx.Process(target=_say, args=(right,))
        process.start()
        seen = left.recv(10)
        process.join()
    return seen, process.exitcode


def _say(end: Any) -> None:
    end.sendall(b"hello")
    end.close()


def _write_to(handle: Any) -> Any:
    return handle.detach()


def dummy(ctx: Any) -> Any:
    from multiprocessing import dummy

    with dummy.Pool(2) as it:
        seen = it.map(others.double, range(3))
    thread = dummy.Process(target=nothing)
    thread.start()
    thread.join()
    return (seen, thread.exitcode, type(dummy.Queue()).__module__, type(dummy.Lock()).__module__, type(dummy.Manager().list()).__name__)


def thread_pool(ctx: Any) -> Any:
    from multiprocessing.pool import ThreadPool

    with ThreadPool(2) as it:
        return (it.map(lambda each: each * 2, range(3)), plain(repr(it)), told(it.apply, others.fail), list(it.imap(str, [1])))


def names_of_processes(ctx: Any) -> Any:
    return (
        process.current_process().name,
        process.ORIGINAL_DIR != "",
        told(process.AuthenticationString, "x"),
        type(process.current_process().authkey).__name__,
        len(process.current_process().authkey),
        type(process.current_process()._config).__name__,
    )


TABLE = {
    "the method's process class": lambda ctx: plain(ctx.get_context().Process.__name__),
    "a context's attributes cannot be made up": lambda ctx: ctx.get_context().nothing,
    "the main names": lambda ctx: [hasattr(ctx, each) for each in ("Process", "Pool", "Queue", "set_start_method", "nothing")],
    "Process is the package's": lambda ctx: (ctx.Process.__module__, ctx.Process.__qualname__, ctx.Process.__mro__[1].__name__),
    "freeze_support of the context": lambda ctx: ctx.get_context().freeze_support(),
    "temporary directory": lambda ctx: type(util.get_temp_dir()).__name__,
}  # fmt: skip
