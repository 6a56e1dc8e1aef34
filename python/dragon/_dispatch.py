"""What is behind a pool and an executor: who gets which task, and what becomes of the tasks of a worker that dies.

Every worker has a channel of its own, and the dispatcher remembers which tasks went into it. A worker gets one task more than it is at work on, so that
it need not wait for the next, and many where they are short; one that runs out gets what others have not begun. When a worker dies, what it had not begun
is taken back from its channel, and only the task in its hands fails, with WorkerDied. Its results were sent before it died, so they come before the news
of its death: all go through one channel.

Who waits for a result takes results in (`_intake`) and gives out the next tasks; else threads do it, none of which holds the Pool, which may be dropped
while they run:
  results  takes results in; never waits for room
  workers  waits for the ends of workers and replaces them (`_crew`)
  tasks    goes through a user's iterables for imap, never far ahead of the workers
"""

from __future__ import annotations

import collections
import itertools
import os
import queue
import sys
import threading
import time
import weakref
from multiprocessing import ProcessError
from typing import TYPE_CHECKING, Any, Callable

from dragon import _died, _guard, _handle, _message, _shm
from dragon._crew import Crew, Settings, Worker
from dragon._died import InitializerFailed, WorkerDied
from dragon._intake import Intake
from dragon._pool_worker import DEAD, END, FAILED, READY, RESULT, STOP, TASK, part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Key = tuple[int, int]  # job, index
Task = tuple[int, int, Any, Any, Any]  # job, index, function, arguments, keyword arguments

_AHEAD = 256  # tasks that imap may take from a user's iterable before any worker wants them
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
    """See the module. `retries`: how often a lost task is run again before it fails with `died`; `failed`: no worker can be made ready;
    `finishes`: at the interpreter's end what was asked for is done first."""

    def __init__(
        self,
        settings: Settings,
        processes: list[Any],
        retries: int = 0,
        died: type[WorkerDied] = WorkerDied,
        failed: type[InitializerFailed] = InitializerFailed,
        finishes: bool = False,
    ) -> None:
        self.state = "RUN"  # CLOSE, TERMINATE; BROKEN: no worker can be made ready
        self.taskqueue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.cache = _Cache(self._look_at_state)
        self.intake = Intake(self._deal_with, self._fill, self._put_right, self.fail_all)
        self.help = self.intake.help
        self.results = self.intake.channel
        self.error: BaseException | None = None  # why nothing can be done any more
        self.interrupted = False  # by Ctrl-C, while a result was waited for, and nothing was asked for since
        self.finishes = finishes
        self._retries, self._died, self._failure = retries, died, failed
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._workers: dict[int, Worker] = {}  # until the news of their death has been dealt with
        self._idle: dict[int, Worker] = {}
        self._open: dict[int, Worker] = {}  # those at work that may be given more
        self._pending: collections.deque[Any] = collections.deque()  # tasks, and iterators of tasks
        self._stolen: collections.deque[Any] = collections.deque()  # messages taken back from a worker's channel
        self._again: dict[Key, int] = {}  # how often a task was lost
        self._tasks: dict[Key, Task] = {}  # those in the books of workers
        self._pins: dict[Key, list[_handle.Pinned]] = {}  # handles that went with a task, which may not arrive
        self._stillborn = 0
        self.crew = Crew(settings, processes, self)
        self._threads: list[threading.Thread] = []

    # ---- as the pool sees it ----

    def start(self) -> None:
        """Starts the threads: those for workers, results, tasks."""
        tasks = threading.Thread(target=self._give_tasks, name="Pool_give_tasks", daemon=True)
        self._threads = [self.crew.thread, self.intake.thread, tasks]
        _running.add(self)
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Waits until everything has ended, after `close` or `terminate`. RuntimeError: from a callback, whose end would be waited for."""
        if self.intake.takes():
            raise RuntimeError("a callback of a pool or an executor cannot join it: join it in another thread")
        for thread in self._threads:
            if thread is not self._threads[2] or self.state != "TERMINATE":  # which may be in a user's iterable
                thread.join()
        for process in list(self.crew.processes):
            process.join()

    @property
    def threads(self) -> list[threading.Thread]:
        """Those for workers, results, tasks."""
        return self._threads

    def give(self, tasks: Task | Iterator[Task]) -> None:
        """Has a task done, or those of an iterator that runs no code of the user's. Each job's result is in the cache."""
        self.interrupted = False
        with self._lock:
            self._pending.append(tasks)
        self._fill()
        if self.error is not None:
            self.fail_all(self.error)

    def idle(self) -> int:
        """How many workers have no task."""
        return len(self._idle)

    def close(self) -> None:
        """Has everything end once nothing is waited for."""
        if self.state == "RUN":
            self.state = "CLOSE"
        try:
            self.crew.look()
        except _shm.RunOver:
            pass  # the threads know

    def terminate(self, error: BaseException | None = None) -> None:
        """Ends everything now. Who still waits gets the error; callbacks are not called."""
        self.state = "TERMINATE"
        self.taskqueue.put(None)
        with self._lock:
            self._pending.clear()
            self._room.notify_all()
        try:
            self.crew.look()
            self._join(0)
            self.crew.end()
            self.stop()
        except _shm.RunOver:
            pass  # then all of it ends by itself
        if not self.intake.takes():
            self._join(1)
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
        self._lock = threading.Lock()  # another thread of the parent may have held it
        self._room = threading.Condition(self._lock)
        for book in (self._idle, self._open, self.crew.processes):
            book.clear()

    def stop(self) -> None:
        """Has the threads end after what has come in."""
        self.taskqueue.put(None)
        self.results.send(RESULT.pack(0, STOP, 0))

    def wanted(self) -> bool:
        """Are workers still needed?"""
        return self.state == "RUN" or (self.state == "CLOSE" and bool(self.cache))

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
        self.taskqueue.put(None)  # nobody has to go through iterables any more
        with self._lock:
            self._pending.clear()
            self._room.notify_all()
        for result in list(self.cache.values()):
            result.fail(error)

    def _join(self, which: int) -> None:
        if self._threads and threading.current_thread() is not self._threads[which]:
            self._threads[which].join()

    def _look_at_state(self) -> None:
        if self.state != "RUN":
            self.close()

    # ---- workers ----

    def expect(self, worker: Worker) -> None:
        """A worker is about to be started, and may say so before its start has returned."""
        with self._lock:
            self._workers[worker.number] = worker

    def forget(self, worker: Worker) -> None:
        """A worker could not be started."""
        with self._lock:
            del self._workers[worker.number]

    def joined(self, worker: Worker) -> None:
        """A worker was started; what it is given waits in its channel until it is ready."""
        with self._lock:
            worker.here = True
            self._place(worker)
        self._fill()

    def left(self, worker: Worker) -> None:
        """A worker has ended."""
        with self._lock:
            worker.here = False
            self._idle.pop(worker.number, None)
            self._open.pop(worker.number, None)
        self.results.send(RESULT.pack(worker.number, DEAD, 0))

    # ---- tasks ----

    def _give_tasks(self) -> None:
        """The users' iterables of imap."""
        for tasks, result in iter(self.taskqueue.get, None):
            try:
                if not self._give_each(tasks, result):
                    return
            except _shm.RunOver as error:
                self.fail_all(error)
                return
            tasks = result = None

    def _give_each(self, tasks: Iterator[Task], result: Any) -> bool:
        index = -1
        try:
            for task in tasks:
                index = task[1]
                with self._lock:
                    while len(self._pending) >= _AHEAD and self.state in ("RUN", "CLOSE") and self.error is None:
                        self._room.wait()
                if self.state == "TERMINATE":
                    return False
                self.give(task)
        except _shm.RunOver:
            raise
        except (
            BaseException
        ) as error:  # SystemExit, say, of the user's iterable; an Exception of it is a task that raises
            index += 1
            result._set(index, (False, error))
        result._set_length(index + 1)
        return True

    def _fill(self) -> None:
        """Gives out tasks, as far as workers can have more."""
        taken: list[Any] = []
        try:
            while self._next(taken):
                self._hand_over(taken[0])
                taken.clear()
        except _shm.RunOver:
            raise
        except BaseException:  # of a signal handler
            self._put_right(taken)
            raise

    def _next(self, taken: list[Any]) -> bool:
        """The next task that is still wanted, if a worker can have it."""
        pending = self._pending
        while pending and (self._idle or self._open):
            with self._lock:
                if not pending:
                    return False
                first = pending[0]
                if type(first) is tuple:
                    taken.append(first)
                else:
                    taken.extend(itertools.islice(first, 1))
                if not taken or type(first) is tuple:
                    pending.popleft()
                    if len(pending) == _AHEAD // 2:
                        self._room.notify_all()
                if not taken:
                    continue
            result = self.cache.get(taken[0][0])
            if result is not None and result.begin(taken[0][1]):
                return True
            taken.clear()
        return False

    def _hand_over(self, task: Task) -> None:
        """Sends a task to a worker. Being sent and standing in the worker's book is one step, between whose halves no signal handler runs."""
        key = task[0], task[1]
        before = _handle.exported
        success, pickled = _twice(lambda: _message.dump(task[2:], part))
        if not success:
            self._set(*key, (False, pickled))
            return
        header, (data, buffers) = TASK.pack(*key), pickled
        with self._lock:
            worker = self._choose()
            if worker is None:
                self._pending.appendleft(task)
                _handle.take_back(before)
                return
            if not worker.given:
                worker.last = time.perf_counter()
            self._tasks[key] = task
            try:
                if buffers:
                    sending = map(worker.tasks.send_parts, ([header, data, *buffers],), (0,), (_message.PARTS,))
                else:
                    sending = map(worker.tasks.send, (header + data,), (0,))
                worker.given.update(zip((key,), sending))
            except _shm.Timeout:  # the channel of a worker that was killed with a slot in hand is full
                self._pending.appendleft(task)
                _handle.take_back(before)
                return
            except (MemoryError, _shm.NoSuchObject) as error:
                failure = error
                _handle.take_back(before)
            else:
                if _handle.exported != before:
                    self._pins[key] = _handle.exported_since(before)
                self._place(worker)
                return
        self._set(*key, (False, failure))

    def _choose(self) -> Worker | None:
        """Who gets the next task. Whoever is chosen is in neither book of those who can be given one; see `_place`."""
        if self._idle:
            return self._idle.popitem()[1]
        if self._open:
            return self._open.pop(next(iter(self._open)))
        return None

    def _place(self, worker: Worker) -> None:
        """Puts a worker into the book of those that have nothing, of those that can have more, or into neither. With the lock held."""
        number, count = worker.number, len(worker.given)
        if not worker.here:
            return
        if not count:
            self._open.pop(number, None)
            self._idle[number] = worker
        else:
            self._idle.pop(number, None)
            if count < worker.window():
                self._open[number] = worker

    def _put_right(self, taken: list[Any] = ()) -> None:  # type: ignore[assignment]
        """After an interruption: what was taken and not sent is pending again, each worker is in its book, and everybody has something to do."""
        with self._lock:
            self._pend_stolen()
            for task in taken:
                key = task[0], task[1]
                sent = any(key in worker.given for worker in self._workers.values())
                if not sent:
                    self._pend(task)
            for worker in self._workers.values():
                self._place(worker)
        self._fill()

    # ---- results ----

    def _deal_with(self, flags: int, data: Any) -> bool:
        number, job, index = RESULT.unpack_from(data[0] if flags == _message.PARTS else data)
        if job >= 0:
            worker = self._workers.get(number)
            if worker is not None and (job, index) in worker.given:
                self._result(worker, job, index, flags, data)
        elif job == READY:
            if (
                number in self._workers
            ):  # else its start was interrupted here, and it will end for want of anybody who sends it tasks
                self._workers[number].ready = True
            self._stillborn = 0
        elif job == DEAD:
            self._dead(number)
        elif job == FAILED:
            self._failed(flags, data)
        return bool(job != STOP)

    def _result(self, worker: Worker, job: int, index: int, flags: int, data: Any) -> None:
        success, value = _twice(lambda: _message.load(flags, data, RESULT.size))
        self._set(job, index, value if success else (False, value))
        now = time.perf_counter()
        worker.pace += (now - worker.last - worker.pace) / 8 if worker.pace < 1 else now - worker.last - worker.pace
        worker.last = now
        with self._lock:
            self._tasks.pop((job, index), None)
            if self._again:
                self._again.pop((job, index), None)
            if self._pins:
                self._pins.pop((job, index), None)
            worker.given.pop((job, index), None)  # the last, since this tells that the result was dealt with
            self._place(worker)
            if not worker.given:
                self._share(worker)

    def _set(self, job: int, index: int, outcome: tuple[bool, Any]) -> None:
        result = self.cache.get(job)
        if result is not None:
            result._set(index, outcome)

    def _share(self, worker: Worker) -> None:
        """A worker has nothing left. Where nothing waits for a worker, it gets some that others have not begun. With the lock held."""
        if not self._pending and len(self._tasks) > len(self._workers) - len(self._idle):
            busiest = max(self._workers.values(), key=lambda each: len(each.given))
            if len(busiest.given) > 1:
                self._take_back(busiest, len(busiest.given) // 2)

    def _take_back(self, worker: Worker, most: int) -> None:
        """Takes up to so many tasks that a worker has not begun. With the lock held."""
        for _ in range(most):
            try:
                self._stolen.extend(map(worker.tasks.recv_message, (0,)))
            except (_shm.Timeout, _shm.Closed):
                return
            self._pend_stolen()

    def _pend_stolen(self) -> None:
        """What was taken back is pending again. Each step can be done twice."""
        while self._stolen:
            flags, message = self._stolen[0]
            if message != END:
                key: Key = TASK.unpack_from(message[0] if flags == _message.PARTS else message)
                for worker in self._workers.values():
                    if key in worker.given:
                        _handle.give_up(self._pins.get(key, ()))
                        self._pend(self._tasks[key])
                        del worker.given[key]
            self._stolen.popleft()

    def _pend(self, task: Task) -> None:
        if not self._pending or self._pending[0] is not task:
            self._pending.appendleft(task)

    def _dead(self, number: int) -> None:
        """After the last result of a worker that has ended: what it had not begun goes to others, what it had begun fails or is begun again."""
        worker = self._workers.get(number)
        if worker is None:
            return
        lost = []
        with self._lock:
            self._take_back(worker, 1 << 30)
            for key in list(worker.given):
                _handle.give_up(self._pins.pop(key, ()))
                tries = self._again.get(key, 0)
                if worker.ready and tries >= self._retries:
                    lost.append(self._tasks[key])
                    continue
                if worker.ready:
                    self._again[key] = tries + 1
                self._pend(self._tasks[key])
                del worker.given[key]
        for task in lost:
            self._set(task[0], task[1], (False, self._died(*_died.facts(worker.process, task))))
        with self._lock:
            for key in worker.given:
                self._tasks.pop(key, None)
                self._again.pop(key, None)
            self._workers.pop(number, None)
        if not worker.ready and self.state in ("RUN", "CLOSE"):
            self._not_ready(worker)

    def _not_ready(self, worker: Worker) -> None:
        self._stillborn += 1
        guard = _guard.told()
        if guard is not None:
            self.break_down(self._failure(guard))
        elif self._stillborn >= _STILLBORN:
            words = f"{_STILLBORN} workers, one after another, ended before they were ready for a task; the last, {worker.process.name}, {_died.how(worker.process)}"
            tail = _died.tail(worker.process)
            hint = "its initializer did not return" if self.crew.settings.arguments[0] else "what it prints says why"
            self.break_down(self._failure(f"{words}: {hint}" + (f"\n{tail}" if tail else "")))

    def _failed(self, flags: int, data: Any) -> None:
        error = self._failure("the initializer of the workers raised an error; see its traceback above")
        success, cause = _twice(lambda: _message.load(flags, data, RESULT.size)[1])
        error.__cause__ = cause  # or what came of unpickling it
        self.break_down(error)


def _twice(attempt: Callable[[], Any]) -> tuple[bool, Any]:
    """Did it succeed, and its value or error. An error that comes again is its own; one that does not is a signal handler's, and is raised."""
    try:
        return True, attempt()
    except BaseException as first:
        try:
            attempt()
        except BaseException as error:
            if type(error) is type(first):
                return False, error
        raise


def chunked(job: int, function: Any, chunks: Iterable[Any]) -> Iterator[Task]:
    """The tasks of a map: an iterator that runs no code of the user's."""
    repeat = itertools.repeat
    return zip(repeat(job), itertools.count(), repeat(function), zip(chunks), repeat({}))


_running: weakref.WeakSet[Dispatcher] = weakref.WeakSet()
exiting = False  # the interpreter ends


def _end_all() -> None:
    """At the interpreter's end, before threads are waited for. After Ctrl-C nothing is waited for, and who waits in another thread ends without a word."""
    global exiting
    exiting = True
    interrupted = getattr(sys, "last_type", None) is KeyboardInterrupt
    for dispatcher in list(_running):
        if interrupted or dispatcher.interrupted:
            dispatcher.terminate(SystemExit(1))
        elif dispatcher.finishes:
            dispatcher.close()
    for dispatcher in list(_running):
        if dispatcher.finishes:
            dispatcher.join()


threading._register_atexit(_end_all)  # type: ignore[attr-defined]


def _after_fork() -> None:
    """In a child of user code: what it asked for would go to the parent's workers, and what they answer would be taken from the parent."""
    for dispatcher in list(_running):
        dispatcher.be_anothers()
    _running.clear()


os.register_at_fork(after_in_child=_after_fork)
