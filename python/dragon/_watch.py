"""A descriptor that stands for a connection, for those who know only descriptors (selectors, asyncio)."""

from __future__ import annotations

import select
import socket
import threading
from multiprocessing import util
from typing import TYPE_CHECKING, Optional

from dragon import _shm

if TYPE_CHECKING:
    from dragon._shm import Channel, Event

_TAKEN, _CLOSED = 1, 2  # news for the thread
_MOST = 1 << 16  # bytes of one message that were written to the descriptor


class Watch:
    """Readable while a message, or the end, waits in the reader; with no reader, never. What is written to it goes to the writer, as `send_bytes` would.

    One thread sees to both. It ends with `close`, with the connection, or with the process, and what was written before is sent by then.
    """

    def __init__(self, reader: Channel | None, writer: Channel | None) -> None:
        self._user, own = socket.socketpair()
        self._reader = reader
        self._news = _shm.Event.create()
        self._announcing = threading.Lock()
        if writer is None:
            self._user.shutdown(socket.SHUT_WR)
        watching = _Watching(own, _again(reader), _again(writer), self._news, self._announcing)
        thread = threading.Thread(target=watching.run, name="dragon-watch", daemon=True)
        thread.start()
        self.close = util.Finalize(self, _end, (self._news, self._announcing, thread, self._user), exitpriority=10)

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


class _Watching:
    """What the thread does. It holds references of its own, and nothing of the connection, which may be dropped meanwhile."""

    def __init__(
        self,
        own: socket.socket,
        reader: Optional[Channel],
        writer: Optional[Channel],
        news: Event,
        lock: threading.Lock,
    ) -> None:
        self._own, self._reader, self._writer, self._news, self._announcing = own, reader, writer, news, lock
        self._announced = False

    def run(self) -> None:
        try:
            while self._step():
                pass
        except OSError:
            pass  # nobody receives any more, or the run is over
        finally:
            self._own.close()
            for channel in (self._reader, self._writer):
                if channel is not None:
                    channel.release()

    def _step(self) -> bool:
        """Waits for something to do and does it; False when there will be no more."""
        objects: list[Channel | Event] = [self._news]
        if self._reader is not None and not self._announced:
            objects.append(self._reader)
        _shm.wait(objects, [] if self._writer is None else [self._own.fileno()])
        closed = self._news.value == _CLOSED
        self._forward()
        if closed:
            return False
        with self._announcing:
            if self._news.value == _TAKEN:
                self._news.clear()
                self._announced = False
            if self._reader is not None and not self._announced and self._reader.poll(0):
                self._own.send(b"!")
                self._announced = True
        return True

    def _forward(self) -> None:
        while self._writer is not None and _readable(self._own):
            self._writer.send(self._own.recv(_MOST))


def _again(channel: Channel | None) -> Channel | None:
    return None if channel is None else _shm.Channel.bind(channel.offset, channel.id, channel.role)


def _end(news: Event, lock: threading.Lock, thread: threading.Thread, user: socket.socket) -> None:
    with lock:
        news.set(_CLOSED)
    if thread is not threading.current_thread():
        thread.join()
    user.close()


def _readable(descriptor: socket.socket) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
