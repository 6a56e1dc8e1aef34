"""Slices of a measurement: their median, and a busy machine that is as good as an idle one while they last.

Nothing is imported here that costs time: every worker imports it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable

REST = 0.02  # seconds between slices, in which others have the processors


def median(values: Iterable[float]) -> float:
    """The middle value, the upper one of two."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def urgent(now: bool = True) -> None:
    """The calling thread goes before all others (real-time scheduling, where the user may: root), or no longer.

    A child that mostly waits may be so for its life; a parent is for slices of a few dozen milliseconds, and then rests.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO if now else os.SCHED_OTHER, os.sched_param(1 if now else 0))
    except PermissionError:
        pass  # then the machine's load is in the figures


def of(measure: Callable[[], float], count: int, warm_up: int) -> float:
    """The median of so many slices, each an urgent call, after a few that do not count."""
    values = []
    for _ in range(warm_up + count):
        urgent()
        values.append(measure())
        urgent(False)
        time.sleep(REST)
    return median(values[warm_up:])
