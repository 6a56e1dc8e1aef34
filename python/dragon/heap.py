"""Shared memory for values and arrays: areas of the node's memory, which live as long as any process that has them.

A process forked by user code uses its parent's areas without a call that could make it known as a user of them. So a process that has areas forks with
care: the parent goes on when its child has joined the run, and lets go of nothing meanwhile.
"""

from __future__ import annotations

import os
import sys
import weakref
from multiprocessing import heap as stock
from multiprocessing.reduction import ForkingPickler
from typing import Any, cast

from dragon import _agent, _handle, _shm

__all__ = ["BufferWrapper"]

_in_use: weakref.WeakSet[Holder] = weakref.WeakSet()


class Holder:
    """Who has an area, whose bytes this process reads and writes without asking."""

    _area: Any

    def _hold(self, area: _shm.Area) -> None:
        self._area = area
        _in_use.add(self)

    def create_memoryview(self) -> memoryview:
        """The bytes. A view keeps them, also when this object is gone."""
        return memoryview(cast(Any, self._area))

    def _inherited(self) -> None:
        """This process was forked by user code from one that has the area, and is bound to it by now."""


class BufferWrapper(Holder, stock.BufferWrapper):
    """So many bytes of shared memory, zero at first. Raises MemoryError when the run's memory is used up; freed when the last process that has it lets go or dies."""

    def __init__(self, size: int) -> None:
        _check_size(size)
        self._hold(_shm.Area.create(size))

    def __reduce__(self) -> Any:
        """Where pickle itself comes upon one it is pickling a value or array as a copy of its bytes, which nobody would share."""
        raise TypeError(
            "shared memory is pickled by multiprocessing (as argument, by a queue or a connection), not by pickle: what it "
            "is part of would arrive as a copy; pickle a Value or Array with its lock, or use ForkingPickler"
        )


def export(wrapper: BufferWrapper) -> tuple[Any, ...]:
    """What a wrapper's memory is known by in other processes."""
    return _handle.export(wrapper._area)


def arrived(handle: tuple[Any, ...]) -> BufferWrapper:
    """The wrapper of memory that another process exported."""
    wrapper = BufferWrapper.__new__(BufferWrapper)
    wrapper._hold(_handle.bind(_shm.Area, handle))
    return wrapper


def _reduce(wrapper: BufferWrapper) -> tuple[Any, ...]:
    return arrived, (export(wrapper),)


ForkingPickler.register(BufferWrapper, _reduce)


def _check_size(size: int) -> None:
    if size < 0:
        raise ValueError(f"Size {size:n} out of range")
    if sys.maxsize <= size:
        raise OverflowError(f"Size {size:n} too large")


_fork: tuple[list[memoryview], int, int] | None = (
    None  # areas that stay until the child has them, and a pipe that it closes then
)


def _before_fork() -> None:
    global _fork
    _fork = None
    if _agent.attached() and _in_use:
        areas = [holder.create_memoryview() for holder in _in_use if not holder._area.released]
        _fork = (areas, *os.pipe())


def _in_parent() -> None:
    global _fork
    if _fork is not None:
        _, reader, writer = _fork
        os.close(writer)
        os.read(reader, 1)  # the end: the child has joined, has died, or is another program now
        os.close(reader)
        _fork = None


def _in_child() -> None:
    global _fork
    if _fork is not None:
        try:
            _agent.attach()
            for holder in list(_in_use):
                holder._inherited()
        except OSError:
            pass  # the run is over: nothing is freed any more
        finally:  # else the parent would wait as long as this process lives
            _, reader, writer = _fork
            os.close(reader)
            os.close(writer)
            _fork = None


os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
