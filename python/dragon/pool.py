"""A pool of processes: CPython's Pool, whose tasks are handed to workers by name, so that a worker's death costs the task in its hands and nothing else.

What the user sees is CPython's class; what is behind it is in `_dispatch`.
"""

from __future__ import annotations

import os
from multiprocessing import pool as stock
from multiprocessing import util
from typing import TYPE_CHECKING, Any, Callable, cast

from dragon._dispatch import Dispatcher, WorkerDied

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Pool", "WorkerDied"]

RUN, CLOSE, TERMINATE = "RUN", "CLOSE", "TERMINATE"  # as CPython names the states


class Pool(stock.Pool):
    """CPython's Pool. A killed worker fails its task with WorkerDied and is replaced; all other tasks go on."""

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
        context: Any = None,
    ) -> None:
        self._pool: list[Any] = []
        self._state = "INIT"
        if processes is None:
            processes = _cpu_count()
        if processes < 1:
            raise ValueError("Number of processes must be at least 1")
        most: Any = maxtasksperchild
        if most is not None and not (isinstance(most, int) and most > 0):
            raise ValueError("maxtasksperchild must be a positive int or None")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        self._processes = processes
        self._dispatcher = Dispatcher(
            context, self.Process, processes, self._pool, (initializer, tuple(initargs), maxtasksperchild)
        )
        self._cache = self._dispatcher.cache
        self._taskqueue = self._dispatcher.taskqueue
        self._dispatcher.populate()
        self._worker_handler, self._task_handler, self._result_handler = self._dispatcher.start()
        self._terminate = util.Finalize(self, self._dispatcher.terminate, exitpriority=15)
        self._state = RUN

    def __del__(self) -> None:
        if self._state == RUN:
            import warnings

            warnings.warn(f"unclosed running multiprocessing pool {self!r}", ResourceWarning, source=self, stacklevel=2)

    def apply_async(
        self,
        func: Callable[..., Any],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] = {},
        callback: Callable[[Any], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> stock.ApplyResult[Any]:
        """As CPython's; an idle worker gets the task at once, from this thread."""
        self._check_running()  # type: ignore[attr-defined]
        result: Any = stock.ApplyResult(cast(Any, self), callback, error_callback)
        self._dispatcher.give_one(result._job, func, args, kwds)
        return cast("stock.ApplyResult[Any]", result)

    def _repopulate_pool(self) -> None:
        self._dispatcher.populate()

    def close(self) -> None:
        """No more tasks will come; the workers end when all are done."""
        util.debug("closing pool")
        if self._state == RUN:
            self._state = CLOSE
            self._dispatcher.close()

    def terminate(self) -> None:
        """Ends the workers at once; tasks that are not done are given up."""
        util.debug("terminating pool")
        self._state = TERMINATE
        self._terminate()


def _cpu_count() -> int:
    """As many as this Python's own Pool would take."""
    count: int | None = getattr(os, "process_cpu_count", os.cpu_count)()
    return count or 1
