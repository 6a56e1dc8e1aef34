"""The workers of a pool: their start, the news of their ends, those who take their places.

One thread waits for the ends of all of them (on their exit events: no descriptors, no period). What becomes of the tasks of the dead is the dispatcher's.
"""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING, Any

from dragon import _shm
from dragon._pool_worker import END, work
from dragon.connection import Connection

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from dragon._dispatch import Dispatcher
    from dragon._pool_settings import Settings

LONGEST = 64  # tasks that may wait in one worker's channel
_GRACE = 1.0  # seconds that a worker has to end after SIGTERM


class Worker:
    """A worker and what it was given and has not answered yet."""

    def __init__(self, number: int, process: BaseProcess, tasks: _shm.Channel) -> None:
        self.number = number
        self.process = process
        self.tasks = tasks
        self.given: dict[tuple[int, int], None] = {}
        self.here = False  # it was started, and its end is not known
        self.ready = False  # its initializer is done
        self.pace = 1.0  # seconds that a task takes it, on average
        self.last = 0.0  # when its last result came, or it was given a task while it had none

    @property
    def ended(self) -> _shm.Event:
        event: _shm.Event = self.process._popen._exit  # type: ignore[attr-defined]
        return event

    def window(self) -> int:
        """How many tasks it may have at once: one more than it is at work on, so that it need not wait; many only if all are done in a millisecond."""
        return min(LONGEST, 2 + int(0.001 / self.pace))

    def answered(self) -> None:
        """A result of it has come just now."""
        now = time.perf_counter()
        self.pace += (now - self.last - self.pace) / 8 if self.pace < 1 else now - self.last - self.pace
        self.last = now


class Crew:
    """See the module. `processes` is the list that the pool shows."""

    def __init__(self, settings: Settings, processes: list[Any], dispatcher: Dispatcher) -> None:
        self.settings = settings
        self.processes = processes
        self.size = settings.size
        self._dispatcher = dispatcher
        self._results = dispatcher.results
        self._changes = _shm.Channel.create()  # anything in it: look again
        self._populating = threading.Lock()
        self._living: list[Worker] = []
        self._numbers = itertools.count()
        self.thread = threading.Thread(target=self._watch, name="Pool_watch_workers", daemon=True)

    def populate(self) -> None:
        """Starts workers until there are as many as there should be."""
        with self._populating:
            while len(self.processes) < self.size and self._dispatcher.state not in ("TERMINATE", "BROKEN"):
                self._add()
        if threading.current_thread() is not self.thread:
            self.look()

    def look(self) -> None:
        """Something has changed."""
        self._changes.send(b"")

    def end(self) -> None:
        """Ends all of them now: asks them to, and kills those who do not; at once if that is interrupted."""
        processes = list(self.processes)
        try:
            for process in processes:
                if process.exitcode is None:
                    process.terminate()
            limit = time.monotonic() + _GRACE
            for process in processes:
                process.join(max(0.0, limit - time.monotonic()))
        finally:
            for process in processes:
                if process.exitcode is None:
                    process.kill()
        for process in processes:
            process.join()

    def dismiss(self) -> None:
        """Has each end when it has done what it was given."""
        for worker in list(self._living):
            worker.tasks.send(END)

    def _add(self) -> None:
        settings, number = self.settings, next(self._numbers)
        tasks = _shm.Channel.create(LONGEST, ends=True, role=_shm.SENDER | _shm.RECEIVER)
        theirs = _shm.Channel.bind(tasks.offset, tasks.id, _shm.RECEIVER)
        ends = Connection(theirs, None), Connection(None, self._results)
        process = settings.make(settings.ctx, target=work, args=(number, *ends), kwargs=settings.arguments)
        process.name = process.name.replace("Process", settings.name)
        process.daemon = settings.daemon
        worker = Worker(number, process, tasks)
        self._dispatcher.books.expect(worker)
        try:
            process.start()
        except BaseException:
            self._dispatcher.books.forget(worker)
            raise
        theirs.release()
        self._living.append(worker)
        self.processes.append(process)
        self._dispatcher.books.joined(worker)

    def _watch(self) -> None:
        dispatcher = self._dispatcher
        try:
            while dispatcher.wanted():
                watched = list(self._living)
                ready, _ = _shm.wait([self._changes, *(worker.ended for worker in watched)], [])
                for index in ready:
                    if index:
                        self._bury(watched[index - 1])
                    else:
                        self._changes.recv()
                self._replace()
            dispatcher.ended()
        except _shm.RunOver as error:
            dispatcher.fail_all(error)

    def _bury(self, worker: Worker) -> None:
        self._living.remove(worker)
        self.processes.remove(worker.process)
        self._dispatcher.left(worker)

    def _replace(self) -> None:
        try:
            self.populate()
        except _shm.RunOver:
            raise
        except Exception as error:
            if not self._living:  # nobody is left to do what is waited for
                self._dispatcher.break_down(error)
