"""A pool of processes: CPython's Pool, whose tasks are handed to workers by name, so that a worker's death costs the task in its hands and nothing else.

What the user sees is CPython's class; what is behind it is in `_dispatch`.
"""

from __future__ import annotations

import itertools
import operator
import os
import weakref
from multiprocessing import pool as stock
from multiprocessing import util
from typing import TYPE_CHECKING, Any, Callable

from dragon import _results
from dragon._died import InitializerFailed, WorkerDied
from dragon._dispatch import Dispatcher
from dragon._grant import default_workers
from dragon._pool_settings import Settings, check_retries
from dragon.context import use

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["InitializerFailed", "Pool", "WorkerDied"]

RUN, CLOSE, TERMINATE = "RUN", "CLOSE", "TERMINATE"  # as CPython names the states

_LISTS = (list, tuple, range, bytes, str)  # going through them runs no code of the user's


class Pool(stock.Pool):
    """CPython's Pool. A killed worker fails its task with WorkerDied and is replaced; all other tasks go on.

    `retries`: so many times a task whose worker died is run again, from its start, before it fails. An initializer that raises, or whose workers end one
    after another, fails what is waited for with InitializerFailed.
    """

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
        context: Any = None,
        *,
        retries: int = 0,
    ) -> None:
        self._pool: list[Any] = []
        self._state = "INIT"
        if processes is None:
            processes = default_workers()
        if processes < 1:
            raise ValueError("Number of processes must be at least 1")
        processes = operator.index(processes)
        most: Any = maxtasksperchild
        if most is not None and not (isinstance(most, int) and most > 0):
            raise ValueError("maxtasksperchild must be a positive int or None")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        check_retries(retries)
        self._ctx = context or use()
        self._processes = processes
        self._initializer, self._initargs, self._maxtasksperchild = initializer, tuple(initargs), most
        arguments = {"initializer": initializer, "initargs": self._initargs, "most": most, "catch": Exception}
        settings = Settings(self._ctx, self.Process, processes, arguments, True, "PoolWorker", retries)
        self._dispatcher = Dispatcher(settings, self._pool)
        self._cache = self._dispatcher.cache
        self._taskqueue = self._dispatcher.iterables.queue
        try:
            self._dispatcher.crew.populate()
        except Exception:
            self._dispatcher.crew.end()
            raise
        self._dispatcher.start()
        self._worker_handler, self._result_handler, self._task_handler = self._dispatcher.threads
        self._terminate = _Ending(self, self._dispatcher)
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
        result: Any = _results.ApplyResult(self, callback, error_callback)
        self._dispatcher.give((result._job, 0, func, args, kwds))
        return result  # type: ignore[no-any-return]

    def imap(self, func: Callable[[Any], Any], iterable: Iterable[Any], chunksize: int | None = 1) -> Any:
        """As CPython's; after an error the next results can be asked for, also with chunks."""
        return self._imap(_results.IMapIterator, func, iterable, chunksize)

    def imap_unordered(self, func: Callable[[Any], Any], iterable: Iterable[Any], chunksize: int | None = 1) -> Any:
        """As CPython's; after an error the next results can be asked for, also with chunks."""
        return self._imap(_results.IMapUnorderedIterator, func, iterable, chunksize)

    def _imap(self, kind: type[Any], func: Callable[[Any], Any], iterable: Iterable[Any], chunksize: Any) -> Any:
        self._check_running()  # type: ignore[attr-defined]
        chunksize = _checked(chunksize)
        function, tasks = func, iterable
        if chunksize > 1:
            function = stock.mapstar  # type: ignore[attr-defined]
            tasks = stock.Pool._get_tasks(func, iterable, chunksize)  # type: ignore[attr-defined]
        result = kind(self)
        guarded = self._guarded_task_generation(result._job, function, tasks)  # type: ignore[attr-defined]
        self._dispatcher.go_through(guarded, result)
        return _results.items(result) if chunksize > 1 else result

    def _map_async(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Any],
        mapper: Any,
        chunksize: int | None = None,
        callback: Callable[[Any], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> stock.MapResult[Any]:
        self._check_running()  # type: ignore[attr-defined]
        things: Any = iterable if type(iterable) in _LISTS else list(iterable)
        if chunksize is None:
            chunksize, extra = divmod(len(things), self._processes * 4)
            chunksize += bool(extra)
        chunksize = _checked(chunksize) if things else 0
        result: Any = _results.MapResult(self, chunksize, len(things), callback, error_callback)
        if things:
            self._dispatcher.give(_tasks(result._job, mapper, _chunks(func, things, chunksize)))
        return result  # type: ignore[no-any-return]

    def _repopulate_pool(self) -> None:
        self._dispatcher.crew.populate()

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

    def join(self) -> None:
        """Waits until the workers have ended, after `close` or `terminate`."""
        util.debug("joining pool")
        if self._state == RUN:
            raise ValueError("Pool is still running")
        if self._state not in (CLOSE, TERMINATE):
            raise ValueError("In unknown state")
        self._dispatcher.join()


class _Ending(util.Finalize):
    """Ends the pool: at once where it is told to, or at the interpreter's end; when the pool is collected it only has it ended."""

    def __init__(self, pool: Pool, dispatcher: Dispatcher) -> None:
        # The threads hold the dispatcher, as long as there is anything to be ended; the error that broke it may hold whom it was raised to.
        self._dispatcher = weakref.ref(dispatcher)
        super().__init__(pool, self._terminate, exitpriority=15)

    def __call__(self, wr: Any = None, *more: Any, **others: Any) -> Any:
        if wr is None:
            return super().__call__(wr, *more, **others)
        dispatcher = self._dispatcher()
        if dispatcher is not None and self.still_active() and self._pid == os.getpid():  # type: ignore[attr-defined]
            dispatcher.drop()
        self.cancel()
        return None

    def _terminate(self) -> None:
        dispatcher = self._dispatcher()
        if dispatcher is not None:
            dispatcher.terminate()


def _tasks(job: int, function: Any, chunks: Iterable[Any]) -> Iterator[Any]:
    """The tasks of a map: an iterator that runs no code of the user's."""
    repeat = itertools.repeat
    return zip(repeat(job), itertools.count(), repeat(function), zip(chunks), repeat({}))


def _checked(chunksize: Any) -> int:
    """A chunksize that somebody gave. (CPython answers a map in chunks of none with a list of None.)"""
    size = operator.index(chunksize)
    if size < 1:
        raise ValueError(f"Chunksize must be 1+, not {size}")
    return size


def _chunks(func: Any, things: Any, size: int) -> Iterator[Any]:
    """What CPython's `mapstar` takes: the function and some of the things."""
    pieces = [tuple(things[start : start + size]) for start in range(0, len(things), size)]
    return zip([func] * len(pieces), pieces)
