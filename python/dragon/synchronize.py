"""Locks, semaphores, conditions, events and barriers in shared memory.

They look and fail as multiprocessing's own. What is more: a lock whose owner was killed is given on, and `owner_died` tells the next owner, who may find what
it protects half done. (An owner that ends in order with the lock held leaves it locked, as there.)
"""

from __future__ import annotations

import errno
import operator
import os
from multiprocessing import ProcessError
from multiprocessing import synchronize as stock
from threading import BrokenBarrierError
from typing import TYPE_CHECKING, Any, Callable

from dragon import _shm
from dragon._handle import bind, export

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

__all__ = ["Barrier", "BoundedSemaphore", "Condition", "Event", "Lock", "OwnerDied", "RLock", "Semaphore"]

_private: Any = stock  # for what its type stubs do not tell
SEM_VALUE_MAX: int = _private.SEM_VALUE_MAX
_MOST = 2**32 - 1  # that one call wakes


class _SemLock:
    """What CPython's code (reprs, Condition, Queue) asks of the C object behind a lock or semaphore, for a lock of ours."""

    name = None

    def __init__(self, thing: _shm.Lock | _shm.Semaphore, kind: int, maxvalue: int) -> None:
        self.thing = thing
        self.kind = kind
        self.maxvalue = maxvalue
        self.handle = thing.offset
        self.acquire = thing.acquire
        self.release = thing.release

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *exc: object) -> None:
        self.release()

    def _get_value(self) -> int:
        if isinstance(self.thing, _shm.Lock):
            return 0 if self.thing.locked() else 1
        return self.thing.get_value()

    def _is_zero(self) -> bool:
        return self._get_value() == 0

    def _is_mine(self) -> bool:
        if isinstance(self.thing, _shm.Lock):
            return self.thing.is_mine()
        return self.thing.get_value() == 0  # nobody in particular owns a semaphore

    def _count(self) -> int:
        if isinstance(self.thing, _shm.Lock):
            return self.thing.count() or int(self.thing.is_here())
        return int(self._is_zero())


class _Shared:
    """Pickling of an object that is a reference to one in shared memory."""

    _semlock: Any
    acquire: Callable[..., bool]
    release: Callable[..., None]

    def _take(self, thing: _shm.Lock | _shm.Semaphore, kind: int, maxvalue: int) -> None:
        self._semlock = _SemLock(thing, kind, maxvalue)
        self.acquire = thing.acquire
        self.release = thing.release

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *exc: object) -> None:
        self.release()

    def __getstate__(self) -> tuple[Any, ...]:
        return export(self._semlock.thing), self._semlock.kind, self._semlock.maxvalue

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        handle, kind, maxvalue = state
        self._take(bind(self._native(), handle), kind, maxvalue)

    @staticmethod
    def _native() -> type[Any]:
        return _shm.Lock


class OwnerDied(ProcessError):
    """Whoever held the lock was killed while it held it: what the lock protects may be half done."""


class _Owned(_Shared):
    """A lock, which has an owner, who may die."""

    _on_death = "tell"

    def _choose(self, on_death: str) -> None:
        if on_death not in ("tell", "raise"):
            raise ValueError(f'on_death must be "tell" or "raise", not {on_death!r}')
        self._on_death = on_death
        if on_death == "raise":
            self.acquire = self._semlock.acquire = self._acquire_or_raise

    def _acquire_or_raise(self, block: bool = True, timeout: float | None = None) -> bool:
        taken = self._semlock.thing.acquire(block, timeout)
        if taken and self.owner_died:
            self.release()
            self._raise("the lock is free again, and this is said once")
        return bool(taken)

    def _raise(self, what_now: str) -> None:
        raise OwnerDied(f"{self!r}: its owner was killed; what it protects may be half done; {what_now}")

    def __getstate__(self) -> tuple[Any, ...]:
        return *super().__getstate__(), self._on_death

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        super().__setstate__(state[:3])
        self._choose(state[3])

    @property
    def owner_died(self) -> bool:
        """Was the last owner killed while it held the lock? To be asked by the one that holds it now."""
        died: bool = self._semlock.thing.owner_died
        return died


class Semaphore(_Shared, stock.Semaphore):
    """A counter that `acquire` takes one from, waiting while it is zero."""

    def __init__(self, value: int = 1, *, ctx: BaseContext | None = None) -> None:
        value = _checked(value)
        self._take(_shm.Semaphore.create(value, SEM_VALUE_MAX), _private.SEMAPHORE, SEM_VALUE_MAX)

    def get_value(self) -> int:
        """The counter, now."""
        value: int = self._semlock.thing.get_value()
        return value

    @staticmethod
    def _native() -> type[Any]:
        return _shm.Semaphore


class BoundedSemaphore(_Shared, stock.BoundedSemaphore):
    """A semaphore that cannot rise above its first value: `release` raises ValueError."""

    def __init__(self, value: int = 1, *, ctx: BaseContext | None = None) -> None:
        value = _checked(value)
        self._take(_shm.Semaphore.create(value, value), _private.SEMAPHORE, value)

    def get_value(self) -> int:
        """The counter, now."""
        value: int = self._semlock.thing.get_value()
        return value

    @staticmethod
    def _native() -> type[Any]:
        return _shm.Semaphore


class Lock(_Owned, stock.Lock):
    """A lock. Any thread of any process may release it.

    When its owner is killed, the next `acquire` takes it and `owner_died` tells; with `on_death="raise"` that `acquire` raises OwnerDied and does not hold it.
    """

    def __init__(self, *, ctx: BaseContext | None = None, on_death: str = "tell") -> None:
        self._take(_shm.Lock.create(), _private.SEMAPHORE, 1)
        self._choose(on_death)


class RLock(_Owned, stock.RLock):
    """A lock that its owner may take again; only the owner may release it. When the owner is killed: as of Lock."""

    def __init__(self, *, ctx: BaseContext | None = None, on_death: str = "tell") -> None:
        self._take(_shm.Lock.create(True), _private.RECURSIVE_MUTEX, 1)
        self._choose(on_death)


class Condition(stock.Condition):
    """A condition variable. Each notification wakes exactly one waiter that lives."""

    _lock: Any

    def __init__(self, lock: Any = None, *, ctx: BaseContext | None = None) -> None:
        self._lock = RLock() if lock is None else lock
        if not isinstance(getattr(self._lock, "_semlock", None), _SemLock):
            raise TypeError(f"a Condition of the start method 'dragon' needs one of its own locks, not {self._lock!r}")
        self._take(_shm.Condition.create())

    def _take(self, native: _shm.Condition) -> None:
        self._condition = native
        self.__dict__["acquire"] = self._lock.acquire
        self.__dict__["release"] = self._lock.release

    def __getstate__(self) -> tuple[Any, ...]:
        return self._lock, export(self._condition)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._lock, handle = state
        self._take(bind(_shm.Condition, handle))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self._lock}, {self._condition.waiters()})>"

    def wait(self, timeout: float | None = None) -> bool:
        """Releases the lock, sleeps until notified or for `timeout` seconds, and takes the lock again. True if notified."""
        assert self._lock._semlock._is_mine(), "must acquire() condition before using wait()"
        notified = self._condition.wait(self._lock._semlock.thing, timeout)
        if getattr(self._lock, "_on_death", "") == "raise" and self._lock.owner_died:
            self._lock._semlock.thing.owner_died = False
            self._lock._raise("it is held by you now, as before wait(), and this is said once")
        return notified

    def notify(self, n: int = 1) -> None:
        """Wakes up to `n` of those that wait."""
        assert self._lock._semlock._is_mine(), "lock is not owned"
        self._condition.notify(max(0, min(n, _MOST)))

    def notify_all(self) -> None:
        """Wakes all that wait."""
        assert self._lock._semlock._is_mine(), "lock is not owned"
        self._condition.notify_all()

    @property
    def _sleeping_count(self) -> _Figure:
        return _Figure(self._condition.waiters())

    @property
    def _woken_count(self) -> _Figure:
        return _Figure(0)

    @property
    def _wait_semaphore(self) -> _Figure:
        return _Figure(0)


class _Figure:
    """One of the three semaphores that CPython makes a condition of, for those who look into it: only its value."""

    def __init__(self, value: int) -> None:
        self._value = value
        self._semlock = self

    def get_value(self) -> int:
        return self._value

    _get_value = get_value


class Event(stock.Event):
    """A flag that can be waited for."""

    def __init__(self, *, ctx: BaseContext | None = None) -> None:
        self._event = _shm.Event.create()

    def __getstate__(self) -> tuple[Any, ...]:
        return export(self._event)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._event = bind(_shm.Event, state)

    def is_set(self) -> bool:
        """Is the flag set? Raises RunOver when it is not and nobody is left to set it."""
        return self._event.value != 0 or self._event.wait(0)

    def set(self) -> None:
        """Sets the flag and wakes all that wait."""
        self._event.set()

    def clear(self) -> None:
        """Takes the flag down."""
        self._event.clear()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until the flag is set, or for `timeout` seconds; returns whether it is."""
        return self._event.wait(timeout)

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} at {id(self):#x} {'set' if self._event.value else 'unset'}>"


class Barrier(stock.Barrier):
    """A point that a number of processes pass together. Breaks when one dies on its way through."""

    def __init__(
        self,
        parties: int,
        action: Callable[[], object] | None = None,
        timeout: float | None = None,
        *,
        ctx: BaseContext | None = None,
    ) -> None:
        if parties < 1:
            raise ValueError("parties must be > 0")
        self._restore(parties, action, timeout, _shm.Barrier.create(parties))

    def _restore(self, parties: int, action: Any, timeout: float | None, barrier: _shm.Barrier) -> None:
        self._parties, self._action, self._timeout, self._barrier = parties, action, timeout, barrier

    def __getstate__(self) -> tuple[Any, ...]:
        return self._parties, self._action, self._timeout, export(self._barrier)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        parties, action, timeout, handle = state
        self._restore(parties, action, timeout, bind(_shm.Barrier, handle))

    def wait(self, timeout: float | None = None) -> int:
        """Waits for all, at most `timeout` seconds, and returns in which order this one came, from 0. Raises BrokenBarrierError."""
        index = self._barrier.wait(self._timeout if timeout is None else timeout, self._action)
        if index is None:
            raise BrokenBarrierError
        return index

    def reset(self) -> None:
        """Who waits gets BrokenBarrierError; the barrier is as new."""
        self._barrier.reset()

    def abort(self) -> None:
        """Breaks the barrier, until it is reset."""
        self._barrier.abort()

    @property
    def n_waiting(self) -> int:
        """How many wait."""
        return self._barrier.waiting

    @property
    def broken(self) -> bool:
        """Is it broken?"""
        return self._barrier.broken


def _checked(value: Any) -> int:
    """A semaphore's value. Raises what sem_open does where it cannot be one."""
    number = operator.index(value)
    if number < 0:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    if number > SEM_VALUE_MAX:
        raise OverflowError(f"a semaphore's value is at most {SEM_VALUE_MAX}, not {number}")
    return number
