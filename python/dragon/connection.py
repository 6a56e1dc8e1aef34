"""Connections over channels in shared memory, and waiting on them together with everything multiprocessing can wait on.

An end of a pipe is a reference to a channel with a role, sender or receiver. When the last reference with a role is gone (closed, dropped, or its process
has ended), and none is on its way, the other side sees the end of file, or a broken pipe: as soon as `close` returns, or `join`.

A sender may be 8 MiB ahead of its receiver. A message with which it is further ahead is sent, too, but `send` returns only when the receiver has caught up.
"""

from __future__ import annotations

import errno
import multiprocessing.connection as stock
import os
import pickle
import threading
from multiprocessing import BufferTooShort, reduction, resource_sharer
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any, Callable

from dragon import _handle, _limits, _message, _shm
from dragon._redirect import redirect

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    Buffer = Any

__all__ = ["Connection", "ListenerGone", "Pipe", "wait"]

_LIMIT = 8 << 20  # bytes in flight, beyond which a sender waits for its receiver


class ListenerGone(BrokenPipeError, ConnectionResetError, ConnectionRefusedError, FileNotFoundError, EOFError):
    """The process that listened, a manager's server for one, has ended, or closed the connection: the text names it.

    It is all that multiprocessing raises then, according to what a caller was just doing.
    """


class NoDescriptor(EOFError, RuntimeError):
    """`recv_handle` found no descriptor: the other side was closed, or its process ended, without sending one."""


class Connection(stock.Connection):
    """One end of a pipe. Any number of threads and processes may use it at once; each message goes to one of them, whole.

    It can be pickled at any time. A message that a process was just taking when it was killed is lost with it, and nothing else.
    """

    _handle = None  # multiprocessing's own descriptor, of which there is none

    def __init__(self, reader: _shm.Channel | None, writer: _shm.Channel | None, peer: str | None = None) -> None:
        self._peer = peer  # who listened, where this end called a listener; named when it is gone
        self._reader = reader
        self._writer = writer
        self._readable = reader is not None
        self._writable = writer is not None
        self._descriptor: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        self._check_closed()
        ends = (self._reader, self._writer)
        return _rebuild, tuple(None if end is None else _handle.export(end) for end in ends)

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """True if the connection is closed."""
        return self._reader is None and self._writer is None

    def close(self) -> None:
        """Ends this process's use of the connection; a second call does nothing."""
        ends = [end for end in (self._reader, self._writer) if end is not None]
        self._reader = self._writer = None
        if self._descriptor is not None:
            self._descriptor.close()
            self._descriptor = None
        for end in ends:
            end.release()

    def fileno(self) -> int:
        """A descriptor that is readable while a message, or the end, can be received; what is written to it is sent as by `send_bytes`.

        It costs a thread for each direction: `wait` does without.
        """
        self._check_closed()
        if self._descriptor is None:
            with _limits.named("the descriptor of a connection"):
                from dragon._watch import Watch

                self._descriptor = Watch(self._reader, self._writer)
        number: int = self._descriptor.fileno()
        return number

    def send(self, obj: Any) -> None:
        """Sends a (picklable) object. Raises BrokenPipeError when nobody can receive any more."""
        try:
            _message.send(self._writer or self._no_writer(), obj)
            return
        except _shm.Closed:
            pass
        raise self._broken()

    def send_bytes(self, buf: Buffer, offset: int = 0, size: int | None = None) -> None:
        """Sends the bytes of a bytes-like object as one message."""
        writer = self._writer or self._no_writer()
        view = memoryview(buf).cast("B") if type(buf) is not bytes else buf
        if offset or size is not None:
            view = memoryview(view)[_slice(len(view), offset, size)]
        try:
            writer.send(view)
            return
        except _shm.Closed:
            pass
        raise self._broken()

    def recv(self) -> Any:
        """Receives an object. Raises EOFError when there is nothing left and nobody can send any more."""
        try:
            thing = _message.receive(self._reader or self._no_reader())
        except _shm.Closed:
            raise self._end() from None
        if self._descriptor is not None:
            self._descriptor.taken()
        return thing

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        """Receives one message as bytes. Longer than `maxlength`: OSError, and the connection cannot be read any more."""
        reader = self._reader or self._no_reader()
        if maxlength is not None and maxlength < 0:
            raise ValueError("negative maxlength")
        try:
            data = _message.receive_bytes(reader)
        except _shm.Closed:
            raise self._end() from None
        if self._descriptor is not None:
            self._descriptor.taken()
        if maxlength is not None and len(data) > maxlength:
            self._bad_message_length()
        return data

    def recv_bytes_into(self, buf: Buffer, offset: int = 0) -> int:
        """Receives one message into a writable bytes-like object and returns its size. Raises BufferTooShort with the message if it does not fit."""
        self._reader or self._no_reader()
        with memoryview(buf).cast("B") as view:
            if offset < 0:
                raise ValueError("negative offset")
            if offset > len(view):
                raise ValueError("offset too large")
            data = self.recv_bytes()
            if offset + len(data) > len(view):
                raise BufferTooShort(data)
            view[offset : offset + len(data)] = data
            return len(data)

    def poll(self, timeout: float | None = 0.0) -> bool:
        """Is a message, or the end, there to be received? Waits up to `timeout` seconds; None: without limit."""
        return (self._reader or self._no_reader()).poll(timeout)

    def _broken(self) -> BrokenPipeError:
        if self._peer is not None:
            return ListenerGone(errno.EPIPE, f"cannot send to {self._peer}: it has closed this connection or ended")
        return BrokenPipeError(errno.EPIPE, f"{os.strerror(errno.EPIPE)}: nobody has the other end any more")

    def _end(self) -> EOFError:
        if self._peer is not None:
            return ListenerGone(
                errno.ECONNRESET, f"nothing more comes from {self._peer}: it has closed this connection or ended"
            )
        return EOFError()

    def _check_closed(self) -> None:
        if self.closed:
            raise OSError("handle is closed")

    def _no_reader(self) -> _shm.Channel:
        self._check_closed()
        raise OSError("connection is write-only")

    def _no_writer(self) -> _shm.Channel:
        self._check_closed()
        raise OSError("connection is read-only")

    def _bad_message_length(self) -> None:
        if self._writable and self._reader is not None:
            self._readable = False
            self._reader.release()
            self._reader = None
        else:
            self.close()
        raise OSError("bad message length")


def Pipe(duplex: bool = True) -> tuple[Connection, Connection]:
    """Two connected ends; with `duplex=False` the first one can only receive and the second one only send."""
    first_reader, second_writer = one_way(_LIMIT)
    second_reader, first_writer = one_way(_LIMIT) if duplex else (None, None)
    return Connection(first_reader, first_writer), Connection(second_reader, second_writer)


def wait(object_list: Iterable[Any], timeout: float | None = None) -> list[Any]:
    """Waits until something in `object_list` is ready, and returns what is: connections of any kind, sockets, sentinels, descriptors."""
    objects = list(object_list)
    channels, channel_owners, descriptors, descriptor_owners = [], [], [], {}
    for each in objects:
        if isinstance(each, Connection):
            channels.append(each._reader or each._no_reader())
            channel_owners.append(each)
        else:
            descriptor = each if isinstance(each, int) else each.fileno()
            descriptors.append(descriptor)
            descriptor_owners[descriptor] = each
    ready_channels, ready_descriptors = _shm.wait(channels, descriptors, timeout)
    ready = {id(channel_owners[index]) for index in ready_channels}
    ready.update(id(descriptor_owners[descriptor]) for descriptor in ready_descriptors)
    return [each for each in objects if id(each) in ready]


def one_way(limit: int) -> tuple[_shm.Channel, _shm.Channel]:
    """A channel's receiving and its sending end; a sender waits while so many bytes are in flight (0: never)."""
    receiver = _shm.Channel.create(ends=True, role=_shm.RECEIVER, limit=limit)
    return receiver, _shm.Channel.bind(receiver.offset, receiver.id, _shm.SENDER)


def _rebuild(reader: tuple[Any, ...] | None, writer: tuple[Any, ...] | None) -> Connection:
    return Connection(
        None if reader is None else _handle.bind(_shm.Channel, reader),
        None if writer is None else _handle.bind(_shm.Channel, writer),
    )


def _slice(length: int, offset: int, size: int | None) -> slice:
    if offset < 0:
        raise ValueError("offset is negative")
    if length < offset:
        raise ValueError("buffer length < offset")
    if size is None:
        size = length - offset
    elif size < 0:
        raise ValueError("size is negative")
    elif offset + size > length:
        raise ValueError("buffer length < offset + size")
    return slice(offset, offset + size)


def _wait_for_any(
    original: Callable[..., list[Any]], object_list: Iterable[Any], timeout: float | None = None
) -> list[Any]:
    objects = list(object_list)
    if any(isinstance(each, Connection) for each in objects):
        return wait(objects, timeout)
    return original(objects, timeout)


def _send_handle(original: Callable[..., None], conn: Any, handle: int, destination_pid: int) -> None:
    if not isinstance(conn, Connection):
        return original(conn, handle, destination_pid)
    conn.send(reduction.DupFd(handle))
    return None


def _recv_handle(original: Callable[..., int], conn: Any) -> int:
    if not isinstance(conn, Connection):
        return original(conn)
    try:
        sent = ForkingPickler.loads(conn.recv_bytes())
    except EOFError:
        raise NoDescriptor("the connection ended, and no descriptor was sent") from None
    except pickle.UnpicklingError:
        sent = None
    if not isinstance(sent, resource_sharer.DupFd):
        raise RuntimeError("what came by the connection is no descriptor: the other side has to use send_handle")
    number: int = sent.detach()
    return number


def _listen(
    original: Callable[..., None],
    self: Any,
    address: Any = None,
    family: str | None = None,
    backlog: int = 1,
    authkey: bytes | None = None,
) -> None:
    if not address and getattr(_sharing, "starts", False):
        return original(self, f"\0dragon-descriptors/{os.urandom(16).hex()}", None, backlog, authkey)
    if address or family or not _is_ours():
        return original(self, address, family, backlog, authkey)
    if authkey is not None and not isinstance(authkey, bytes):
        raise TypeError("authkey should be a byte string")
    from dragon import _listener

    self._listener = _listener.Listener(backlog)
    self._authkey = authkey
    return None


def _connect(
    original: Callable[..., Any], address: Any, family: str | None = None, authkey: bytes | None = None
) -> Any:
    """By channels where both sides wait for each other anyway. Without a key, Client is done before the listener accepts: that takes a socket."""
    from dragon import _listener

    if not _is_ours() and not _listener.parse(address):
        return original(address, family, authkey)
    if family or not isinstance(authkey, bytes) or not _listener.belongs_here(address):
        return _listener.call_by_socket(original, address, family, authkey)
    connection: Any = _listener.call(address)
    try:
        stock.answer_challenge(connection, authkey)
        stock.deliver_challenge(connection, authkey)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_ours() -> bool:
    """Is this a process that Dragon started, or one whose start method Dragon is?"""
    from dragon import _agent, context

    return context.is_default() or _agent.is_worker()


def _start_sharing(original: Callable[..., None], self: Any) -> None:
    """Descriptors travel by a socket only; an abstract one leaves no file behind."""
    _sharing.starts = True
    try:
        original(self)
    finally:
        _sharing.starts = False


_sharing = threading.local()  # starts: this thread is just starting multiprocessing's sharer of descriptors

redirect("wait", stock.wait, _wait_for_any)
redirect("listen", stock.Listener.__init__, _listen)
redirect("connect", stock.Client, _connect)
redirect("send_handle", reduction.send_handle, _send_handle)
redirect("recv_handle", reduction.recv_handle, _recv_handle)
redirect("share", resource_sharer._ResourceSharer._start, _start_sharing)  # type: ignore[attr-defined]
