"""The loop of a pool's worker."""

from __future__ import annotations

import struct
from multiprocessing import pool as stock
from typing import TYPE_CHECKING, Any, Callable

from dragon import _message, _shm

if TYPE_CHECKING:
    from dragon.connection import Connection

TASK = struct.Struct("=qq")  # before the pickle of a task: job, index
RESULT = struct.Struct("=qqq")  # before the pickle of a result: worker, job, index
END = b""  # in place of a task


def work(
    number: int,
    tasks: Connection,
    results: Connection,
    initializer: Callable[..., object] | None,
    initargs: tuple[Any, ...],
    most: int | None,
) -> None:
    """Takes tasks, does them and sends their results, until told to end or after `most` of them."""
    incoming, outgoing = tasks._reader, results._writer
    assert incoming is not None and outgoing is not None
    if initializer is not None:
        initializer(*initargs)
    done = 0
    while most is None or done < most:
        try:
            flags, data = incoming.recv_message()
        except _shm.Closed:
            return
        if data == END:
            return
        job, index = TASK.unpack_from(data[0] if flags == _message.PARTS else data)  # type: ignore[arg-type]
        outcome = _do(flags, data)
        header = RESULT.pack(number, job, index)
        try:
            _send(outgoing, header, outcome)
        except _shm.Error:
            raise
        except Exception as error:
            wrapped = stock.MaybeEncodingError(error, outcome[1])  # type: ignore[attr-defined]
            _send(outgoing, header, (False, wrapped))
        data = outcome = None  # type: ignore[assignment]
        done += 1


def _do(flags: int, data: Any) -> tuple[bool, Any]:
    function = None
    try:
        function, args, kwds = _message.load(flags, data, TASK.size)
        return True, function(*args, **kwds)
    except Exception as error:
        if function is stock._helper_reraises_exception:  # type: ignore[attr-defined]
            return False, error
        return False, stock.ExceptionWithTraceback(error, error.__traceback__)  # type: ignore[attr-defined]


def _send(outgoing: _shm.Channel, header: bytes, outcome: tuple[bool, Any]) -> None:
    data, buffers = _message.dump(outcome)
    if buffers:
        outgoing.send_parts([header, data, *buffers], None, _message.PARTS)
    else:
        outgoing.send(header + data)
