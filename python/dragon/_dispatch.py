"""What is behind a pool: who gets which task, and what becomes of the tasks of a worker that dies.

Every worker has a channel of its own, of limited length, and the dispatcher remembers which tasks went into it. An idle worker is given the next task,
else they are dealt out in turn; a worker that runs out gets what others have not begun. When a worker dies, what it had not begun is taken back from its
channel, and only the task in its hands fails, with WorkerDied. Its results were sent before it died, so they come before the news of its death.

Three threads, as in CPython's pool. None of them holds the Pool, which may be dropped while they run.
  tasks    takes jobs from the queue and gives out their tasks; may wait for room in a channel
  results  takes in results, moves tasks between workers; never waits for room
  workers  waits for the ends of workers (on their exit events: no descriptors, no period) and replaces them
"""

from __future__ import annotations

import collections
import itertools
import queue
import signal
import threading
import traceback
from multiprocessing import ProcessError
from typing import TYPE_CHECKING, Any, Callable

from dragon import _message, _shm
from dragon._pool_worker import END, RESULT, TASK, work
from dragon.connection import Connection

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

Key = tuple[int, int]  # job, index
Returned = tuple[Key, int, Any]  # a task that is in no channel: key, flags, message

_WAITING = 64  # tasks that may wait in one worker's channel
_DEAD, _LOOK, _STOP = (
    -1,
    -2,
    -3,
)  # in place of a job: that worker is dead; look for tasks without a worker; nothing more will come


class WorkerDied(ProcessError):
    """The worker that ran this task ended without finishing it: it was killed, or left. The task may have been done in part."""


class _Worker:
    """A worker and what it was given and has not answered yet."""

    def __init__(self, number: int, process: BaseProcess, tasks: _shm.Channel) -> None:
        self.number = number
        self.process = process
        self.tasks = tasks
        self.given: dict[Key, None] = {}

    @property
    def ended(self) -> _shm.Event:
        event: _shm.Event = self.process._popen._exit  # type: ignore[attr-defined]
        return event


class _Cache(dict[int, Any]):
    """The results that are waited for; says when there are none any more."""

    def __init__(self, empty: Callable[[], None]) -> None:
        super().__init__()
        self._empty = empty

    def __delitem__(self, job: int) -> None:
        super().__delitem__(job)
        if not self:
            self._empty()


class Dispatcher:
    """See the module."""

    def __init__(
        self, ctx: Any, make: Callable[..., Any], size: int, pool: list[Any], settings: tuple[Any, ...]
    ) -> None:
        self.taskqueue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.cache = _Cache(self._look_at_state)
        self._ctx, self._make, self._size, self._pool, self._settings = ctx, make, size, pool, settings
        self._results = _shm.Channel.create()
        self._changes = _shm.Channel.create()  # anything in it: look again
        self._lock = threading.Lock()
        self._populating = threading.Lock()
        self._workers: dict[int, _Worker] = {}  # until the news of their death has been dealt with
        self._turn: collections.deque[_Worker] = collections.deque()  # those that may be given tasks
        self._idle: dict[int, _Worker] = {}
        self._returned: collections.deque[Returned] = collections.deque()
        self._numbers = itertools.count()
        self._state = "RUN"
        self._threads: list[threading.Thread] = []

    # ---- as the pool sees it ----

    def populate(self) -> None:
        """Starts workers until there are as many as there should be."""
        with self._populating:
            try:
                while len(self._pool) < self._size:
                    self._add_worker()
            except Exception:
                if not self._threads:  # the pool is never born
                    self._end_processes()
                raise

    def start(self) -> list[threading.Thread]:
        """Starts the threads: those for workers, tasks, results."""
        for run in (self._watch_workers, self._give_tasks, self._take_results):
            self._threads.append(threading.Thread(target=run, name=f"Pool{run.__name__}", daemon=True))
        for thread in self._threads:
            thread.start()
        return self._threads

    def give_one(self, job: int, function: Any, args: Any, kwds: Any) -> None:
        """Gives out a job of one task; never waits for room, since an idle worker has nothing in its channel."""
        if self._idle:
            self._give(job, 0, function, args, kwds, idle=True)
        else:
            self.taskqueue.put(([(job, 0, function, args, kwds)], None))

    def close(self) -> None:
        """Has everything end once nothing is waited for."""
        self._state = "CLOSE"
        self._changes.send(b"")

    def terminate(self) -> None:
        """Ends everything now."""
        self._state = "TERMINATE"
        self.taskqueue.put(None)
        try:
            self._changes.send(b"")
            self._join(0)
            self._end_processes()
            with self._lock:
                workers = list(self._workers.values())
            for worker in workers:
                worker.tasks.close()  # the tasks thread may wait for room in it
            self._results.send(RESULT.pack(0, _STOP, 0))
        except _shm.RunOver:
            pass  # then all of it ends by itself
        self._join(1)
        self._join(2)

    def _join(self, which: int) -> None:
        if self._threads and threading.current_thread() is not self._threads[which]:
            self._threads[which].join()

    def _end_processes(self) -> None:
        for process in self._pool:
            if process.exitcode is None:
                process.terminate()
        for process in self._pool:
            process.join()

    def _look_at_state(self) -> None:
        if self._state != "RUN":
            self._changes.send(b"")

    # ---- workers ----

    def _add_worker(self) -> None:
        number = next(self._numbers)
        tasks = _shm.Channel.create(_WAITING)
        process = self._make(
            self._ctx,
            target=work,
            args=(number, Connection(tasks, None), Connection(None, self._results), *self._settings),
        )
        process.name = process.name.replace("Process", "PoolWorker")
        process.daemon = True
        process.start()
        worker = _Worker(number, process, tasks)
        with self._lock:
            self._workers[number] = worker
            self._turn.append(worker)
            self._idle[number] = worker
            self._pool.append(process)
            look = bool(self._returned)
        if look:
            self._results.send(RESULT.pack(0, _LOOK, 0))

    def _watch_workers(self) -> None:
        try:
            while self._state == "RUN" or (self.cache and self._state != "TERMINATE"):
                with self._lock:
                    watched = list(self._turn)
                ready, _ = _shm.wait([self._changes, *(worker.ended for worker in watched)], [])
                for index in ready:
                    if index:
                        self._bury(watched[index - 1])
                    else:
                        self._changes.recv()
                self._replace()
            if self._state == "CLOSE":
                self._finish()
        except _shm.RunOver as error:
            self._fail_all(error)

    def _bury(self, worker: _Worker) -> None:
        """A worker has ended. What becomes of its tasks is dealt with where its results come in, after the last of them."""
        with self._lock:
            self._turn.remove(worker)
            self._idle.pop(worker.number, None)
            self._pool.remove(worker.process)
        self._results.send(RESULT.pack(worker.number, _DEAD, 0))

    def _replace(self) -> None:
        if self._state == "TERMINATE":
            return
        try:
            self.populate()
        except _shm.RunOver:
            raise
        except Exception as error:
            if not self._turn:  # nobody is left to do what is waited for
                self._fail_all(error)
                raise

    def _finish(self) -> None:
        """Nothing is waited for, and nothing more will come."""
        self.taskqueue.put(None)
        with self._lock:
            workers = list(self._turn)
        for worker in workers:
            worker.tasks.send(END)
        self._results.send(RESULT.pack(0, _STOP, 0))

    # ---- tasks ----

    def _give_tasks(self) -> None:
        over: _shm.RunOver | None = None  # once the run is over, every task that still comes fails with this
        for tasks, set_length in iter(self.taskqueue.get, None):
            index = -1
            for task in tasks:
                if self._state == "TERMINATE":
                    return
                index = task[1]
                try:
                    if over is None:
                        self._give(*task)
                except _shm.Closed:
                    return  # the pool was terminated
                except _shm.RunOver as error:
                    over = error
                if over is not None:
                    self._set(task[0], index, (False, over))
            if set_length:
                set_length(index + 1)
            task = tasks = set_length = None

    def _give(self, job: int, index: int, function: Any, args: Any, kwds: Any, idle: bool = False) -> None:
        try:
            data, buffers = _message.dump((function, args, kwds))
        except Exception as error:
            self._set(job, index, (False, error))
            return
        header = TASK.pack(job, index)
        worker = self._choose((job, index), idle)
        if worker is None and idle:  # it got something else meanwhile
            self.taskqueue.put(([(job, index, function, args, kwds)], None))
            return
        if worker is None:
            self._results.poll(0)  # raises RunOver where nobody is left to give it to a worker later
            message = (_message.PARTS, [header, data, *buffers]) if buffers else (_message.PICKLE, header + data)
            self._returned.append(((job, index), *message))
            return
        if buffers:
            worker.tasks.send_parts([header, data, *buffers], None, _message.PARTS)
        else:
            worker.tasks.send(header + data)
        if worker.number not in self._workers:  # it died while this waited for room in its channel
            self._take_back(worker)
            self._results.send(RESULT.pack(0, _LOOK, 0))

    def _choose(self, key: Key, idle: bool) -> _Worker | None:
        """Who gets the task, only an idle one if `idle`: it is in his book from here on."""
        with self._lock:
            if self._idle:
                worker = self._idle.popitem()[1]
            elif self._turn and not idle:
                worker = self._turn[0]
                self._turn.rotate(-1)
            else:
                return None
            worker.given[key] = None
            return worker

    # ---- results ----

    def _take_results(self) -> None:
        receive = self._results.recv_message
        try:
            while True:
                flags, data = receive()
                header = data[0] if flags == _message.PARTS else data
                number, job, index = RESULT.unpack_from(header)  # type: ignore[arg-type]
                if job >= 0:
                    self._result(number, job, index, flags, data)
                elif job == _DEAD:
                    self._dead(self._workers[number])
                elif job == _STOP:
                    return
                else:
                    self._settle()
                data = header = b""
        except _shm.RunOver as error:
            self._fail_all(error)

    def _result(self, number: int, job: int, index: int, flags: int, data: Any) -> None:
        worker = self._workers[number]
        given = worker.given
        given.pop((job, index), None)
        if not given:
            self._idle_now(worker)
        try:
            outcome = _message.load(flags, data, RESULT.size)
        except Exception as error:  # it cannot be unpickled here
            outcome = (False, error)
        self._set(job, index, outcome)

    def _set(self, job: int, index: int, outcome: tuple[bool, Any]) -> None:
        result = self.cache.get(job)
        if result is not None:
            try:
                result._set(index, outcome)
            except Exception:  # of a user's callback
                traceback.print_exc()

    def _idle_now(self, worker: _Worker) -> None:
        """A worker has nothing left: it gets a task without a worker, or some that others have not begun."""
        with self._lock:
            if worker.given or worker not in self._turn:
                return
            if not self._returned:
                busiest = max(self._turn, key=lambda each: len(each.given))
                if len(busiest.given) > 1:
                    self._take_some(busiest, len(busiest.given) // 2)
            if not self._returned:
                self._idle[worker.number] = worker
                return
        self._settle(worker)

    def _dead(self, worker: _Worker) -> None:
        """After the last result of a worker that has ended: what it had not begun goes to others, what it had begun fails."""
        del self._workers[worker.number]
        self._take_back(worker)
        with self._lock:
            lost, worker.given = worker.given, {}
        for job, index in lost:
            self._set(job, index, (False, WorkerDied(_epitaph(worker.process))))
        self._settle()

    def _take_back(self, worker: _Worker) -> None:
        with self._lock:
            self._take_some(worker, 1 << 30)

    def _take_some(self, worker: _Worker, most: int) -> None:
        """Takes up to so many tasks that a worker has not begun. To be called with the lock held."""
        for _ in range(most):
            try:
                flags, message = worker.tasks.recv_message(0)
            except (_shm.Timeout, _shm.Closed):
                return
            if message == END:
                continue
            key = TASK.unpack_from(message[0] if flags == _message.PARTS else message)  # type: ignore[arg-type]
            worker.given.pop(key, None)
            self._returned.append((key, flags, message))

    def _settle(self, first: _Worker | None = None) -> None:
        """Gives out tasks that have no worker, as far as there is room."""
        while True:
            with self._lock:
                if not self._returned or not self._turn:
                    return
                worker = first or (self._idle.popitem()[1] if self._idle else self._turn[0])
                self._idle.pop(worker.number, None)
                self._turn.rotate(-1)
                key, flags, message = self._returned.popleft()
                worker.given[key] = None
                try:
                    if flags == _message.PARTS:
                        worker.tasks.send_parts(message, 0, flags)
                    else:
                        worker.tasks.send(message, 0, flags)
                except (_shm.Timeout, _shm.Closed):
                    del worker.given[key]
                    self._returned.appendleft((key, flags, message))
                    return

    def _fail_all(self, error: Exception) -> None:
        """Nothing that is waited for will come."""
        for result in list(self.cache.values()):
            try:
                if hasattr(result, "_number_left"):
                    for _ in range(result._number_left):
                        result._set(0, (False, error))
                else:
                    result._set(getattr(result, "_index", 0), (False, error))
            except Exception:  # of a user's callback
                traceback.print_exc()


def _epitaph(process: BaseProcess) -> str:
    code = process.exitcode
    if code is not None and code < 0:
        how = f"was killed by {signal.Signals(-code).name}"
    else:
        how = f"ended with exit code {code}"
    return f"{process.name} (pid {process.pid}) {how} while it ran this task"
