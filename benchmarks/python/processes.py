"""Process: start and join."""

from __future__ import annotations

import time
from typing import Any

clock = time.perf_counter


def nothing() -> None:
    pass


def _run(processes: list[Any]) -> None:
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode != 0:
            raise RuntimeError(f"{process} ended with {process.exitcode}")


def start_join(mp: Any) -> float:
    """Processes a second, one after another, for about a second."""
    _run([mp.Process(target=nothing)])
    count, begin = 0, clock()
    while count < 5 or clock() - begin < 1:
        _run([mp.Process(target=nothing)])
        count += 1
    return count / (clock() - begin)


def start_join_16(mp: Any) -> float:
    """Processes a second, 16 started before the first is joined, for about a second."""
    _run([mp.Process(target=nothing) for _ in range(16)])
    count, begin = 0, clock()
    while count == 0 or clock() - begin < 1:
        _run([mp.Process(target=nothing) for _ in range(16)])
        count += 16
    return count / (clock() - begin)
