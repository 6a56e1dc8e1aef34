"""The loop of a pool's worker."""

from __future__ import annotations

import os
import struct
import sys
from multiprocessing import pool as stock
from typing import TYPE_CHECKING, Any, Callable, NoReturn

from dragon import _handle, _message, _shm

if TYPE_CHECKING:
    from dragon.connection import Connection

TASK = struct.Struct("=qq")  # before the pickle of a task: job, index
RESULT = struct.Struct("=qqq")  # before the pickle of a result: worker, job, index
END = b""  # in place of a task
DEAD, STOP, READY, FAILED = -1, -2, -3, -4  # in place of a job; see `_dispatch`

_INTERRUPTED = 130  # the exit code of a worker that got Ctrl-C, as a shell has it


def work(
    number: int,
    tasks: Connection,
    results: Connection,
    initializer: Callable[..., object] | None,
    initargs: tuple[Any, ...],
    most: int | None,
    catch: type[BaseException],
) -> None:
    """Takes tasks, does them and sends their results, until told to end, the pool's process has ended, or after `most` of them.

    What is no `catch` and is raised by a task ends the worker.
    """
    incoming, outgoing = tasks._reader, results._writer
    assert incoming is not None and outgoing is not None
    try:
        if _begin(number, outgoing, initializer, initargs, catch):
            _serve(number, incoming, outgoing, most, catch)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)  # the driver shows the interrupt; a worker has nothing to add
    except _shm.RunOver:
        _leave()


def call_each(function: Callable[..., Any], calls: list[tuple[Any, ...]]) -> list[Any]:
    """A chunk of an executor's map."""
    return [function(*args) for args in calls]


def _begin(
    number: int,
    outgoing: _shm.Channel,
    initializer: Callable[..., object] | None,
    initargs: tuple[Any, ...],
    catch: type[BaseException],
) -> bool:
    try:
        if initializer is not None:
            initializer(*initargs)
    except Exception as error:
        _answer(outgoing, RESULT.pack(number, FAILED, 0), (False, _with_traceback(error, catch)), catch)
        return False
    outgoing.send(RESULT.pack(number, READY, 0))
    return True


def _serve(
    number: int, incoming: _shm.Channel, outgoing: _shm.Channel, most: int | None, catch: type[BaseException]
) -> None:
    receive, do, answer, unpack, pack, parts = (
        incoming.recv_message,
        _do,
        _answer,
        TASK.unpack_from,
        RESULT.pack,
        _message.PARTS,
    )
    done = 0
    while most is None or done < most:
        try:
            flags, data = receive()
        except _shm.Closed:
            return  # the process that the pool belongs to has ended
        if data == END:
            return
        job, index = unpack(data[0] if flags == parts else data)  # type: ignore[arg-type]
        outcome = do(flags, data, catch)
        answer(outgoing, pack(number, job, index), outcome, catch)
        data = outcome = None  # type: ignore[assignment]
        done += 1


def _do(flags: int, data: Any, catch: type[BaseException]) -> tuple[bool, Any]:
    function = None
    try:
        function, args, kwds = _message.load(flags, data, TASK.size)
        return True, function(*args, **kwds)
    except catch as error:
        if function is stock._helper_reraises_exception:  # type: ignore[attr-defined]
            return False, error
        return False, _with_traceback(error, catch)


def _answer(outgoing: _shm.Channel, header: bytes, outcome: tuple[bool, Any], catch: type[BaseException]) -> None:
    # What came by value goes by value, too; else an answer is what CPython's pool could answer.
    before = _handle.exported
    try:
        pickled = _message.dump(outcome, _part_of_answer, "cloudpickle" in sys.modules)
    except _shm.Error:
        raise
    except Exception as error:
        pickled = _message.dump((False, _instead(outcome[1], error, catch)))
    try:
        if _handle.exported != before:
            _handle.carry(outgoing, before)
        _send(outgoing, header, *pickled)
    except (MemoryError, ValueError) as error:  # there is no room for it, or for anything of its size
        _handle.take_back(before)
        _send(outgoing, header, *_message.dump((False, _with_traceback(error, catch))))


def _instead(answer: Any, error: Exception, catch: type[BaseException]) -> Any:
    """What is sent of an answer that cannot be: why, with the traceback of the task's own error, if that was the answer, else with the one of pickling it."""
    wrapped = _with_traceback(error, catch)
    if type(answer) is type(wrapped):
        answer, wrapped.tb = answer.exc, answer.tb
    if catch is Exception:
        wrapped.exc = stock.MaybeEncodingError(_Shown(error), _Shown(answer))  # type: ignore[attr-defined]
    return wrapped


class _Shown:
    """Whose repr is that of a thing, as far as it has one that works: what cannot be sent is named even so."""

    def __init__(self, thing: Any) -> None:
        self._thing = thing

    def __repr__(self) -> str:
        try:
            return repr(self._thing)
        except Exception:
            return object.__repr__(self._thing)


def _with_traceback(error: BaseException, catch: type[BaseException]) -> Any:
    """An error that is unpickled with its traceback as its cause; an executor's with its own kind of it."""
    if catch is Exception:
        return stock.ExceptionWithTraceback(error, error.__traceback__)  # type: ignore[attr-defined]
    from concurrent.futures import process

    return process._ExceptionWithTraceback(error, error.__traceback__)  # type: ignore[arg-type]


def _send(outgoing: _shm.Channel, header: bytes, data: memoryview, buffers: list[memoryview]) -> None:
    flags, message = _message.headed(header, data, buffers)
    if flags == _message.PARTS:
        outgoing.send_parts(message, None, flags)
    else:
        outgoing.send(message)


def _leave() -> NoReturn:
    """The run is over, and with it everything this process could tell anybody."""
    os._exit(1)


def part(way: list[Any]) -> tuple[str, int]:
    """What a part of a task (function, args, kwds) is called where it was given."""
    function, args, kwds = way[0]
    names = [("args", args), ("kwds", kwds)]
    if function is stock.mapstar or function is stock.starmapstar:  # type: ignore[attr-defined]
        function, chunk = args[0]
        names.insert(0, ("chunk", chunk))
    elif function is call_each:
        function, chunk = args
        names.insert(0, ("chunk", chunk))
    for name, each in [("func", function), *names]:
        for at in range(1, min(len(way), 5)):
            if way[at] is each:
                return name, at
    return "task", 0


def _part_of_answer(way: list[Any]) -> tuple[str, int]:
    """What a part of an answer is called where it was made."""
    success, value = way[0]
    if success:
        return "result", 1
    error = getattr(value, "exc", value)
    return "error", next((at for at in range(1, min(len(way), 5)) if way[at] is error), 1)
