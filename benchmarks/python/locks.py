"""Lock: alone, and contended by four processes."""

from __future__ import annotations

import time
from typing import Any

import slices

SECONDS = 0.3
clock = time.perf_counter


def lock_free(mp: Any) -> float:
    """Millions of acquire + release a second, in one process."""
    lock = mp.Lock()
    acquire, release, count = lock.acquire, lock.release, 5000

    def one_slice() -> float:
        begin = clock()
        for _ in range(count):
            acquire()
            release()
        return count / (clock() - begin) / 1e6

    return slices.of(one_slice, 25, warm_up=5)


def contend(lock: Any, ready: Any, go: Any, counts: Any) -> None:
    ready.release()
    go.acquire()
    count, end = 0, clock() + SECONDS
    while clock() < end:
        for _ in range(20):
            lock.acquire()
            lock.release()
        count += 20
    counts.put(count)


def lock_4(mp: Any) -> float:
    """Millions of acquire + release a second, of four processes together."""
    lock, ready, go, counts = mp.Lock(), mp.Semaphore(0), mp.Semaphore(0), mp.SimpleQueue()
    children = [mp.Process(target=contend, args=(lock, ready, go, counts)) for _ in range(4)]
    for child in children:
        child.start()
    for _ in children:
        ready.acquire()
    for _ in children:
        go.release()
    total: int = sum(counts.get() for _ in children)
    for child in children:
        child.join()
    return total / SECONDS / 1e6
