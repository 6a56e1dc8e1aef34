"""The native part of Dragon: channels and synchronisation in the node's shared memory.

The C twin of the Java packages ``dragon.memory`` and ``dragon.channel``; the protocol is ``spec/shared-memory.md``. Every call that can wait releases the
GIL, spins a little, then parks without any period; a Python signal handler runs at once (EINTR), and its exception leaves the call with nothing lost.
``timeout`` is in seconds; ``None`` waits without limit, ``0`` or less tries once. Offsets are byte offsets into the node's memory.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

_T = TypeVar("_T")
Buffer = Any  # anything with the buffer protocol (typing.Buffer is 3.12+)

USER: Final = 1
SENDER: Final = 2
RECEIVER: Final = 4

class Error(OSError): ...

class Timeout(Error):
    """The time limit passed; nothing was sent or taken."""

class Closed(Error):
    """The other side is gone or the channel was closed: nothing more will come, or nobody would ever read it."""

class RunOver(Error):
    """The run ended, or its agent died: ``args`` say which."""

class NoSuchObject(Error):
    """The handle names an object that no longer exists."""

def map(fd: int) -> None:
    """Map the node's memory (once in a process; ``fd`` may be closed after). Raises Error on a version mismatch. No client number yet."""

def adopt(client: int) -> None:
    """Be this client from now on. A forked child of user code has none (the number's page is wiped on fork) until it adopts one."""

def sender() -> tuple[int, int] | None:
    """Who sent the message that this thread took last by `recv_message`: its id in the run and its OS pid; None if it has ended."""

def client() -> int:
    """This process's client number; 0 when it has none (not attached, or a fresh fork)."""

def set_attach(callback: Callable[[], None] | None) -> None:
    """Called (GIL held) when an operation finds no client number or no mapping: it must map and adopt, or raise.

    Threads that come to it meanwhile wait for the first. In a forked child, objects made before the fork are bound anew by `adopt`;
    one that is gone raises NoSuchObject when it is used.
    """

def set_grow(callback: Callable[[int], None] | None) -> None:
    """Called (GIL held) with a class number when memory of that class is used up: it asks the agent, and raises MemoryError when refused."""

def wrote() -> None:
    """Say that this worker has written to its stdout or stderr."""

def prints_by_itself() -> None:
    """Have what workers have written shown before this process learns what came after it: whatever receives, acquires or waits here has the agent see to it (`_agent.show`)."""

def is_behind() -> bool:
    """Have workers written something that may not be shown yet?"""

def catch_up() -> None:
    """If so, have it shown."""

def orderly() -> None:
    """Say that this process is ending in order (its locks stay as they are)."""

def limits() -> bytes:
    """All resource limits of this process, soft and hard, to be compared with what they were."""

def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent, which has that pid, dies; it is killed now if the parent is dead already."""

def block_only(signals: int) -> None:
    """Block those signals whose bit is set (`1 << number - 1`) in this single-threaded process, and no others."""

def use_large_pages(most: int = ...) -> None:
    """Move what this single-threaded process has made, up to so many bytes, into large pages, where the system has them: each fork to come copies less, and each
    child ends sooner. Children that are there already keep the old pages."""

def note_touched() -> None:
    """Note for the children to come of this one's zygote which pages this one has touched until now, unless one has done so."""

def import_known(name: str, globals: Any, locals: Any, names: Any, level: int) -> Any:
    """As `builtins.__import__` where pickle calls it: have a module in `sys.modules`, where pickle takes it from. Returns nothing of use for one that is there."""

def zygote(
    agent: int, likely: tuple[bytes, bytes, bytes, int, bool]
) -> tuple[bytes, bytes] | tuple[str, bytes, bytes | None, bytes | None, list[int]]:
    """Be a zygote: serve the agent at the other end of that descriptor, for this single-threaded process. Ends the process when the agent is gone.

    Returns in the zygote when a process was asked for with another setting or preparation than these, and once after some requests, with both; it is to be called
    again. Returns in each child once it is born, with name, payload, setting and preparation (None: as given), and the descriptors that were passed; its standard
    streams are in place.
    A child with the setting that was given is in its folder and blocks what it blocks; any other blocks all signals.
    """

def born() -> tuple[int, int, int, str] | None:
    """Pid, process id, client number and name of this process, if a zygote forked it. A process that it forks itself gets None."""

def run_state() -> int:
    """1 running, 2 over, 3 agent lost; 0 when nothing is mapped."""

def watch(pidfd: int) -> None:
    """Start the one native thread that waits for the agent's death by its pidfd (plain mode) and then marks the run LOST and wakes every waiter."""

def info() -> dict[str, Any]:
    """run_id (bytes), node, agent_pid, size, limit, granted, client, version."""

def unpin(offset: int, id: int, role: int, token: int) -> None:
    """Tell the agent that the handle with this token will not be bound. An end of a channel may be closed only when it has read so: `_Object.unpin` does it at once."""

def carry(offset: int, id: int, token: int) -> None:
    """Tell the agent that the handle with this token goes into a message of the channel at that offset, with which it is lost."""

class _Object:
    """A reference to an object in shared memory; the reference ends with ``release()`` or with this Python object.

    ``create`` makes the object (raises MemoryError with need, have, limit and setting); ``bind`` refers to one that exists (raises NoSuchObject).
    """

    offset: Final[int]
    id: Final[int]
    role: Final[int]
    @classmethod
    def arrive(cls: type[_T], handle: tuple[bytes, int, int, int, int]) -> _T | None:
        """Refer to what a handle (run_id, offset, id, role, token) names, and tell the agent that it has arrived. None: this process is no client of that run."""
    def pin(self) -> int:
        """Tell the agent that a handle of it leaves this process; returns the token that travels with it."""
    def unpin(self, token: int) -> None:
        """Tell the agent that the handle with this token, of this object and role, needs its pin no longer."""
    def release(self) -> None: ...
    @property
    def released(self) -> bool: ...

class Channel(_Object):
    """A FIFO of messages: many senders, many receivers, in any process of the node."""

    @classmethod
    def create(
        cls, capacity: int = 0, slot_size: int = 128, ends: bool = False, role: int = USER, limit: int = 0
    ) -> Channel:
        """`limit`: bytes in flight beyond which a sender, its message sent, is held up until receivers have caught up; 0: it never is."""
    @classmethod
    def bind(cls, offset: int, id: int, role: int = USER) -> Channel: ...
    def send(self, data: Buffer, timeout: float | None = None, flags: int = 0) -> None:
        """Copy ``data`` in as one message. ``flags``: even, below 8. Raises Timeout (full), Closed, RunOver, MemoryError."""
    def send_parts(self, parts: Sequence[Buffer], timeout: float | None = None, flags: int = 1) -> None:
        """One message of several buffers, gathered without an intermediate copy; received by recv_message as a list. ``flags``: odd, below 8 (1 means parts)."""
    def recv(self, timeout: float | None = None) -> bytes:
        """The next message. Raises Timeout (empty), Closed (end), RunOver. When killed while it copies, the message is lost with this process, nothing else."""
    def take_message(self, timeout: float | None = None) -> tuple[int, bytes | list[bytearray]]:
        """As `recv_message`; but what its sender printed before may not be shown yet (`catch_up`)."""

    def recv_message(self, timeout: float | None = None) -> tuple[int, bytes | list[bytearray]]:
        """As recv: (flags, bytes), or for a message of send_parts (flags, [bytearray, ...])."""
    def recv_into(self, buffer: Buffer, offset: int = 0, timeout: float | None = None) -> int:
        """As recv, into a writable buffer; returns the size. Too small: raises BufferTooShort-like Error whose args are (text, message) and nothing is lost."""
    def poll(self, timeout: float | None = 0) -> bool:
        """Is a message, or the end, there to be received?"""
    def close(self) -> None:
        """For everyone, at once: senders fail, receivers get what is left, then the end."""
    def qsize(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    tasks: Tasks | None
    """What counts its messages as tasks: set once, by each process that receives from it, before it does."""

class Semaphore(_Object):
    @classmethod
    def create(cls, value: int, maximum: int = 0xFFFFFFFF) -> Semaphore: ...
    @classmethod
    def bind(cls, offset: int, id: int) -> Semaphore: ...
    def acquire(self, block: bool = True, timeout: float | None = None) -> bool: ...
    def release(self, n: int = 1) -> None:
        """Raises ValueError above the maximum."""
    def __enter__(self) -> bool: ...
    def __exit__(self, *exc: object) -> None: ...
    def get_value(self) -> int: ...

class Lock(_Object):
    """A lock with an owner: Lock (any process may release it) or, with ``recursive``, RLock (only its owner may)."""

    @classmethod
    def create(cls, recursive: bool = False) -> Lock: ...
    @classmethod
    def bind(cls, offset: int, id: int) -> Lock: ...
    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """True when acquired; ``owner_died`` then tells whether its last owner was killed while holding it."""
    def release(self) -> None:
        """Raises ValueError (not locked), AssertionError (RLock of another owner)."""
    def __enter__(self) -> bool: ...
    def __exit__(self, *exc: object) -> None: ...
    def is_mine(self) -> bool: ...
    def count(self) -> int:
        """How often this thread holds it."""
    def is_here(self) -> bool:
        """Does a thread of this process hold it?"""
    def locked(self) -> bool: ...
    owner_died: bool

class Condition(_Object):
    @classmethod
    def create(cls) -> Condition: ...
    @classmethod
    def bind(cls, offset: int, id: int) -> Condition: ...
    def wait(self, lock: Lock | Semaphore, timeout: float | None = None) -> bool:
        """Release ``lock`` (an RLock wholly), sleep until notified, take it again as it was held. False: the time limit passed."""
    def notify(self, n: int = 1) -> int: ...
    def notify_all(self) -> int: ...
    def waiters(self) -> int: ...

class Event(_Object):
    @classmethod
    def create(cls) -> Event: ...
    @classmethod
    def bind(cls, offset: int, id: int) -> Event: ...
    def set(self, value: int = 1) -> None: ...
    def clear(self) -> None: ...
    def wait(self, timeout: float | None = None) -> bool: ...
    @property
    def value(self) -> int: ...

class Barrier(_Object):
    """A point that a number of parties pass together. Broken when one dies on its way through."""

    @classmethod
    def create(cls, parties: int) -> Barrier: ...
    @classmethod
    def bind(cls, offset: int, id: int) -> Barrier: ...
    def wait(self, timeout: float | None = None, action: Callable[[], object] | None = None) -> int | None:
        """In which order this one came, from 0; None: the barrier is broken, or was reset. The last one acts before all pass."""
    def reset(self) -> None: ...
    def abort(self) -> None: ...
    @property
    def waiting(self) -> int: ...
    @property
    def broken(self) -> bool: ...

class Tasks(_Object):
    """Counts the messages of a channel that are not done with yet: those in it, and those that were taken, until `done`.

    What a process has taken and is not done with when it is killed is done with, and counted as `lost`; when it ends in order, it stays to be done.
    """

    @classmethod
    def create(cls) -> Tasks: ...
    @classmethod
    def bind(cls, offset: int, id: int) -> Tasks: ...
    def done(self, channel: Channel) -> None:
        """One message is done with, whoever took it. Raises ValueError where none is left that could be."""
    def join(self, channel: Channel, timeout: float | None = None) -> bool:
        """Waits until all are done with; False: the time limit passed first."""
    def unfinished(self, channel: Channel) -> int: ...
    @property
    def lost(self) -> int: ...

class Area(_Object):
    """Plain shared memory, writable through the buffer protocol (``memoryview(area)``). Zero at first."""

    @classmethod
    def create(cls, size: int) -> Area: ...
    @classmethod
    def bind(cls, offset: int, id: int) -> Area: ...
    @property
    def size(self) -> int: ...
    @property
    def views(self) -> int:
        """How many buffers of it are in use in this process; `release` waits for the last of them."""

def wait(
    objects: Sequence[Channel | Event], fds: Sequence[int], timeout: float | None = None
) -> tuple[list[int], list[int]]:
    """Wait until at least one is ready: a Channel with a message or its end, a set Event, a readable descriptor. Without helper threads.

    Returns the indices of the ready objects and the ready descriptors; both empty at the time limit.
    """
