"""How an object becomes a message of a channel, and back.

A message is what its flags say: BYTES is the object itself, PICKLE its pickle (or bytes that a user sent as bytes), PARTS a pickle followed by the large
buffers it refers to, which are copied once into shared memory and once out of it, and are never part of the pickle.
"""

from __future__ import annotations

import copyreg
import io
import pickle
from multiprocessing.reduction import ForkingPickler
from typing import Any, cast

from dragon import _shm

PICKLE, PARTS, BYTES = 0, 1, 2

_OUT_OF_BAND = 4096  # bytes; below, a copy into the pickle costs less than a part of its own
_PLAIN = frozenset((int, float, bool, type(None), str))  # no reducer can be registered that pickle would ask for these

_dumps = pickle.dumps
_loads = pickle.loads
_reducers: dict[type, Any] = {}
_counted = (-1, -1)


class _Pickler(pickle.Pickler):
    """multiprocessing's ForkingPickler, without its copy of the table of reducers for each object."""

    dispatch_table = _reducers


def send(channel: _shm.Channel, thing: Any, timeout: float | None = None) -> None:
    """Sends an object. What cannot be pickled raises here, before anything is sent."""
    kind = type(thing)
    if kind is bytes:
        channel.send(thing, timeout, BYTES)
    elif kind in _PLAIN:
        channel.send(_dumps(thing, 5), timeout, PICKLE)
    else:
        data, buffers = dump(thing)
        if buffers:
            channel.send_parts([data, *buffers], timeout, PARTS)
        else:
            channel.send(data, timeout, PICKLE)


def receive(channel: _shm.Channel, timeout: float | None = None) -> Any:
    """The object of the next message."""
    flags, data = channel.recv_message(timeout)
    if flags == BYTES:
        return data
    if flags == PICKLE:
        return _loads(cast(bytes, data))
    return _loads(data[0], buffers=data[1:])  # type: ignore[arg-type]


def receive_bytes(channel: _shm.Channel, timeout: float | None = None) -> bytes:
    """The bytes of the next message, as multiprocessing would have sent them."""
    flags, data = channel.recv_message(timeout)
    if flags == PICKLE:
        return cast(bytes, data)
    if flags == BYTES:
        return _dumps(data)
    return bytes(ForkingPickler.dumps(_loads(data[0], buffers=data[1:])))  # type: ignore[arg-type]


def load(flags: int, data: Any, header: int) -> Any:
    """The object of a message that begins with a header of so many bytes: before the pickle, or as a part of its own."""
    if flags == PARTS:
        return _loads(data[1], buffers=data[2:])
    return _loads(memoryview(data)[header:])


def dump(thing: Any) -> tuple[memoryview, list[memoryview]]:
    """The pickle of an object, and the large buffers that did not become part of it."""
    global _counted
    counted = (len(ForkingPickler._extra_reducers), len(copyreg.dispatch_table))  # type: ignore[attr-defined]
    if counted != _counted:
        _reducers.update(copyreg.dispatch_table)
        _reducers.update(ForkingPickler._extra_reducers)  # type: ignore[attr-defined]
        _counted = counted
    buffers: list[memoryview] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if view.nbytes < _OUT_OF_BAND:
            return True
        buffers.append(view)
        return False

    file = io.BytesIO()
    _Pickler(file, 5, buffer_callback=keep).dump(thing)
    return file.getbuffer(), buffers
