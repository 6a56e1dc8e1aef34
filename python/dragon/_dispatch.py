"""What is behind a pool and an executor: it gives tasks to workers, takes their results in, and deals with their deaths.

Every worker has a channel of its own, and the `_books` tell which tasks went into it. All results come through one channel (`_intake`); those of a worker were sent before it
died, so they come before the news of its death, and only the task in its hands fails, with WorkerDied.

Who waits for a result takes results in and gives out the next tasks itself; else threads do it, none of which holds the Pool, which may be dropped
while they run:
  results  takes results in; never waits for room (`_intake`)
  workers  waits for the ends of workers and replaces them (`_crew`)
  tasks    goes through a user's iterables for imap (`_iterables`)
"""

from __future__ import annotations

import threading
from functools import partial
from multiprocessing import ProcessError
from typing import TYPE_CHECKING, Any, Callable

from dragon import _died, _guard, _message, _pools, _shm
from dragon._books import Books, twice
from dragon._crew import Crew
from dragon._intake import Intake
from dragon._iterables import Iterables
from dragon._pool_worker import DEAD, FAILED, READY, RESULT, STOP

if TYPE_CHECKING:
    from dragon._books import Key
    from dragon._crew import Worker
    from dragon._pool_settings import Settings

_STILLBORN = 5  # workers that end, one after another, before they are ready for a task


class _Cache(dict[int, Any]):
    """The results that are waited for; says when there are none any more."""

    def __init__(self, empty: Callable[[], None]) -> None:
        super().__init__()
        self._empty = empty

    def pop(self, job: int, default: Any = None) -> Any:
        """Forgets a result, if it is there."""
        result = super().pop(job, default)
        if not self:
            self._empty()
        return result

    __delitem__ = pop


class Dispatcher:
    """See the module. `processes` is the list of workers that the pool shows."""

    def __init__(self, settings: Settings, processes: list[Any]) -> None:
        self.settings = settings
        self.state = "RUN"  # CLOSE, TERMINATE; BROKEN: no worker can be made ready
        self.error: BaseException | None = None  # why nothing can be done any more
        self.interrupted = False  # by Ctrl-C, while a result was waited for, and nothing was asked for since
        self.cache = _Cache(self._look_at_state)
        self.books = Books(settings.retries, self._wanted, self._failed)
        self.intake = Intake(self._deal_with, self.books.fill, self.books.put_right, self.fail_all)
        self.help = self.intake.help
        self.results = self.intake.channel
        self.iterables = Iterables(self.books, self._going_on, self.fail_all)
        self.crew = Crew(settings, processes, self)
        self._stillborn = 0
        self._dropped = False
        self._threads: list[threading.Thread] = []

    # ---- as the pool sees it ----

    def start(self) -> None:
        """Starts the threads."""
        self._threads = [self.crew.thread, self.intake.thread, self.iterables.thread]
        _pools.running.add(self)
        for thread in self._threads:
            thread.start()

    @property
    def threads(self) -> list[threading.Thread]:
        """Those for workers, results, tasks."""
        return self._threads

    def give(self, tasks: Any) -> None:
        """Has a task done, or those of an iterator that runs no code of the user's. Each job's result is in the cache."""
        self.interrupted = False
        self.books.give(tasks)
        if self.error is not None:
            self.fail_all(self.error)

    def go_through(self, tasks: Any, result: Any) -> None:
        """Has the tasks of an iterator done that may run code of the user's, and wait, and raise."""
        self.interrupted = False
        self.iterables.queue.put((tasks, result))
        if self.error is not None:
            self.fail_all(self.error)

    def close(self) -> None:
        """Has everything end once nothing is waited for."""
        if self.state == "RUN":
            self.state = "CLOSE"
        try:
            self.crew.look()
        except _shm.RunOver:
            pass  # the threads know

    def join(self) -> None:
        """Waits until everything has ended, after `close` or `terminate`. RuntimeError: from a callback, whose end would be waited for."""
        if self.intake.takes():
            raise RuntimeError("a callback of a pool or an executor cannot join it: join it in another thread")
        for thread in self._threads:
            if thread is not self.iterables.thread or self.state != "TERMINATE":  # which may be in a user's iterable
                thread.join()
        for process in list(self.crew.processes):
            process.join()

    def drop(self) -> None:
        """Nobody has the pool any more. This is called by the garbage collector, in any thread, which may hold any lock of this object: so it takes none and
        waits for nothing, and the thread of the workers ends everything."""
        self._dropped = True
        self.state = "TERMINATE"
        self.iterables.queue.put(None)
        try:
            self.crew.look()
        except _shm.RunOver:
            pass

    def terminate(self, error: BaseException | None = None) -> None:
        """Ends everything now. Who still waits gets the error; callbacks are not called."""
        self.state = "TERMINATE"
        self.iterables.queue.put(None)
        self.books.drop()
        try:
            self.crew.look()
            self._join(self.crew.thread)
            self.crew.end()
            self.books.all_ended()
            self.stop()
        except _shm.RunOver:
            pass  # then all of it ends by itself
        if not self.intake.takes():
            self._join(self.intake.thread)
        for result in list(self.cache.values()):
            result.give_up(error or ProcessError("the pool was terminated before this was done"))

    def be_anothers(self) -> None:
        """This process was forked from the one whose pool it is: everything that is asked for fails."""
        error = RuntimeError(
            "this pool or executor belongs to the process that this one was forked from: make another one here"
        )

        def help(done: Callable[[], bool]) -> None:
            if not done():
                raise error

        self.help, self.error, self.state, self._threads = help, error, "BROKEN", []
        self.books.be_anothers()
        self.crew.processes.clear()

    # ---- as its threads see it ----

    def wanted(self) -> bool:
        """Are workers still needed?"""
        return self.state == "RUN" or (self.state == "CLOSE" and bool(self.cache))

    def ended(self) -> None:
        """No more workers will be made, says the thread that makes them: those there are end."""
        if self._dropped:
            self.terminate()
        if self.state == "BROKEN":
            self.crew.end()
            self.books.all_ended()
        if self.state != "TERMINATE":
            self.crew.dismiss()
            self.stop()

    def stop(self) -> None:
        """Has the other threads end after what has come in."""
        self.iterables.queue.put(None)
        self.results.send(RESULT.pack(0, STOP, 0))

    def break_down(self, error: BaseException) -> None:
        """Nothing can be done any more: what is waited for, and all that is asked for later, fails with this."""
        if self.error is None:
            self.error = error
        if self.state in ("RUN", "CLOSE"):
            self.state = "BROKEN"
        self.fail_all(self.error)
        self.crew.look()

    def fail_all(self, error: BaseException) -> None:
        """Nothing that is waited for will come."""
        if self.error is None:
            self.error = error
        self.iterables.queue.put(None)  # nobody has to go through iterables any more
        self.books.drop()
        for result in list(self.cache.values()):
            result.fail(error)

    def left(self, worker: Worker) -> None:
        """A worker has ended. What becomes of its tasks is dealt with where its results come in, after the last of them."""
        self.books.left(worker)
        self.results.send(RESULT.pack(worker.number, DEAD, 0))

    def _join(self, thread: threading.Thread) -> None:
        if self._threads and threading.current_thread() is not thread:
            thread.join()

    def _look_at_state(self) -> None:
        if self.state != "RUN":
            self.close()

    def _going_on(self) -> bool:
        return self.state in ("RUN", "CLOSE") and self.error is None

    # ---- results ----

    def _wanted(self, key: Key) -> bool:
        result = self.cache.get(key[0])
        return result is not None and result.begin(key[1])

    def _failed(self, key: Key, error: BaseException) -> None:
        self._set(*key, (False, error))

    def _set(self, job: int, index: int, outcome: tuple[bool, Any]) -> None:
        result = self.cache.get(job)
        if result is not None:
            result._set(index, outcome)

    def _deal_with(self, flags: int, data: Any) -> bool:
        number, job, index = RESULT.unpack_from(data[0] if flags == _message.PARTS else data)
        if job >= 0:
            worker = self.books.has(number, (job, index))
            if worker is not None:
                success, value = twice(lambda: _message.load(flags, data, RESULT.size))
                self._set(job, index, value if success else (False, value))
                self.books.answered(worker, (job, index))
        elif job == READY:
            self._ready(number)
        elif job == DEAD:
            self._dead(number)
        elif job == FAILED:
            self._initializer_failed(flags, data)
        return bool(job != STOP)

    def _ready(self, number: int) -> None:
        worker = self.books.workers.get(number)
        if (
            worker is not None
        ):  # else its start was interrupted here, and it will end for want of anybody who sends it tasks
            worker.ready = True
        self._stillborn = 0

    def _dead(self, number: int) -> None:
        worker = self.books.workers.get(number)
        if worker is None:
            return
        for task in self.books.bury(worker):
            _, error = twice(partial(self._death, worker, task))
            self._set(task[0], task[1], (False, error))
        self.books.erase(worker)
        if not worker.ready and self.state in ("RUN", "CLOSE"):
            self._not_ready(worker)

    def _death(self, worker: Worker, task: Any) -> BaseException:
        return self.settings.died(*_died.facts(worker.process, task))

    def _not_ready(self, worker: Worker) -> None:
        self._stillborn += 1
        guard = _guard.told()
        if guard is not None:
            self.break_down(self.settings.failed(guard))
        elif self._stillborn >= _STILLBORN:
            words = f"{_STILLBORN} workers, one after another, ended before they were ready for a task; the last, {worker.process.name}, {_died.how(worker.process)}"
            tail = _died.tail(worker.process)
            hint = (
                "its initializer did not return"
                if self.settings.arguments["initializer"]
                else "what it prints says why"
            )
            self.break_down(self.settings.failed(f"{words}: {hint}" + (f"\n{tail}" if tail else "")))

    def _initializer_failed(self, flags: int, data: Any) -> None:
        error = self.settings.failed("the initializer of the workers raised an error; see its traceback above")
        success, cause = twice(lambda: _message.load(flags, data, RESULT.size)[1])
        error.__cause__ = cause  # or what came of unpickling it
        self.break_down(error)
