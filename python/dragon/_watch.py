"""A descriptor that tells of a channel, for those who can wait only on descriptors (selectors, asyncio)."""

from __future__ import annotations

import os
import select
import threading
from typing import TYPE_CHECKING

from dragon import _shm

if TYPE_CHECKING:
    from dragon._shm import Channel


class Watch:
    """Readable while a message, or the end, waits in the channel; with no channel, never. One thread waits for the channel and dies with the process."""

    def __init__(self, channel: Channel | None) -> None:
        self._reader, self._writer = os.pipe()
        self._empty = threading.Semaphore(0)
        self._channel = channel
        self._closed = False
        if channel is not None:
            mine = _shm.Channel.bind(channel.offset, channel.id, channel.role)
            threading.Thread(target=self._watch, args=(mine,), name="dragon-watch", daemon=True).start()

    def fileno(self) -> int:
        """The descriptor."""
        return self._reader

    def taken(self) -> None:
        """To be called when a message was received: the descriptor is readable only if another one waits."""
        if self._channel is not None and not self._channel.poll(0) and _readable(self._reader):
            os.read(self._reader, 1)
            self._empty.release()

    def close(self) -> None:
        """Ends the descriptor."""
        if not self._closed:
            self._closed = True
            os.close(self._reader)
            os.close(self._writer)
            self._empty.release()

    def _watch(self, channel: Channel) -> None:
        try:
            while not self._closed:
                channel.poll(None)
                os.write(self._writer, b"!")
                self._empty.acquire()
        except OSError:
            pass  # closed, or the run is over


def _readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
