"""Connections over channels in shared memory, and waiting on them together with everything multiprocessing can wait on.

An end of a pipe is a reference to a channel with a role, sender or receiver. When the last reference with a role is gone (closed, dropped, or its process
killed), the other side sees the end of file, or a broken pipe.
"""

from __future__ import annotations

import errno
import multiprocessing.connection as stock
from multiprocessing import BufferTooShort, reduction
from typing import TYPE_CHECKING, Any, Callable

from dragon import _handle, _message, _shm
from dragon._redirect import redirect

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    Buffer = Any

__all__ = ["Connection", "Pipe", "wait"]


class Connection(stock._ConnectionBase):
    """One end of a pipe. Any number of threads and processes may use it at once; each message goes to one of them, whole.

    It can be pickled at any time. A message that a process was just taking when it was killed is lost with it, and nothing else.
    """

    _handle = None  # multiprocessing's own descriptor, of which there is none

    def __init__(self, reader: _shm.Channel | None, writer: _shm.Channel | None) -> None:
        self._reader = reader
        self._writer = writer
        self._readable = reader is not None
        self._writable = writer is not None
        self._descriptor: Any = None

    def __del__(self) -> None:
        """References end with their objects."""

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
        ends = (self._reader, self._writer)
        self._reader = self._writer = None
        for end in ends:
            if end is not None:
                end.release()
        if self._descriptor is not None:
            self._descriptor.close()
            self._descriptor = None

    def fileno(self) -> int:
        """A descriptor that is readable while a message, or the end, can be received. It costs a thread: `wait` does without."""
        from dragon._watch import Watch

        self._check_closed()
        if self._descriptor is None:
            self._descriptor = Watch(self._reader)
        number: int = self._descriptor.fileno()
        return number

    def send(self, obj: Any) -> None:
        """Sends a (picklable) object. Raises BrokenPipeError when nobody can receive any more."""
        try:
            _message.send(self._writer or self._no_writer(), obj)
        except _shm.Closed as error:
            raise _broken(error) from None

    def send_bytes(self, buf: Buffer, offset: int = 0, size: int | None = None) -> None:
        """Sends the bytes of a bytes-like object as one message."""
        writer = self._writer or self._no_writer()
        view = memoryview(buf).cast("B") if type(buf) is not bytes else buf
        if offset or size is not None:
            view = memoryview(view)[_slice(len(view), offset, size)]
        try:
            writer.send(view)
        except _shm.Closed as error:
            raise _broken(error) from None

    def recv(self) -> Any:
        """Receives an object. Raises EOFError when there is nothing left and nobody can send any more."""
        try:
            thing = _message.receive(self._reader or self._no_reader())
        except _shm.Closed:
            raise EOFError from None
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
            raise EOFError from None
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
    first_reader, second_writer = _one_way()
    if not duplex:
        return Connection(first_reader, None), Connection(None, second_writer)
    second_reader, first_writer = _one_way()
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


def _one_way() -> tuple[_shm.Channel, _shm.Channel]:
    receiver = _shm.Channel.create(ends=True, role=_shm.RECEIVER)
    return receiver, _shm.Channel.bind(receiver.offset, receiver.id, _shm.SENDER)


def _rebuild(reader: tuple[Any, ...] | None, writer: tuple[Any, ...] | None) -> Connection:
    return Connection(
        None if reader is None else _handle.bind(_shm.Channel, reader),
        None if writer is None else _handle.bind(_shm.Channel, writer),
    )


def _broken(error: _shm.Closed) -> BrokenPipeError:
    return BrokenPipeError(errno.EPIPE, f"nobody can receive any more: {error.args[-1] if error.args else 'closed'}")


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
    number: int = conn.recv().detach()
    return number


redirect("wait", stock.wait, _wait_for_any)
redirect("send_handle", reduction.send_handle, _send_handle)
redirect("recv_handle", reduction.recv_handle, _recv_handle)
