"""This process's place in a run: its connection to the node's agent, its client number, its id.

A process joins when it first needs to. A worker is born joined, and connects only when it first asks for something. A child that user code forked has
nothing of its parent's place, and joins anew. When the agent dies, calls raise `_shm.RunOver`; when this process dies, the agent sees it by its pidfd.
"""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional, TypeVar

from dragon import _limits, _shm
from dragon._control import Failure, Flush, Frame, Grow, Grown, Hello, Signal, Spawned, Welcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dragon._control import FrameBody
    from dragon._wire import Message

PROTOCOL = 1
HEAD_ID = 4  # the low half of the head's id
_MOSTLY = 4096  # bytes: most frames are smaller
MOST_DESCRIPTORS = 250  # the kernel passes at most 253 with one message
_UNBORN = -1  # the pid in the place of a process that was born and has not yet been asked who it is
_CREDENTIALS = ("Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "NSpid")


T = TypeVar("T")
Stream = Optional[tuple[int, int]]  # device and inode of a descriptor


class Place:
    """Where this process stands in its run. Pickles to nobody: it is this process's own."""

    def __init__(
        self, pid: int, role: int, run_id: bytes, process_id: int, client: int, streams: tuple[Stream, Stream]
    ) -> None:
        self.pid = pid  # whose place it is; 0: nobody's
        self.role = role
        self.run_id = run_id
        self.process_id = process_id
        self.client = client
        self.streams = streams  # the run's own stdout and stderr, as this process has them


class Refused(ValueError):
    """The agent does not do what it was asked; `kind` is the failure's."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Startup(NamedTuple):
    """What a zygote of this run was started with: a worker that would differ from it needs an interpreter of its own."""

    environment: dict[bytes, bytes]
    credentials: dict[str, str]


_address: str | None = None  # the abstract name of the agent's socket
_place: Place | None = None
_startup: Startup | None = None
_connection: Connection | None = None
_lock = threading.RLock()


def attach() -> Place:
    """Joins the run if this process has not yet, starting one if there is none, and returns its place in it."""
    place = _here()
    if place is not None:
        return place
    with _lock:
        place = _here()
        if place is None:
            with _limits.named("joining the run"):
                place = _join()
        return place


def _here() -> Place | None:
    """This process's place, if it has one."""
    place = _place
    if place is None:
        return None
    if place.pid == _UNBORN:
        born = _shm.born()
        if born is not None:
            place.pid, place.process_id, place.client, _ = born
    return place if place.pid == os.getpid() else None


def attached() -> bool:
    """Has this process a place in a run?"""
    return _here() is not None


def is_worker() -> bool:
    """Was this process started by the run?"""
    place = _here()
    return place is not None and place.role == Hello.WORKER


def address() -> str | None:
    """The abstract name of the agent's socket, if this process has joined a run or was told of one."""
    return _address


def belong_to(address: str) -> None:
    """Tells a process that another start method made which run it is to join when it needs one."""
    global _address
    if _address is None:
        _address = address


def reach(run_id: bytes, node: int) -> Place:
    """This process's place in its run. One that belongs to none yet joins this one, an object of which it was given. Raises RunOver if that cannot be reached."""
    global _address
    with _lock:
        if _place is None and _address is None and not _begun():
            _address = f"dragon-{run_id.hex()}-{node}"
            try:
                return attach()
            except OSError:
                _address = None
                raise
    return attach()


def _begun() -> bool:
    from dragon import _runtime  # here, for a worker never needs it

    return _runtime.begun()


def call(body: FrameBody, descriptors: Sequence[int] = ()) -> Message:
    """Asks the agent and returns its answer. A refusal raises what it stands for. A signal handler's exception leaves the connection whole."""
    with _lock:
        attach()
        return _use(lambda connection: connection.call(body, descriptors))


def tell(body: FrameBody) -> None:
    """Tells the agent something that needs no answer."""
    with _lock:
        attach()
        _use(lambda connection: connection.send(Frame(0, body), ()))


def flush() -> None:
    """Returns when all that workers wrote so far is where it belongs; or soon, where that takes nothing (a terminal that is stopped)."""
    call(Flush())


def show() -> None:
    """As `flush`, for the extension; it goes without where the agent cannot be asked."""
    try:
        flush()
    except OSError:
        pass


def startup() -> Startup:
    """What zygotes of this run are started with."""
    attach()
    assert _startup is not None
    return _startup


def credentials(pid: int | str = "self") -> dict[str, str]:
    """The lines of a process's status that say what it may do; empty where they cannot be read."""
    found = {}
    try:
        with open(f"/proc/{pid}/status") as status:
            for line in status:
                key, _, value = line.partition(":")
                if key in _CREDENTIALS:
                    found[key] = " ".join(value.split()) if key != "NSpid" else str(len(value.split()))
    except OSError:
        pass
    return found


def worker_place(address: str, run_id: bytes, streams: tuple[Stream, Stream], started_with: Startup) -> Place:
    """For a zygote: the place that its children have. A child looks who it is, and connects, when it needs to."""
    global _address, _place, _startup
    _address, _place, _startup = address, Place(_UNBORN, Hello.WORKER, run_id, 0, 0, streams), started_with
    return _place


def stream_of(descriptor: int) -> Stream:
    """Device and inode of a descriptor; None if it is closed."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _join() -> Place:
    """Connects, says hello, maps the memory and takes on the client number."""
    global _address, _connection, _place, _startup
    from dragon import _build, _runtime

    _runtime.fill_standard_streams()
    forked = _place is not None or _shm.run_state() != 0
    role = Hello.OTHER if forked else Hello.HEAD
    private = False
    if _address is None:
        _address = _runtime.address()
    if _address is None:
        private = True
        _startup = Startup(dict(os.environb), credentials())
        _address = _runtime.private_agent()
    hello = Hello(role, PROTOCOL, streams=private, build=_build.jar())
    _connection, welcome = _connect(hello, map_memory=not forked)
    if _startup is None:
        _startup = Startup(_runtime.first_environment(), credentials(_shm.info()["agent_pid"]))
    _shm.adopt(welcome.client)
    _shm.prints_by_itself()
    head = welcome.process_id & 0xFFFFFFFF == HEAD_ID
    own = (stream_of(1), stream_of(2)) if head else (None, None)
    _place = Place(os.getpid(), role, welcome.run_id, welcome.process_id, welcome.client, own)
    if head:
        _runtime.be_head(private)
    return _place


def _connect(hello: Hello, map_memory: bool) -> tuple[Connection, Welcome]:
    """A new connection, on which this process has said who it is."""
    assert _address is not None
    connection = Connection(_address)
    streams: list[int] = []
    try:
        if hello.streams:
            streams = [os.dup(1), os.dup(2)]
        connection.send(Frame(1, hello), streams)
        welcome, memory = connection.welcomed()
    except BaseException:
        connection.close()
        raise
    finally:
        for descriptor in streams:
            os.close(descriptor)
    try:
        if map_memory:
            _shm.map(memory)
    finally:
        os.close(memory)
    return connection, welcome


def _connect_again() -> Connection:
    """One more connection of a process that has its place."""
    assert _place is not None
    with _limits.named("asking the run's agent"):
        return _connect(Hello(_place.role, PROTOCOL, _place.client, _place.process_id), map_memory=False)[0]


def _use(do: Callable[[Connection], T]) -> T:
    """Does something with the connection; made now where a worker asks for the first time, or where the last one was broken off in the middle of a request.

    A finalizer or a signal handler may ask in the middle of its own thread's request. It has a connection to itself: it would take that request's answer.
    """
    global _connection
    if _connection is None or _connection.closed:
        _connection = _connect_again()
    connection = _connection
    if not connection.busy:
        connection.busy = True
        try:
            return do(connection)
        finally:
            connection.busy = False
    connection = _connect_again()
    try:
        return do(connection)
    finally:
        connection.close()


def _attach_again() -> None:
    attach()


def _grow(block_class: int) -> None:
    """Asks the agent's books for more memory of a class; raises MemoryError with its reasons."""
    answer = call(Grow(block_class))
    assert isinstance(answer, Grown)
    if answer.need:
        raise MemoryError(
            f"the run's shared memory is used up: {answer.need} bytes more are needed, {answer.have} of {answer.limit} are left; "
            f"use less, or raise {answer.setting}"
        )


def _forget_after_fork() -> None:
    """In a child of user code: its parent's connection is not its own."""
    global _lock, _connection
    _lock = threading.RLock()
    if _connection is not None:
        _connection.close()
        _connection = None
    if _place is not None and _place.pid != _UNBORN:  # a zygote's child is yet to be born
        _place.pid = 0


os.register_at_fork(after_in_child=_forget_after_fork)
_shm.set_attach(_attach_again)
_shm.set_grow(_grow)


class Connection:
    """A stream of frames to the agent. Frames are looked at before they are taken, so that an exception of a signal handler, which may come between any two
    steps, loses none: at worst one is seen twice, and nobody waits for it the second time."""

    def __init__(self, address: str) -> None:
        self._calls = 1
        self._waiting: dict[int, Message | None] = {}
        self._given_up: set[int] = set()
        self.closed = self.busy = self._ended = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.connect("\0" + address)
        except OSError as error:
            self._socket.close()
            raise _shm.RunOver(
                error.errno or 0,
                f"cannot reach the run's agent (socket @{address}): {error.strerror}; has the run ended?",
            ) from None

    def close(self) -> None:
        self.closed = True
        self._socket.close()

    def __del__(self) -> None:
        if hasattr(self, "_socket"):
            self._socket.close()  # at the interpreter's very end, until which it is kept on purpose: no ResourceWarning

    def detach(self) -> int:
        """The descriptor, which belongs to the caller from now on."""
        self.closed = True
        return self._socket.detach()

    def welcomed(self) -> tuple[Welcome, int]:
        """The answer to the hello, and the memory's descriptor that comes with it."""
        try:
            head, ancillary, _, _ = self._socket.recvmsg(
                4, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC | socket.MSG_WAITALL
            )
            size = int.from_bytes(head, "little")
            data = self._socket.recv(size, socket.MSG_WAITALL) if len(head) == 4 else b""
        except ConnectionResetError:  # it ended before it read the hello
            data = b""
        if not data or len(data) < size:
            raise _gone()
        body = Frame.decode(data).body
        if isinstance(body, Failure):
            raise _error(body)
        assert isinstance(body, Welcome)
        (memory,) = (int.from_bytes(data[:4], "little") for _, _, data in ancillary)
        return body, memory

    def call(self, body: FrameBody, descriptors: Sequence[int]) -> Message:
        self._calls = number = self._calls % 0xFFFFFFFF + 1
        self._waiting[number] = None
        try:
            self.send(Frame(number, body), descriptors)
            while self._waiting[number] is None:
                self._take_one()
            answer = self._waiting[number]
        except BaseException:  # a signal handler's, or the connection's end
            self._given_up.add(number)
            raise
        finally:
            del self._waiting[number]
        assert answer is not None
        if isinstance(answer, Failure):
            raise _error(answer)
        return answer

    def send(self, frame: Frame, descriptors: Sequence[int]) -> None:
        """Sends a whole frame. Broken off in the middle, the connection is of no more use, and the next call makes another."""
        data = frame.encode()
        data = len(data).to_bytes(4, "little") + data
        rights: list[tuple[int, int, Any]] = []
        if descriptors:
            import array

            rights.append((socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors)))
        try:
            sent = self._socket.sendmsg([data], rights)
            if sent < len(data):
                self._socket.sendall(memoryview(data)[sent:])
        except (BrokenPipeError, ConnectionResetError):
            self.close()
            raise _gone() from None
        except BaseException:
            self.close()
            raise

    def _take_one(self) -> None:
        look = socket.MSG_PEEK | socket.MSG_WAITALL
        try:
            data = self._socket.recv(_MOSTLY, socket.MSG_PEEK)
            if 0 < len(data) < 4:
                data = self._socket.recv(4, look)
            size = 4 + int.from_bytes(data[:4], "little")
            if 4 <= len(data) < size:
                data = self._socket.recv(size, look)
            whole = 4 <= size <= len(data)
            if not whole:  # a signal has interrupted the look; or the agent died in the middle of a frame
                data = b"" if self._ended else data
                self._ended = self._has_ended()
        except ConnectionResetError:
            data = b""
        if not data:
            self.close()
            raise _gone()
        if whole:
            self._keep(Frame.decode(data[4:size]))
            self._socket.recv(size)

    def _has_ended(self) -> bool:
        """Will nothing more come than what has come?"""
        import select

        poll = select.poll()
        poll.register(self._socket, select.POLLRDHUP)
        return bool(poll.poll(0))

    def _keep(self, frame: Frame) -> None:
        if frame.call in self._waiting:
            self._waiting[frame.call] = frame.body
        elif frame.call in self._given_up:
            self._given_up.discard(frame.call)
            if isinstance(frame.body, Spawned):  # nobody knows this process: start() was interrupted
                self.send(Frame(0, Signal(frame.body.process_id, 9)), ())


def _gone() -> OSError:
    import errno

    return _shm.RunOver(
        errno.EPIPE, "the run's agent has closed the connection: the run has ended, or its agent was killed"
    )


def _error(failure: Failure) -> Exception:
    """What a refusal of the agent is in Python."""
    if failure.kind == "memory":
        return MemoryError(failure.text)
    if failure.kind == "over":
        return _shm.RunOver(failure.errno, failure.text)
    if failure.kind in ("taken", "size"):
        return Refused(failure.kind, failure.text)
    return OSError(failure.errno, failure.text)
