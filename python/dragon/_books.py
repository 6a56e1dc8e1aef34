"""Which worker has which task, and which tasks wait for one.

A worker gets one task more than it is at work on, so that it need not wait for the next, and many where they are short; one that runs out gets what others have not begun.
What a worker that died had not begun is taken back from its channel, and so goes on as it is; only what it had begun is lost, or begun again.

A signal handler may raise in the middle of anything here, in any thread that waits for a result. So what belongs together is one step (sending a task and
writing it down), and what is not can be done twice; `put_right` is called after such an interruption.
"""

from __future__ import annotations

import collections
import itertools
import threading
import time
from typing import TYPE_CHECKING, Any, Callable

from dragon import _died, _handle, _message, _shm
from dragon._pool_worker import END, TASK, part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dragon._crew import Worker

Key = tuple[int, int]  # job, index
Task = tuple[int, int, Any, Any, Any]  # job, index, function, arguments, keyword arguments
Message = tuple[int, Any]  # flags; the bytes, or the parts: header, pickle, buffers

AHEAD = 256  # tasks that imap may take from a user's iterable before any worker wants them


class Books:
    """See the module. `retries`: how often a lost task is begun again; `wanted`: is a task still to be done? `failed` is told of one that cannot be sent."""

    def __init__(
        self, retries: int, wanted: Callable[[Key], bool], failed: Callable[[Key, BaseException], None]
    ) -> None:
        self._retries, self._wanted, self._failed = retries, wanted, failed
        self.lock = threading.Lock()
        self.room = threading.Condition(self.lock)
        self.workers: dict[int, Worker] = {}  # until the news of their death has been dealt with
        self.idle: dict[int, Worker] = {}
        self._open: dict[int, Worker] = {}  # those at work that may be given more
        self.pending: collections.deque[Any] = collections.deque()  # tasks, and iterators of tasks
        self._stolen: collections.deque[Message] = collections.deque()  # messages taken back from a worker's channel
        self._tasks: dict[Key, Task] = {}  # those that workers have
        self._kept: dict[Key, Message] = {}  # messages that may be, or are to be, sent again, as they were
        self._again: dict[Key, int] = {}  # how often a task was lost
        self.pins: dict[Key, list[_handle.Pinned]] = {}  # handles that went with a task, which may not arrive

    # ---- workers ----

    def expect(self, worker: Worker) -> None:
        """A worker is about to be started, and may say so before its start has returned."""
        with self.lock:
            self.workers[worker.number] = worker

    def forget(self, worker: Worker) -> None:
        """A worker could not be started."""
        with self.lock:
            del self.workers[worker.number]

    def joined(self, worker: Worker) -> None:
        """A worker was started; what it is given waits in its channel until it is ready."""
        with self.lock:
            worker.here = True
            self._place(worker)
        self.fill()

    def left(self, worker: Worker) -> None:
        """A worker has ended, and gets nothing more. Its last results may not have been dealt with; after them, `bury` it."""
        with self.lock:
            worker.here = False
            self.idle.pop(worker.number, None)
            self._open.pop(worker.number, None)

    def bury(self, worker: Worker) -> list[Task]:
        """After the last result of a worker that has ended: what it had not begun goes to others, what it had begun is begun again, or lost: returned, and in the books until `erase`."""
        lost = []
        with self.lock:
            self._take_back(worker, 1 << 30)
            for key in list(worker.given):
                tries = self._again.get(key, 0)
                if worker.ready and tries >= self._retries:
                    _handle.give_up(self.pins.pop(key, ()))
                    lost.append(self._tasks[key])
                    continue
                if key not in self._kept:
                    _handle.give_up(self.pins.pop(key, ()))
                if worker.ready:
                    self._again[key] = tries + 1
                self._pend(self._tasks[key])
                del worker.given[key]
        return lost

    def erase(self, worker: Worker) -> None:
        """A worker that was buried, and the tasks that were lost with it, are forgotten."""
        with self.lock:
            for key in worker.given:
                self._forget(key)
            self.workers.pop(worker.number, None)

    # ---- tasks on their way out ----

    def give(self, tasks: Task | Iterator[Task]) -> None:
        """One more task, or those of an iterator that runs no code of the user's."""
        with self.lock:
            self.pending.append(tasks)
        self.fill()

    def drop(self) -> None:
        """What has not been given out never will be."""
        with self.lock:
            self.pending.clear()
            self.room.notify_all()

    def all_ended(self) -> None:
        """All workers have ended: the handles that went with their tasks will not arrive."""
        with self.lock:
            pins = list(self.pins.values())
            self.pins.clear()
        for each in pins:
            _handle.give_up(each)

    def be_anothers(self) -> None:
        """This process was forked from the one whose books these are."""
        self.lock = threading.Lock()  # another thread of the parent may have held it
        self.room = threading.Condition(self.lock)
        self.idle.clear()
        self._open.clear()

    def fill(self) -> None:
        """Gives out tasks, as far as workers can have more."""
        taken: list[Any] = []
        try:
            while self._next(taken) or (self._share() and self._next(taken)):
                self._hand_over(taken[0])
                taken.clear()
        except _shm.RunOver:
            raise
        except BaseException:  # of a signal handler
            self.put_right(taken)
            raise

    def put_right(self, taken: list[Any] = ()) -> None:  # type: ignore[assignment]
        """After an interruption: what was taken and not sent is pending again, each worker is in its book, and everybody has something to do."""
        with self.lock:
            self._pend_stolen()
            for task in taken:
                key = task[0], task[1]
                sent = any(key in worker.given for worker in self.workers.values())
                if not sent:
                    self._pend(task)
            for worker in self.workers.values():
                self._place(worker)
        self.fill()

    def _next(self, taken: list[Any]) -> bool:
        """The next task that is still wanted, if a worker can have it."""
        pending = self.pending
        while pending and (self.idle or self._open):
            with self.lock:
                if not pending:
                    return False
                first = pending[0]
                if type(first) is tuple:
                    taken.append(first)
                else:
                    taken.extend(itertools.islice(first, 1))
                if not taken or type(first) is tuple:
                    pending.popleft()
                    if len(pending) == AHEAD // 2:
                        self.room.notify_all()
                if not taken:
                    continue
            key = taken[0][:2]
            if self._wanted(key):
                return True
            if key in self._tasks:  # it was taken back from a worker
                with self.lock:
                    _handle.give_up(self.pins.pop(key, ()))
                    self._forget(key)
            taken.clear()
        return False

    def _hand_over(self, task: Task) -> None:
        """Sends a task to a worker, if one can still have it; else it is pending again, or has failed."""
        key = task[0], task[1]
        kept, before = self._kept.get(key), _handle.exported
        success, message = twice(lambda: self._pickled(key, task)) if kept is None else (True, kept)
        failure: Any = None if success else message
        if success:
            with self.lock:
                try:
                    sent = self._send(key, task, message)
                except (MemoryError, ValueError, _shm.NoSuchObject) as error:
                    sent, failure = False, error
                    self._forget(key)
                if not sent:
                    if kept is None:
                        self._kept.pop(key, None)
                    _handle.take_back(before)
                elif kept is None and _handle.exported != before:
                    self.pins[key] = _handle.exported_since(before)
        if failure is not None:
            self._failed(key, failure)

    def _send(self, key: Key, task: Task, message: Message) -> bool:
        """Being sent and standing in the worker's book is one step, between whose halves no signal handler runs. False: nobody can have it just now. With the lock held."""
        worker = self._choose()
        if worker is None:
            self.pending.appendleft(task)
            return False
        if not worker.given:
            worker.last = time.perf_counter()
        self._tasks[key] = task
        if self._retries:
            self._kept[key] = message
        flags, data = message
        send: Any = worker.tasks.send_parts if flags == _message.PARTS else worker.tasks.send
        try:
            worker.given.update(zip((key,), map(send, (data,), (0,), (flags,))))
        except _shm.Timeout:  # the channel of a worker that was killed with a slot in hand is full
            self.pending.appendleft(task)
            return False
        except (MemoryError, ValueError):  # too large for the memory, or for any
            self._place(worker)
            raise
        if not self._retries and self._kept:
            self._kept.pop(key, None)
        self._place(worker)
        return True

    def _pickled(self, key: Key, task: Task) -> Message:
        try:
            data, buffers = _message.dump(task[2:], part)
        except Exception as error:
            if not task[1]:
                raise
            from dragon import _unpickling

            raise _unpickling.told(error, _died.which(task)) from error.__cause__
        if self._retries:  # what is sent again is what it was
            buffers = [memoryview(bytes(each)) for each in buffers]
        return _message.headed(TASK.pack(*key), data, buffers)

    def _choose(self) -> Worker | None:
        """Who gets the next task. Whoever is chosen is in neither book of those who can be given one; see `_place`."""
        if self.idle:
            return self.idle.popitem()[1]
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
            self.idle[number] = worker
        else:
            self.idle.pop(number, None)
            if count < worker.window():
                self._open[number] = worker

    # ---- what comes back ----

    def has(self, number: int, key: Key) -> Worker | None:
        """The worker of that number, if it was given that task and has not answered. With the lock: of a large task, the result may be there before it is written
        down who has it, since the thread that sent it has to wait for the interpreter's lock again."""
        with self.lock:
            worker = self.workers.get(number)
            return worker if worker is not None and key in worker.given else None

    def answered(self, worker: Worker, key: Key) -> None:
        """A worker's result has been dealt with; it can have more."""
        worker.answered()
        with self.lock:
            self._forget(key)
            worker.given.pop(key, None)  # the last, since this tells that the result was dealt with
            self._place(worker)

    def _forget(self, key: Key) -> None:
        self._tasks.pop(key, None)
        for book in (self._kept, self._again, self.pins):
            if book:
                book.pop(key, None)

    def _share(self) -> bool:
        """Where nothing waits for a worker and one has nothing, it gets some that others have not begun: those are taken back here. Were there any?"""
        if not self.idle or self.pending or len(self._tasks) <= len(self.workers) - len(self.idle):
            return False
        with self.lock:
            busiest = max(self.workers.values(), key=lambda each: len(each.given), default=None)
            if busiest is not None and len(busiest.given) > 1:
                self._take_back(busiest, len(busiest.given) // 2)
        return bool(self.pending)

    def _take_back(self, worker: Worker, most: int) -> None:
        """Takes up to so many tasks that a worker has not begun. With the lock held."""
        for _ in range(most):
            try:
                self._stolen.extend(map(worker.tasks.recv_message, (0,)))
            except (_shm.Timeout, _shm.Closed):
                return
            self._pend_stolen()

    def _pend_stolen(self) -> None:
        """What was taken back is pending again, as the message that it is. Each step can be done twice."""
        while self._stolen:
            flags, message = self._stolen[0]
            if message != END:
                key: Key = TASK.unpack_from(message[0] if flags == _message.PARTS else message)
                for worker in self.workers.values():
                    if key in worker.given:
                        self._kept[key] = flags, message
                        self._pend(self._tasks[key])
                        del worker.given[key]
            self._stolen.popleft()

    def _pend(self, task: Task) -> None:
        if not self.pending or self.pending[0] is not task:
            self.pending.appendleft(task)


def twice(attempt: Callable[[], Any]) -> tuple[bool, Any]:
    """Did it succeed, and its value or error. An error that comes again is its own; one that does not is a signal handler's, and is raised."""
    first: BaseException | None = None
    try:
        return True, attempt()
    except BaseException as error:
        first = error
    try:  # not where the first is handled: it would be shown before the second, which says the same
        attempt()
    except BaseException as error:
        if type(error) is type(first):
            first = None  # whose frames hold this one
            return False, error
    raise first
