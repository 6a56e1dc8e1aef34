"""The results of a pool's jobs. They are CPython's classes; who waits for one helps to take results in, so that no other thread has to be woken.

`_set` may be called a second time for the same task, when the first call was interrupted by an exception of a signal handler; so it counts by index.
"""

from __future__ import annotations

import collections
import contextlib
import threading
import time
import traceback
from multiprocessing import TimeoutError
from multiprocessing import pool as stock
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dragon._dispatch import Dispatcher

Outcome = tuple[bool, Any]  # did it succeed; the value or the exception


class Done:
    """Is set once. Unlike threading's Event it has no lock that a signal handler's exception could leave taken."""

    def __init__(self) -> None:
        self._set = False
        self._closed = threading.Lock()
        self._closed.acquire()

    def is_set(self) -> bool:
        """Was it set?"""
        return self._set

    def set(self) -> None:
        """Lets everybody go on who waits, or will."""
        self._set = True
        with contextlib.suppress(RuntimeError):  # it was set before
            self._closed.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it is set, or for so many seconds; was it set?"""
        if not self._set and (timeout is None or timeout > 0):
            limit = -1 if timeout is None else min(timeout, threading.TIMEOUT_MAX)
            if self._closed.acquire(True, limit):
                self._closed.release()
        return self._set


class ApplyResult(stock.ApplyResult):  # type: ignore[type-arg]
    """The result of one task."""

    _dispatcher: Dispatcher
    _told = False  # its callback was called

    def __init__(self, pool: Any, callback: Any = None, error_callback: Any = None) -> None:
        self._dispatcher = pool._dispatcher
        stock.ApplyResult.__init__(self, pool, callback, error_callback)
        self._event = Done()

    def wait(self, timeout: float | None = None) -> None:
        """Waits until the result is there, or for so many seconds."""
        try:
            if timeout is None or timeout > 0:
                self._dispatcher.help(self._event.is_set)
            super().wait(timeout)
        except KeyboardInterrupt:
            self._dispatcher.interrupted = True
            raise

    def begin(self, index: int) -> bool:
        """Is the task still wanted? It is given to a worker next."""
        return True

    def _set(self, index: int, outcome: Outcome) -> None:
        self._success, self._value = outcome
        self._finish()

    def fail(self, error: BaseException) -> None:
        """Nothing more will come."""
        self._set(0, (False, error))

    def give_up(self, error: BaseException) -> None:
        """The pool was terminated, maybe by the callback of this result, which then is there."""
        if not self._told:
            self._told = True
            self.fail(error)

    def _finish(self) -> None:
        callback = self._callback if self._success else self._error_callback  # type: ignore[attr-defined]
        if callback and not self._told:
            self._told = True
            try:
                callback(self._value)
            except Exception:
                traceback.print_exc()
        self._event.set()
        self._cache.pop(self._job)  # type: ignore[attr-defined]
        self._pool = None


class MapResult(ApplyResult, stock.MapResult):  # type: ignore[type-arg]
    """The results of a map, in order; of several errors the first that came."""

    def __init__(self, pool: Any, chunksize: int, length: int, callback: Any, error_callback: Any) -> None:
        self._missing = set(range(-(-length // chunksize))) if chunksize > 0 else set()
        super().__init__(pool, callback, error_callback)
        self._success = True
        self._chunksize = chunksize
        self._value: Any = [None] * length
        if not self._missing:
            self._cache.pop(self._job)  # type: ignore[attr-defined]
            self._event.set()

    def _set(self, index: int, outcome: Outcome) -> None:
        success, value = outcome
        if success and self._success:
            self._value[index * self._chunksize : (index + 1) * self._chunksize] = value
        elif not success and self._success:
            self._value, self._success = value, False
        self._missing.discard(index)
        if not self._missing:
            self._finish()

    def fail(self, error: BaseException) -> None:
        """Nothing more will come."""
        if self._success:
            self._value, self._success = error, False
        self._missing.clear()
        self._finish()


class IMapIterator(stock.IMapIterator):  # type: ignore[type-arg]
    """The results of an imap, in order, as they come."""

    _dispatcher: Dispatcher
    _length: int | None

    def __init__(self, pool: Any) -> None:
        self._dispatcher = pool._dispatcher
        self._arrived: dict[int, Outcome] = {}
        self._count = 0  # results that have been handed on
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._waiting: list[Done] = []
        stock.IMapIterator.__init__(self, pool)

    def next(self, timeout: float | None = None) -> Any:
        """The next result; raises StopIteration at the end, TimeoutError after so many seconds without one."""
        if (outcome := self._take()) is None:
            try:
                if timeout is None or timeout > 0:
                    self._dispatcher.help(self._ready)
                outcome = self._await(timeout)
            except KeyboardInterrupt:
                self._dispatcher.interrupted = True
                raise
        success, value = outcome
        if success:
            return value
        raise value

    __next__ = next

    def begin(self, index: int) -> bool:
        """Is the task still wanted? It is given to a worker next."""
        return True

    def _ready(self) -> bool:
        return bool(self._arrived and self._has_next()) or self._count == self._length or self._error is not None

    def _has_next(self) -> bool:
        return self._count in self._arrived

    def _pop(self) -> Outcome:
        return self._arrived.pop(self._count)

    def _take(self) -> Outcome | None:
        with self._lock:
            if self._has_next():
                outcome = self._pop()
                self._count += 1
                return outcome
            if self._count == self._length:
                self._pool = None
                raise StopIteration
            if self._error is not None:
                error, self._error = self._error, None
                self._length = self._count
                return False, error
            return None

    def _await(self, timeout: float | None) -> Outcome:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (outcome := self._take()) is None:
            with self._lock:
                waiting = Done()
                if not self._ready():
                    self._waiting.append(waiting)
                else:
                    waiting.set()
            left = None if deadline is None else deadline - time.monotonic()
            if not waiting.wait(left) and not self._ready():
                with self._lock, contextlib.suppress(ValueError):
                    self._waiting.remove(waiting)
                raise TimeoutError
        return outcome

    def _set(self, index: int, outcome: Outcome) -> None:
        with self._lock:
            if index >= self._count:
                self._arrived[index] = outcome
            self._notify()

    def _set_length(self, length: int) -> None:
        with self._lock:
            self._length = length
            self._notify()

    def _notify(self) -> None:
        complete = self._length is not None and self._count + len(self._arrived) >= self._length
        if complete:
            self._cache.pop(self._job)  # type: ignore[attr-defined]
        if complete or self._has_next():
            self._wake()

    def _wake(self) -> None:
        for waiting in self._waiting:
            waiting.set()
        self._waiting.clear()

    def give_up(self, error: BaseException) -> None:
        """The pool was terminated."""
        self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Nothing more will come: what has come can still be taken, then comes the error, then the end."""
        with self._lock:
            self._error = error
            self._cache.pop(self._job)  # type: ignore[attr-defined]
            self._wake()


class IMapUnorderedIterator(IMapIterator, stock.IMapUnorderedIterator):  # type: ignore[type-arg]
    """The results of an imap as they come."""

    def __init__(self, pool: Any) -> None:
        super().__init__(pool)
        self._arrived: Any = collections.deque()

    def _has_next(self) -> bool:
        return bool(self._arrived)

    def _pop(self) -> Outcome:
        outcome: Outcome = self._arrived.popleft()[1]
        return outcome

    def _set(self, index: int, outcome: Outcome) -> None:
        with self._lock:
            if not self._arrived or self._arrived[-1][0] != index:
                self._arrived.append((index, outcome))
            self._notify()


def items(chunks: Iterator[Any]) -> Iterator[Any]:
    """The items of an imap's chunks; an error stands for its chunk, and the next chunk can be asked for after it."""
    return _Items(chunks)


class _Items:
    """Not a generator, which an error would end."""

    def __init__(self, chunks: Iterator[Any]) -> None:
        self._chunks = chunks
        self._chunk: Iterator[Any] = iter(())

    def __iter__(self) -> _Items:
        return self

    def __next__(self) -> Any:
        for item in self._chunk:
            return item
        while True:
            self._chunk = iter(next(self._chunks))
            for item in self._chunk:
                return item

    next: Callable[[_Items], Any] = __next__
