"""What the workers of test_joinable do."""

from __future__ import annotations

import os
import threading
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


def joins(queue: Any) -> threading.Thread:
    thread = threading.Thread(target=queue.join, daemon=True)
    thread.start()
    return thread


def finish_the_last(queue: Any) -> None:
    """One task is left: `join` waits until it is done with, and no longer."""
    thread = joins(queue)
    thread.join(0.05)
    assert thread.is_alive()
    queue.task_done()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def have_it_twice(ctx: Any) -> None:
    """Takes one by each of two that are one, and drops the other with its task in hand."""
    queue = ctx.JoinableQueue()
    pipe = ctx.Pipe()
    pipe[0].send(queue)
    other = pipe[1].recv()
    queue.put(1)
    queue.put(2)
    assert other.get() == 1
    del other
    assert queue.get() == 2
    queue.task_done()
    finish_the_last(queue)
