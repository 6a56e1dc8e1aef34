"""A descriptor that stands for a connection, for those who know only descriptors (selectors, asyncio)."""

from __future__ import annotations

import select
import socket
import threading
from multiprocessing import util
from typing import TYPE_CHECKING

from dragon import _shm

if TYPE_CHECKING:
    from dragon._shm import Channel, Event

_TAKEN, _CLOSED = 1, 2  # news for the thread that announces
_MOST = 1 << 16  # bytes of one message that were written to the descriptor


class Watch:
    """Readable while a message, or the end, waits in the reader; with no reader, never. What is written to it goes to the writer, as `send_bytes` would.

    A thread sees to each direction. They end with `close`, with the connection, or with the process, and what was written before is sent by then. All descriptors are there when
    this returns: a program without threads of its own may count on what is free, and put copies there.
    """

    def __init__(self, reader: Channel | None, writer: Channel | None) -> None:
        self._user, own = socket.socketpair()
        self._reader = reader
        self._news = _shm.Event.create()
        self._announcing = threading.Lock()
        threads = []
        if reader is not None:
            announcer = _Announcer(own, _again(reader), self._news, self._announcing)
            threads.append(threading.Thread(target=announcer.run, name="dragon-watch", daemon=True))
        if writer is not None:
            threads.append(
                threading.Thread(target=_forward, args=(own, _again(writer)), name="dragon-watch", daemon=True)
            )
        else:
            self._user.shutdown(socket.SHUT_WR)
        for thread in threads:
            thread.start()
        self.close = util.Finalize(
            self, _end, (self._news, self._announcing, threads, own, self._user), exitpriority=10
        )

    def fileno(self) -> int:
        """The descriptor."""
        return self._user.fileno()

    def taken(self) -> None:
        """To be called when a message was received: the descriptor is readable only if another one waits."""
        with self._announcing:
            if self._news.value == _CLOSED or self._reader is None or self._reader.poll(0):
                return
            if _readable(self._user):
                self._user.recv(1)
                self._news.set(_TAKEN)


class _Announcer:
    """Makes the descriptor readable. It holds references of its own, and nothing of the connection, which may be dropped meanwhile."""

    def __init__(self, own: socket.socket, reader: Channel, news: Event, lock: threading.Lock) -> None:
        self._own, self._reader, self._news, self._announcing = own, reader, news, lock
        self._announced = False

    def run(self) -> None:
        try:
            while self._step():
                pass
        except OSError:
            _shut(self._own, socket.SHUT_WR)  # the run is over: the end can be received
        finally:
            self._reader.release()

    def _step(self) -> bool:
        """Waits for something to do and does it; False when there will be no more."""
        objects: list[Channel | Event] = [self._news] if self._announced else [self._news, self._reader]
        _shm.wait(objects, [])
        if self._news.value == _CLOSED:
            return False
        with self._announcing:
            if self._news.value == _TAKEN:
                self._news.clear()
                self._announced = False
            if not self._announced and self._reader.poll(0):
                self._own.send(b"!")
                self._announced = True
        return True


def _forward(own: socket.socket, writer: Channel) -> None:
    """Sends what is written to the descriptor, until that is shut."""
    try:
        while data := own.recv(_MOST):
            writer.send(data)
    except OSError:
        _shut(own, socket.SHUT_RD)  # nobody receives any more, or the run is over: a broken pipe for whoever writes
    finally:
        writer.release()


def _shut(end: socket.socket, how: int) -> None:
    try:
        end.shutdown(how)
    except OSError:
        pass  # it is shut


def _again(channel: Channel) -> Channel:
    return _shm.Channel.bind(channel.offset, channel.id, channel.role)


def _end(
    news: Event, lock: threading.Lock, threads: list[threading.Thread], own: socket.socket, user: socket.socket
) -> None:
    with lock:
        news.set(_CLOSED)
    _shut(user, socket.SHUT_WR)
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join()
    own.close()
    user.close()


def _readable(descriptor: socket.socket) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
