"""SharedMemory and ShareableList in the node's memory: `multiprocessing.shared_memory` without files in /dev/shm and without a resource tracker.

A segment is an area, which lives as long as anybody uses it or its name is known. The agent keeps the names: until `unlink`, until the last process that made or
opened the segment is killed, or until the run ends.
"""

from __future__ import annotations

import errno
import os
from multiprocessing import shared_memory as stock
from typing import Any

from dragon import _agent, _shm
from dragon._control import NameSegment, OpenSegment, Segment, UnlinkSegment
from dragon.heap import Holder

__all__ = ["ShareableList", "SharedMemory"]

_private: Any = stock  # for what its type stubs do not tell
_MAKE = os.O_CREAT | os.O_EXCL


class SharedMemory(stock.SharedMemory):
    """A segment of shared memory with a name that any process of the run can open it by.

    Made with `create=True` and a size in bytes, zero at first; MemoryError says what is needed, what there is and which setting raises it. FileExistsError: the
    name is in use. FileNotFoundError: nothing has it. `track` is ignored: nothing needs a tracker here.
    """

    def __init__(self, name: str | None = None, create: bool = False, size: int = 0, *, track: bool = True) -> None:
        # Also called with objects of classes that are derived from multiprocessing's own.
        state: Any = self
        if not size >= 0:
            raise ValueError("'size' must be a positive integer")
        if create:
            state._flags = _MAKE | os.O_RDWR
            if size == 0:
                raise ValueError("'size' must be a positive number different from zero")
        if name is None and not state._flags & os.O_EXCL:
            raise ValueError("'name' can only be None if create=True")
        if name is not None and state._prepend_leading_slash:
            name = "/" + name
        if name is None or state._flags & os.O_EXCL:
            state._name, area = _make(name, size)
        else:
            state._name, area = name, _open(name)
        state._segment = True
        state._mmap = _Mapping(area, state._name)
        state._size = area.size
        state._buf = state._mmap.create_memoryview()

    def unlink(self) -> None:
        """Frees the name; the memory stays until the last process that has it closes it or dies. FileNotFoundError: somebody did."""
        state: Any = self
        name = state._name
        if name:
            _ask(UnlinkSegment(_encode(name)), name)


ShareableList = stock.ShareableList  # which is made of SharedMemory


class _Mapping(Holder):
    """What a segment has in the place of a mapped file."""

    def __init__(self, area: _shm.Area, name: str) -> None:
        self._hold(area)
        self._name = name

    def _inherited(self) -> None:
        if self._area.released:
            return
        try:
            _ask(
                OpenSegment(_encode(self._name)), self._name
            )  # it has the segment open, as one that opened it by its name
        except FileNotFoundError:
            pass  # the name was unlinked

    def close(self) -> None:
        """Ends this process's use of it. BufferError: something is made of its bytes, such as an array."""
        if self._area.views:
            raise BufferError("cannot close exported pointers exist")
        self._area.release()


def _make(name: str | None, size: int) -> tuple[str, _shm.Area]:
    """A new segment, by that name or one that is free."""
    area = _shm.Area.create(size)
    while True:
        attempt = _private._make_filename() if name is None else name
        try:
            _ask(NameSegment(_encode(attempt), area.offset, area.id), attempt)
        except FileExistsError:
            if name is None:
                continue
            raise
        return attempt, area


def _open(name: str) -> _shm.Area:
    found = _ask(OpenSegment(_encode(name)), name)
    try:
        return _shm.Area.bind(found.offset, found.id)
    except _shm.NoSuchObject:  # unlinked meanwhile, and nobody has it any more
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name) from None


def _ask(request: NameSegment | OpenSegment | UnlinkSegment, name: str) -> Segment:
    try:
        answer = _agent.call(request)
    except (FileExistsError, FileNotFoundError) as error:
        raise type(error)(error.errno, os.strerror(error.errno or 0), name) from None
    assert isinstance(answer, Segment)
    return answer


def _encode(name: str) -> bytes:
    """What the agent knows a segment by. As for shm_open, slashes before a name say nothing, and what could be no file's name is none."""
    encoded = os.fsencode(name).lstrip(b"/")
    if b"\0" in encoded:
        raise ValueError("embedded null character")
    if len(encoded) > 255:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), name)
    if b"/" in encoded or encoded in (b"", b".", b".."):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), name)
    return encoded
