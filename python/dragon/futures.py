"""ProcessPoolExecutor on the dispatcher of Dragon's pool: a worker's death fails the task in its hands and nothing else."""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from concurrent.futures import _base
from concurrent.futures import process as stock
from multiprocessing.pool import job_counter  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, Callable

from dragon import _died, _pools
from dragon._grant import default_workers
from dragon._pool_settings import Settings, check_retries
from dragon.context import DragonContext, begin, use

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dragon._dispatch import Dispatcher

__all__ = ["Future", "InitializerFailed", "ProcessPoolExecutor", "WorkerDied"]


class WorkerDied(_died.WorkerDied, stock.BrokenProcessPool):
    """As the pool's WorkerDied, and a BrokenExecutor, as users of executors catch it. The executor itself is whole and works on."""


class InitializerFailed(_died.InitializerFailed, stock.BrokenProcessPool):
    """As the pool's InitializerFailed, and a BrokenExecutor: nothing more can be done with the executor."""


class Future(_base.Future):  # type: ignore[type-arg]
    """The standard library's Future; who waits for it helps to take results in. It is itself what the dispatcher's cache holds."""

    def __init__(self, dispatcher: Dispatcher, job: int) -> None:
        super().__init__()
        self._dispatcher = dispatcher
        self._job = job
        dispatcher.cache[job] = self

    def result(self, timeout: float | None = None) -> Any:
        """The value, or raises what the task raised; TimeoutError if it is not done within so many seconds."""
        return self._await(super().result, timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the task raised; TimeoutError if it is not done within so many seconds."""
        error: BaseException | None = self._await(super().exception, timeout)
        return error

    def _await(self, wait: Callable[[float | None], Any], timeout: float | None) -> Any:
        try:
            if (timeout is None or timeout > 0) and not self.done():
                self._dispatcher.help(self.done)
            return wait(timeout)
        except KeyboardInterrupt:
            self._dispatcher.interrupted = not self.done()
            raise

    def begin(self, index: int) -> bool:
        """Is the task still wanted? It is given to a worker next, and cannot be cancelled any more."""
        with self._condition:
            over = self.done() and self._state != _base.CANCELLED  # also where two threads come here at once
            wanted = not over and (self.running() or self.set_running_or_notify_cancel())
        if not wanted:
            self._dispatcher.cache.pop(self._job)
        return wanted

    def fail(self, error: BaseException) -> None:
        """Nothing more will come."""
        if self.begin(0):
            self._set(0, (False, error))

    def forget(self) -> None:
        """Cancels it, unless its task was given to a worker."""
        if self.cancel():
            self.begin(0)

    def give_up(self, error: BaseException) -> None:
        """The executor was ended at once."""
        self.forget()
        self.fail(error)

    def _set(self, index: int, outcome: tuple[bool, Any]) -> None:
        success, value = outcome
        try:
            if self.done():
                pass
            elif success:
                self.set_result(value)
            else:
                self.set_exception(value)
        finally:
            self._dispatcher.cache.pop(self._job)


class ProcessPoolExecutor(stock.ProcessPoolExecutor):
    """The standard library's executor, with workers of the start method "dragon".

    A killed worker fails its task with WorkerDied (a BrokenProcessPool) and is replaced; all other tasks go on. `retries`: so many times a task whose
    worker died is run again, from its start, before it fails. An initializer that raises, or whose workers end one after another, breaks the executor
    with InitializerFailed. A future is `running`, and cannot be cancelled, once its task was given to a worker: at most one more a worker than
    are at work, more only where tasks take less than a millisecond.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: Any = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        max_tasks_per_child: int | None = None,
        retries: int = 0,
    ) -> None:
        if max_workers is None:
            max_workers = default_workers()
        if max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        context = use() if mp_context is None else mp_context
        if not isinstance(context.get_context(), DragonContext):
            raise ValueError(
                f"dragon.ProcessPoolExecutor starts its workers with the start method dragon, not {context.get_start_method()}; "
                "concurrent.futures.ProcessPoolExecutor takes any mp_context"
            )
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        most: Any = max_tasks_per_child
        if most is not None and not isinstance(most, int):
            raise TypeError("max_tasks_per_child must be an integer")
        if most is not None and most <= 0:
            raise ValueError("max_tasks_per_child must be >= 1")
        check_retries(retries)
        begin("ProcessPoolExecutor")
        from dragon._dispatch import Dispatcher

        self._max_workers = max_workers
        self._mp_context = context
        self._shutdown_lock = threading.Lock()
        self._shutdown_thread = False
        self._pool: list[Any] = []
        context._check_available()
        arguments = {"initializer": initializer, "initargs": initargs, "most": most, "catch": BaseException}
        ends = retries, WorkerDied, InitializerFailed
        settings = Settings(context, _process, 0, arguments, False, "ExecutorWorker", *ends, finishes=True)
        self._dispatcher = Dispatcher(settings, self._pool)
        self._started = False
        self._drop = weakref.finalize(self, _close, weakref.ref(self._dispatcher))
        self._drop.atexit = False  # type: ignore[misc]

    @property  # type: ignore[override]
    def _processes(self) -> dict[int, Any]:
        """The workers, by what `Process.pid` shows."""
        return {process.pid: process for process in self._pool}

    @_processes.setter
    def _processes(self, value: Any) -> None:
        raise AttributeError("the workers are the dispatcher's")

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """As the standard library's; an idle worker gets the task at once, from this thread."""
        return self._submit(fn, [(args, kwargs)])[0]

    def map(
        self,
        fn: Callable[..., Any],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        **more: Any,
    ) -> Iterator[Any]:
        """As the standard library's."""
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        if more:  # what later Pythons added
            return super().map(fn, *iterables, timeout=timeout, chunksize=chunksize, **more)
        end = None if timeout is None else time.monotonic() + timeout
        if chunksize == 1:
            return _results(self._submit(fn, [(args, {}) for args in zip(*iterables)]), end)
        items = list(zip(*iterables))
        chunks: list[tuple[Any, Any]] = [
            ((fn, items[start : start + chunksize]), {}) for start in range(0, len(items), chunksize)
        ]
        from dragon._pool_worker import call_each

        return itertools.chain.from_iterable(_results(self._submit(call_each, chunks), end))

    def _submit(self, function: Any, calls: list[tuple[Any, Any]]) -> list[Future]:
        dispatcher = self._dispatcher
        with self._shutdown_lock:
            if dispatcher.error is not None:
                raise dispatcher.error.with_traceback(None)
            if self._shutdown_thread:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if _pools.exiting:
                raise RuntimeError("cannot schedule new futures after interpreter shutdown")
            self._grow(len(calls))
            futures = [Future(dispatcher, next(job_counter)) for _ in calls]
        tasks = [(future._job, 0, function, *call) for future, call in zip(futures, calls)]
        dispatcher.give(tasks[0] if len(tasks) == 1 else iter(tasks))
        return futures

    def _grow(self, count: int) -> None:
        """Has more workers where there are not enough that are idle."""
        crew = self._dispatcher.crew
        if not self._started:
            self._started = True
            self._dispatcher.start()
        if crew.size < self._max_workers and (wanted := count - len(self._dispatcher.books.idle)) > 0:
            crew.size = min(self._max_workers, crew.size + wanted)
            crew.populate()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As the standard library's. After a KeyboardInterrupt in a wait for a result nothing is waited for: the workers are ended, as elsewhere by the terminal's Ctrl-C."""
        with self._shutdown_lock:
            self._shutdown_thread = True
        if cancel_futures:
            for future in list(self._dispatcher.cache.values()):
                future.forget()  # which calls the user's callbacks
        if self._started and self._dispatcher.interrupted:
            self._dispatcher.terminate(SystemExit(1))
        elif self._started:
            self._dispatcher.close()
        if wait and self._started:
            try:
                self._dispatcher.join()
            except KeyboardInterrupt:
                self._dispatcher.interrupted = True  # nothing is waited for at the interpreter's end
                raise

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        if exc_type is not None and issubclass(exc_type, KeyboardInterrupt) and self._started:
            self._dispatcher.interrupted = True
        self.shutdown()


def _close(dispatcher: weakref.ref[Dispatcher]) -> None:
    """Nobody has the executor any more. Its threads hold the dispatcher, as long as there is anything to be ended; the error that broke it may hold whom it was raised to."""
    living = dispatcher()
    if living is not None:
        living.close()


def _process(ctx: Any, **arguments: Any) -> Any:
    return ctx.Process(**arguments)


def _results(futures: list[Future], end: float | None) -> Iterator[Any]:
    """Their values in order; all that were not asked for are cancelled at the end."""
    futures.reverse()
    try:
        while futures:
            yield futures.pop().result(None if end is None else end - time.monotonic())
    finally:
        for future in futures:
            future.cancel()
