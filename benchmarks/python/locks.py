"""Lock: alone, and contended by four processes."""

from __future__ import annotations

import statistics
import time
from typing import Any

SECONDS = 0.8
clock = time.perf_counter


def lock_free(mp: Any) -> float:
    """Millions of acquire + release a second, in one process."""
    lock, slices = mp.Lock(), []
    acquire, release = lock.acquire, lock.release
    for _ in range(30):
        begin = clock()
        for _ in range(5000):
            acquire()
            release()
        slices.append(5000 / (clock() - begin) / 1e6)
    return statistics.median(slices[5:])


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
