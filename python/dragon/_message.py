"""How an object becomes a message of a channel, and back.

A message is what its flags say: BYTES is the object itself, PICKLE its pickle (or bytes that a user sent as bytes), PARTS a pickle followed by the large
buffers it refers to, which are copied once into shared memory and once out of it, and are never part of the pickle.

What plain pickle cannot do is looked at again: by `_by_value` on its way out, by `_unpickling` on its way in.
"""

from __future__ import annotations

import array
import copyreg
import io
import pickle
from multiprocessing.reduction import ForkingPickler
from sys import modules
from typing import TYPE_CHECKING, Any, cast

from dragon import _handle, _main_code, _shm

if TYPE_CHECKING:
    from dragon import _culprit

PICKLE, PARTS, BYTES = 0, 1, 2

_OUT_OF_BAND = 4096  # bytes; below, a copy into the pickle costs less than a part of its own
_APART = 65536  # bytes; a smaller pickle is copied behind its header
_PLAIN = frozenset((int, float, bool, type(None), str))  # no reducer can be registered that pickle would ask for these
_THE_BUFFER = pickle.PROTO + b"\x05" + pickle.NEXT_BUFFER + pickle.STOP  # the pickle of an object that is its buffer

_dumps = pickle.dumps
_loads = pickle.loads
_extra: dict[type, Any] = ForkingPickler._extra_reducers  # type: ignore[attr-defined]
_everyones = copyreg.dispatch_table
_counted = -1  # how many were in both when they were looked at
_MAIN = (
    pickle.SHORT_BINUNICODE + b"\x08__main__"
)  # in a pickle that refers to something of `__main__` by name, or holds that text
_ordinary_main: Any = None  # the `__main__`, once it is known that other processes can import it
_main_of_session: Any = None  # or that they cannot


def send(channel: _shm.Channel, thing: Any, timeout: float | None = None) -> None:
    """Sends an object. What cannot be pickled raises here, before anything is sent."""
    kind = type(thing)
    if kind is bytes:
        channel.send(thing, timeout, BYTES)
    elif kind in _PLAIN:
        channel.send(_dumps(thing, 5), timeout, PICKLE)
    elif kind is bytearray and len(thing) >= _OUT_OF_BAND:
        channel.send_parts([_THE_BUFFER, thing], timeout, PARTS)
    else:
        before = _handle.exported
        data, buffers = dump(thing)
        try:
            if _handle.exported != before:
                _handle.carry(channel, before)
            if buffers:
                channel.send_parts([data, *buffers], timeout, PARTS)
            else:
                channel.send(data, timeout, PICKLE)
        except BaseException:
            _handle.take_back(before)
            raise


def receive(channel: _shm.Channel, timeout: float | None = None) -> Any:
    """The object of the next message. One that cannot be unpickled raises what is wrong with it; it is taken, and the next message is the next."""
    flags, data = channel.recv_message(timeout)
    if flags == BYTES:
        return data
    try:
        if flags == PICKLE:
            return _loads(cast(bytes, data))
        return _loads(data[0], buffers=data[1:])  # type: ignore[arg-type]
    except Exception as error:
        return _second_look(error, *((data, []) if flags == PICKLE else (data[0], data[1:])))


def receive_bytes(channel: _shm.Channel, timeout: float | None = None) -> bytes:
    """The bytes of the next message, as multiprocessing would have sent them."""
    flags, data = channel.recv_message(timeout)
    if flags == PICKLE:
        return cast(bytes, data)
    if flags == BYTES:
        return _dumps(data)
    return bytes(ForkingPickler.dumps(_loads(data[0], buffers=data[1:])))  # type: ignore[arg-type]


def headed(header: bytes, data: memoryview, buffers: list[memoryview]) -> tuple[int, Any]:
    """The flags of a message that begins with a header, and its bytes, or its parts: a large pickle is a part of its own, since to put it behind the header takes a copy of it."""
    if buffers or len(data) > _APART:
        return PARTS, [header, data, *buffers]
    return PICKLE, header + data


def load(flags: int, data: Any, header: int) -> Any:
    """The object of a message that begins with a header of so many bytes: before the pickle, or as a part of its own."""
    pickled, buffers = (data[1], data[2:]) if flags == PARTS else (memoryview(data)[header:], [])
    try:
        return _loads(pickled, buffers=buffers)
    except Exception as error:
        return _second_look(error, pickled, buffers)


def dump(
    thing: Any, name: _culprit.Name = "obj", by_value: bool = True, out_of_band: bool = True
) -> tuple[memoryview, list[memoryview]]:
    """The pickle of an object, and the large buffers that did not become part of it.

    What plain pickle cannot do goes by value, if that is wanted and possible. The error tells the way to what is at fault, from the object's name on.
    """
    before = _handle.exported
    error: Exception | None = None
    file = io.BytesIO()
    buffers: list[memoryview] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if view.nbytes < _OUT_OF_BAND:
            return True
        buffers.append(view)
        return False

    try:
        if len(_extra) + len(_everyones) != _counted:
            reducers()
        Pickler(file, 5, buffer_callback=keep if out_of_band else None).dump(thing)
        main = modules["__main__"]
        if (
            main is _ordinary_main
            or not (main is _main_of_session or _look_at_main(main))
            or _MAIN not in file.getvalue()
        ):
            return file.getbuffer(), buffers
    except Exception as failure:
        error = failure
    from dragon import _by_value

    _handle.take_back(before)
    file, buffers[:] = io.BytesIO(), []
    try:
        _by_value.write(file, thing, keep if out_of_band else None, name, error, by_value or error is None)
    finally:
        error = None  # else it and this frame would hold each other
    return file.getbuffer(), buffers


def _look_at_main(main: Any) -> bool:
    """Is it a `__main__` that no other process can import? What names something of it goes by value."""
    global _ordinary_main, _main_of_session
    if _main_code.can_be_imported():
        _ordinary_main = main
        return False
    _main_of_session = main
    return True


def _second_look(error: Exception, data: Any, buffers: Any) -> Any:
    from dragon import _unpickling

    return _unpickling.second_look(error, data, buffers)


def _reduce_array(thing: array.array[Any]) -> tuple[Any, ...]:
    return _array, (thing.typecode, pickle.PickleBuffer(thing))


def _array(typecode: str, data: Any) -> array.array[Any]:
    thing: array.array[Any] = array.array(typecode)
    thing.frombytes(data)
    return thing


class Pickler(pickle.Pickler):
    """multiprocessing's ForkingPickler, without its copy of the table of reducers for each object."""

    dispatch_table: dict[type, Any] = {}


def reducers() -> dict[type, Any]:
    """How to pickle objects of certain types, by multiprocessing's and everyone's registrations up to now."""
    global _counted
    table = Pickler.dispatch_table
    table[array.array] = _reduce_array
    table.update(_everyones)
    table.update(_extra)
    _counted = len(_extra) + len(_everyones)
    return table
