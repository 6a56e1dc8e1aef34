"""Queues over channels in shared memory.

There is no feeder thread: what `put` was given is in shared memory when it returns, in this order for everyone, and what cannot be pickled raises from
`put`. A process may end, or be killed, right after.
"""

from __future__ import annotations

import operator
import threading
from multiprocessing import queues as stock
from queue import Empty, Full
from typing import TYPE_CHECKING, Any

from dragon._handle import bind, export
from dragon._message import receive, send
from dragon._shm import Channel, Error, Tasks, Timeout
from dragon.connection import Connection, one_way
from dragon.synchronize import SEM_VALUE_MAX, Semaphore

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from multiprocessing.context import BaseContext

__all__ = ["JoinableQueue", "Queue", "SimpleQueue"]

_LARGEST = 1 << 20  # slots of a bounded channel; above, the channel grows and a semaphore counts


class Queue(stock.Queue):  # type: ignore[type-arg]
    """A queue for any number of processes. It can be pickled at any time."""

    def __init__(self, maxsize: int = 0, *, ctx: BaseContext | None = None) -> None:
        maxsize = 0 if maxsize <= 0 else operator.index(maxsize)
        if maxsize > SEM_VALUE_MAX:
            raise OverflowError(
                f"a queue holds at most {SEM_VALUE_MAX} items, not {maxsize}; use 0 for one without a bound"
            )
        self._maxsize = maxsize
        huge = self._maxsize > _LARGEST
        self._start(Channel.create(0 if huge else self._maxsize), Semaphore(self._maxsize) if huge else None)

    _closed = _used = False
    _reading: Connection | None = None
    _writing: Connection | None = None

    def _start(self, channel: Channel, room: Semaphore | None) -> None:
        self._channel = channel
        self._room = room

    def __getstate__(self) -> Any:
        return self._maxsize, self._room, export(self._channel)

    def __setstate__(self, state: Any) -> None:
        self._maxsize, room, handle = state[:3]
        self._start(bind(Channel, handle), room)

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        """Puts an object into the queue; raises Full if it stays full for the time that is given."""
        if self._closed:
            raise ValueError(f"Queue {self!r} is closed")
        self._used = True
        try:
            self._put(obj, timeout if block else 0)
        except (Full, Error):
            raise
        except Exception as error:
            hook: Any = self._on_queue_feeder_error  # type: ignore[attr-defined]
            if hook is stock.Queue._on_queue_feeder_error:  # type: ignore[attr-defined]
                raise
            hook(error, obj)  # a subclass wants to hear of it, as concurrent.futures does

    def _put(self, obj: Any, timeout: float | None) -> None:
        # A process that is killed between these two, or between its two in `get`, takes its place of more than a million with it.
        if self._room is not None and not self._room.acquire(timeout=timeout):
            raise Full
        try:
            send(self._channel, obj, None if self._room is not None else timeout)
        except Timeout:
            raise Full from None
        except BaseException:
            self._make_room()
            raise

    def _make_room(self) -> None:
        if self._room is not None:
            self._room.release()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Takes the next object from the queue; raises Empty if there is none for the time that is given."""
        if self._closed:
            raise ValueError(f"Queue {self!r} is closed")
        try:
            thing = receive(self._channel, timeout if block else 0)
        except Timeout:
            raise Empty from None
        except Error:
            raise
        except Exception:
            self._make_room()  # it was taken, and cannot be unpickled
            raise
        if self._room is not None:
            self._make_room()
        return thing

    def qsize(self) -> int:
        """How many objects are in the queue now."""
        return self._channel.qsize()

    def empty(self) -> bool:
        """Is nothing in the queue now? After `close`, a queue that this process has put something into is closed for this question, too."""
        if self._closed and self._used:
            raise OSError("handle is closed")
        return not self._channel.poll(0)

    def full(self) -> bool:
        """Would `put` wait now?"""
        return 0 < self._maxsize <= self._channel.qsize()

    def close(self) -> None:
        """This process will use the queue no more."""
        self._closed = True

    def join_thread(self) -> None:
        """There is no thread to be joined: what was put is in the queue."""
        assert self._closed, f"Queue {self!r} not closed"

    def cancel_join_thread(self) -> None:
        """There is nothing to be cancelled."""

    @property
    def _reader(self) -> Connection:
        """For `multiprocessing.connection.wait`, as users of the stock queue know it."""
        if self._reading is None:
            self._reading = Connection(self._again(), None)
        return self._reading

    @property
    def _writer(self) -> Connection:
        if self._writing is None:
            self._writing = Connection(None, self._again())
        return self._writing

    def _again(self) -> Channel:
        channel = Channel.bind(self._channel.offset, self._channel.id, self._channel.role)
        if self._channel.tasks is not None:
            channel.tasks = self._channel.tasks
        return channel


class JoinableQueue(Queue, stock.JoinableQueue):  # type: ignore[type-arg]
    """A queue that knows which of its objects are not done with yet: those in it, and those that were taken, until `task_done`.

    Nothing is counted by `put`, so a process may be killed in it at any moment. What a process had taken and was not done with when it was killed is not waited
    for: nobody will ever be done with it (see `tasks_lost`). A process that ends in order leaves what it took as it is, and another may say `task_done` for it.
    """

    def __init__(self, maxsize: int = 0, *, ctx: BaseContext | None = None) -> None:
        super().__init__(maxsize, ctx=ctx)
        self._count_with(Tasks.create())

    def _count_with(self, tasks: Tasks) -> None:
        self._tasks = self._channel.tasks = tasks

    def __getstate__(self) -> Any:
        return (*super().__getstate__(), export(self._tasks))

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        self._count_with(bind(Tasks, state[3]))

    def task_done(self) -> None:
        """An object that was taken, by whomever, is done with. Raises ValueError if none is left that could be."""
        self._tasks.done(self._channel)

    def join(self) -> None:
        """Waits until every object that was put is done with, or was in the hands of a process that was killed."""
        self._tasks.join(self._channel)

    @property
    def tasks_lost(self) -> int:
        """How many objects were in the hands of processes that were killed before they said `task_done`, and nobody said it for them since."""
        return self._tasks.lost


class SimpleQueue(stock.SimpleQueue):  # type: ignore[type-arg]
    """A pipe that any number of processes use from both ends. Unlike a Pipe's, its senders never wait: memory alone limits it."""

    _reader: Connection
    _writer: Connection

    def __init__(self, *, ctx: BaseContext | None = None) -> None:
        reader, writer = one_way(limit=0)
        self._reader, self._writer = Connection(reader, None), Connection(None, writer)

    @property
    def _rlock(self) -> AbstractContextManager[bool]:
        """For CPython's own Pool, which has this lock held while it takes things out for good. Nobody needs it here: each object goes to one receiver."""
        return threading.Lock()

    _wlock = _rlock

    def __getstate__(self) -> Any:
        return self._reader, self._writer

    def __setstate__(self, state: Any) -> None:
        self._reader, self._writer = state

    def close(self) -> None:
        """Ends this process's use of the queue."""
        self._reader.close()
        self._writer.close()

    def empty(self) -> bool:
        """Is nothing in the queue now?"""
        return not self._reader.poll()

    def get(self) -> Any:
        """Takes the next object."""
        return self._reader.recv()

    def put(self, obj: Any) -> None:
        """Puts an object."""
        self._writer.send(obj)
