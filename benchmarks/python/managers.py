"""What a manager's server and its proxies cost."""

from __future__ import annotations

import time
from multiprocessing.managers import SyncManager
from typing import Any

import slices

clock = time.perf_counter


def manager_dict(mp: Any) -> dict[str, float]:
    """Thousands of operations on a shared dict a second, from one process: the medians of slices of 200."""
    manager, count = SyncManager(ctx=mp.get_context()), 200
    manager.start(slices.urgent)  # the threads that serve are as the one that starts them
    shared = manager.dict()

    def set_some() -> float:
        begin = clock()
        for number in range(count):
            shared[number] = number
        return count / (clock() - begin) / 1000

    def get_some() -> float:
        begin = clock()
        for number in range(count):
            shared[number]
        return count / (clock() - begin) / 1000

    result = {"set": slices.of(set_some, 25, warm_up=5), "get": slices.of(get_some, 25, warm_up=5)}
    manager.shutdown()
    return result
