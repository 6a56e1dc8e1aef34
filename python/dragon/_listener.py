"""Listeners without an address of the user's choice: processes of the run reach them by channels, every other program by a socket.

The socket is abstract: no file can be left behind, and its name is an address that the standard library's own Client understands. It is open to this user (and
root) only. The name also says where the listener's two channels are: one takes calls, the other never carries anything; its end is the news that the
listener is gone. A caller makes the channels of the new connection and keeps them whole until the listener has bound its ends, so that whoever dies in
between, the other sees it: the caller by the second channel, the listener by finding nothing to bind.
"""

from __future__ import annotations

import errno
import multiprocessing.connection as stock
import os
import re
import socket
import struct
from multiprocessing import process, reduction
from typing import Any, Callable, NamedTuple

from dragon import _agent, _runtime, _shm
from dragon.connection import Connection, ListenerGone

_BOTH = _shm.SENDER | _shm.RECEIVER
_CALL = struct.Struct("<4Q")  # place and id of the channels to the listener and back
_PEER = struct.Struct("3i")  # pid, uid, gid of a socket's other side
_PREFIX = "\0dragon/"
_LONGEST = 107  # bytes of an abstract name


class _Address(NamedTuple):
    """What the name of a listener says."""

    run_id: str
    calls: tuple[int, int]  # place and id
    alive: tuple[int, int]
    os_pid: int
    process: str  # the name of the listener's process

    @property
    def listener(self) -> str:
        """Who listens, for error messages."""
        return f"{self.process} (os pid {self.os_pid})"

    def __str__(self) -> str:
        places = "/".join(f"{offset:x}.{number:x}" for offset, number in (self.calls, self.alive))
        return f"{_PREFIX}{self.run_id}/{places}/{self.os_pid}/{self.process}"[:_LONGEST]


class Listener:
    """What multiprocessing's own Listener stands on, as its SocketListener is. Any number of threads may accept."""

    _last_accepted: str | None = None  # then "": who calls has no address of its own

    def __init__(self, backlog: int = 1) -> None:
        run_id = _agent.attach().run_id.hex()
        self._calls = _shm.Channel.create(ends=True, role=_BOTH)
        self._alive = _shm.Channel.create(ends=True, role=_BOTH)
        name = re.sub(r"[^\w.:-]", "_", process.current_process().name, flags=re.ASCII)
        places = (self._calls.offset, self._calls.id), (self._alive.offset, self._alive.id)
        self._address = str(_Address(run_id, *places, os.getpid(), name))
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.setblocking(False)
        self._socket.bind(self._address)
        self._socket.listen(backlog)

    def accept(self) -> Any:
        """Waits for the next caller and returns the connection to it."""
        while True:
            calls, _ = _shm.wait([self._calls], [self._socket.fileno()])
            connection = self._by_channel() if calls else self._by_socket()
            if connection is not None:
                self._last_accepted = ""
                return connection

    def close(self) -> None:
        """Nobody can call any more; whoever waits in `accept` gets an OSError."""
        self._calls.close()
        self._alive.release()
        self._socket.close()

    def _by_channel(self) -> Connection | None:
        try:
            to_offset, to_id, back_offset, back_id = _CALL.unpack(self._calls.recv(0))
        except _shm.Timeout:  # another thread was first
            return None
        except _shm.Closed:
            raise OSError(errno.EBADF, "listener is closed") from None
        try:
            reader = _shm.Channel.bind(to_offset, to_id, _shm.RECEIVER)
            writer = _shm.Channel.bind(back_offset, back_id, _shm.SENDER)
            writer.send(b"")
        except (_shm.NoSuchObject, _shm.Closed):  # the caller is dead
            return None
        return Connection(reader, writer)

    def _by_socket(self) -> Any:
        try:
            peer, _ = self._socket.accept()
        except BlockingIOError:
            return None
        peer.setblocking(True)
        uid = _PEER.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))[1]
        if uid not in (0, os.geteuid()):
            peer.close()
            return None
        return stock.Connection(peer.detach())


def belongs_here(address: object) -> bool:
    """Is this the address of a listener of the run that this process belongs to?"""
    there = parse(address)
    if there is None or not (_agent.attached() or _agent.address() or _runtime.address()):
        return False
    return there.run_id == _agent.attach().run_id.hex()


def call(address: str) -> Connection:
    """Connects to a listener of this run, once it accepts. Raises ListenerGone if it is gone."""
    there = parse(address)
    assert there is not None
    try:
        calls = _shm.Channel.bind(*there.calls, _shm.SENDER)
        alive = _shm.Channel.bind(*there.alive, _shm.RECEIVER)
        to = _shm.Channel.create(ends=True, role=_BOTH)
        back = _shm.Channel.create(ends=True, role=_BOTH)
        calls.send(_CALL.pack(to.offset, to.id, back.offset, back.id))
    except (_shm.NoSuchObject, _shm.Closed):
        raise _refused(there) from None
    answered, _ = _shm.wait([back, alive], [])
    if 0 not in answered:
        raise _refused(there)
    back.recv()
    # From now on each side holds its own ends, and sees when the other's are gone.
    return Connection(
        _shm.Channel.bind(back.offset, back.id, _shm.RECEIVER),
        _shm.Channel.bind(to.offset, to.id, _shm.SENDER),
        there.listener,
    )


class CalledSocket(stock.Connection):
    """A connection by a socket to a listener elsewhere: its errors name the listener, as those of a channel do."""

    _listener: str

    def _send_bytes(self, buf: Any) -> None:
        try:
            super()._send_bytes(buf)  # type: ignore[misc]
        except ConnectionError as error:
            raise ListenerGone(error.errno, f"cannot send to {self._listener}: {error.strerror}") from None

    def _recv_bytes(self, maxsize: int | None = None) -> Any:
        try:
            return super()._recv_bytes(maxsize)  # type: ignore[misc]
        except (EOFError, ConnectionError):
            raise _ended(self._listener) from None


reduction.register(CalledSocket, stock.reduce_connection)  # type: ignore[attr-defined]


def call_by_socket(connect: Callable[..., Any], address: Any, *details: Any) -> CalledSocket:
    """Connects as multiprocessing's own `connect` does. Raises ListenerGone where the other side refuses, or ends meanwhile."""
    listener = f"the listener at {address!r}"
    try:
        connection: Any = connect(address, *details)
    except ConnectionRefusedError as error:
        raise ListenerGone(error.errno, f"cannot connect to {listener}: nobody listens there") from None
    except (EOFError, ConnectionError):
        raise _ended(listener) from None
    connection.__class__ = CalledSocket
    connection._listener = listener
    return connection  # type: ignore[no-any-return]


def parse(address: object) -> _Address | None:
    """What the address of a listener of a run says; None for any other address."""
    if type(address) is not str or not address.startswith(_PREFIX):
        return None
    try:
        run_id, calls, alive, pid, name = address[len(_PREFIX) :].split("/", 4)
        return _Address(run_id, _place(calls), _place(alive), int(pid), name)
    except ValueError:
        return None


def _place(text: str) -> tuple[int, int]:
    offset, number = text.split(".")
    return int(offset, 16), int(number, 16)


def _refused(there: _Address) -> ListenerGone:
    return ListenerGone(errno.ECONNREFUSED, f"cannot connect to {there.listener}: it has closed its listener or ended")


def _ended(listener: str) -> ListenerGone:
    return ListenerGone(errno.ECONNRESET, f"nothing more comes from {listener}: it has closed this connection or ended")
