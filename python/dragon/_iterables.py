"""The users' iterables of imap: a thread of a pool goes through them, never far ahead of the workers. It is the only one that may be held up by a user's code."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any, Callable

from dragon import _shm
from dragon._books import AHEAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dragon._books import Books, Task


class Iterables:
    """`going_on`: does the pool still take what comes? `over` is told of the run's end."""

    def __init__(self, books: Books, going_on: Callable[[], bool], over: Callable[[Exception], None]) -> None:
        self.queue: queue.SimpleQueue[Any] = (
            queue.SimpleQueue()
        )  # (tasks, result), or (tasks, result._set_length), as CPython has it; None: nothing more will come
        self._books, self._going_on, self._over = books, going_on, over
        self.thread = threading.Thread(target=self._go_through_all, name="Pool_give_tasks", daemon=True)

    def _go_through_all(self) -> None:
        for tasks, result in iter(self.queue.get, None):
            try:
                if not self._go_through(tasks, result):
                    return
            except _shm.RunOver as error:
                self._over(error)
                return
            tasks = result = None

    def _go_through(self, tasks: Iterator[Task], result: Any) -> bool:
        books, index = self._books, -1
        result = getattr(result, "__self__", result)
        try:
            for task in tasks:
                index = task[1]
                with books.lock:
                    while len(books.pending) >= AHEAD and self._going_on():
                        books.room.wait()
                if not self._going_on():
                    return False
                books.give(task)
        except _shm.RunOver:
            raise
        except BaseException as error:  # SystemExit, say; an Exception of the iterable's is a task that raises
            index += 1
            result._set(index, (False, error))
        result._set_length(index + 1)
        return True
