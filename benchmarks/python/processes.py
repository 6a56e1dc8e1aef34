"""Process: start and join."""

from __future__ import annotations

import time
from typing import Any

clock = time.perf_counter


def nothing() -> None:
    pass


def _rate(mp: Any, at_once: int) -> float:
    """Processes a second: the median of five slices of 0.2 s and more, with rests between them."""
    import slices  # here, so that the workers need not

    return slices.median([_slice(mp, at_once) for _ in range(6)][1:])


def _slice(mp: Any, at_once: int) -> float:
    time.sleep(0.2)
    count, begin = 0, clock()
    while count == 0 or clock() - begin < 0.2:
        processes = [mp.Process(target=nothing) for _ in range(at_once)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
            if process.exitcode != 0:
                raise RuntimeError(f"{process} ended with {process.exitcode}")
        count += at_once
    return count / (clock() - begin)


def start_join(mp: Any) -> float:
    """One after another."""
    return _rate(mp, 1)


def start_join_first(mp: Any) -> float:
    """Milliseconds for the first process of a program."""
    begin = clock()
    process = mp.Process(target=nothing)
    process.start()
    process.join()
    return (clock() - begin) * 1e3


def start_join_16(mp: Any) -> float:
    """16 started before the first is joined."""
    return _rate(mp, 16)
