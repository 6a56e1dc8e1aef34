"""What the workers of test_joinable do."""

from __future__ import annotations

import os
import time
from typing import Any

PATIENCE = 60


def take(queue: Any, taken: Any, count: int, then: str) -> None:
    """Takes so many, says so, then does what it is told."""
    for _ in range(count):
        queue.get()
    taken.put(count)
    if then == "sleep":
        time.sleep(PATIENCE)
    elif then == "done":
        queue.task_done()
        os._exit(7)


def put_and_work_on(queue: Any) -> None:
    """Each task gives two smaller ones before it is done with."""
    while (left := queue.get()) is not None:
        if left:
            queue.put(left - 1)
            queue.put(left - 1)
        queue.task_done()


def put_for_ever(queue: Any) -> None:
    """Puts until it is killed."""
    while True:
        queue.put(None)
