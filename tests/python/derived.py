"""Classes that programs derive from multiprocessing's own. A module of its own, since workers import it by name."""

from __future__ import annotations

import multiprocessing as mp
from multiprocessing import pool, queues, synchronize
from typing import Any


class Counted(queues.Queue):  # type: ignore[type-arg]
    """A queue that counts in a Value, as is usual where qsize() is missing; that travels by a state of its own."""

    def __init__(self, maxsize: int = 0, *, ctx: Any) -> None:
        super().__init__(maxsize, ctx=ctx)
        self.size = ctx.Value("i", 0)

    def __getstate__(self) -> Any:
        return super().__getstate__(), self.size  # type: ignore[misc]

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state[0])  # type: ignore[misc]
        self.size = state[1]

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        with self.size.get_lock():
            self.size.value += 1
        super().put(obj, block, timeout)


class Simple(queues.SimpleQueue):  # type: ignore[type-arg]
    pass


class Joinable(queues.JoinableQueue):  # type: ignore[type-arg]
    pass


class Lock(synchronize.Lock):
    pass


class RLock(synchronize.RLock):
    pass


class Semaphore(synchronize.Semaphore):
    pass


class BoundedSemaphore(synchronize.BoundedSemaphore):
    pass


class Condition(synchronize.Condition):
    pass


class Event(synchronize.Event):
    pass


class Barrier(synchronize.Barrier):
    pass


class Pool(pool.Pool):
    """A pool with a call more."""

    def twice(self, function: Any, things: Any) -> Any:
        return self.map(function, [*things, *things])


class OnTheInside(queues.Queue):  # type: ignore[type-arg]
    """Replaces what only multiprocessing's own queue has."""

    def _reset(self, after_fork: bool = False) -> None:
        super()._reset(after_fork)  # type: ignore[misc]
        self.was_reset = True


class ByItsParts(queues.SimpleQueue):  # type: ignore[type-arg]
    """Replaces nothing private, but travels as what only multiprocessing's own queue is made of."""

    def __getstate__(self) -> Any:
        return self._reader, self._writer, self._rlock, self._wlock  # type: ignore[attr-defined]

    def __setstate__(self, state: Any) -> None:
        self._reader, self._writer, self._rlock, self._wlock = state


def istarmap(self: Any, function: Any, things: Any, chunksize: int = 1) -> Any:
    """A starmap that goes on as an imap, as programs add it to the pool."""
    batches = pool.Pool._get_tasks(function, things, chunksize)  # type: ignore[attr-defined]
    result = pool.IMapIterator(self)
    guarded = self._guarded_task_generation(result._job, pool.starmapstar, batches)  # type: ignore[attr-defined]
    self._taskqueue.put((guarded, result._set_length))  # type: ignore[attr-defined]
    return (item for batch in result for item in batch)


def fill(queue: Any, lock: Any, things: Any) -> None:
    with lock:
        for thing in things:
            queue.put((type(queue).__name__, thing, mp.current_process().name))
