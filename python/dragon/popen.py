"""A started process, as its parent sees it: one request to the agent starts it, one event in shared memory says how it ended.

The event is set by the agent, which learns of every death at once; so asking whether a process lives is a look at memory, and joining it is a wait on a
futex. It stays set when this parent, the agent or the whole run has gone.
"""

from __future__ import annotations

import errno
import functools
import os
import select
import signal
import sys
from multiprocessing import context, resource_tracker, util
from typing import TYPE_CHECKING, Any, cast

from dragon import _agent, _handle, _identity, _limits, _message, _payload, _setting, _shm
from dragon._control import Signal, Spawn, Spawned

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from dragon import _end

# Descriptors that came with this process, in the order in which its parent passed them.
inherited: list[int] = []

# Events of processes that have ended, for the next ones: letting go of one costs the agent a letter and an audit.
_exits: list[_shm.Event] = []
_MOST_EXITS = 64


def _forget_exits() -> None:
    """In a child that user code forks: they are its parent's, and so are the processes that they will tell of."""
    global _exits
    _exits = []


os.register_at_fork(after_in_child=_forget_exits)

_INLINE = 1 << 16  # bytes; larger arguments go by a memory file of their own, past the agent


class DupFd:
    """Stands for a descriptor in the arguments of a process."""

    def __init__(self, index: int) -> None:
        self.index = index

    def detach(self) -> int:
        """The descriptor, in the child."""
        return inherited[self.index]


class Popen:
    """Starts a process and watches over it."""

    method = "dragon"
    DupFd = DupFd
    sentinel = None  # opened when it is asked for; see open_sentinel
    returncode: int | None = None

    def __init__(self, process_obj: BaseProcess) -> None:
        util._flush_std_streams()  # type: ignore[attr-defined]
        self._end: _end.End | None = None
        self.pins: list[
            tuple[int, int, int, int]
        ] = []  # of the handles that the process is given: place, id, role, token
        self._descriptors: list[int] = []
        self._close_sentinel: Any = None
        self._sentinel = self._arguments = -1
        self._exits = _exits
        try:
            self._exit = _exits.pop()
        except IndexError:
            self._exit = _shm.Event.create()
        with _limits.named("starting a process"):
            self._launch(process_obj)

    @property
    def pid(self) -> int:
        """What `Process.pid` shows."""
        return _identity.shown(self.process_id, self.os_pid)

    def duplicate_for_child(self, descriptor: int) -> int:
        """Has a descriptor passed to the child; called while the process object is pickled."""
        self._descriptors.append(descriptor)
        return len(self._descriptors) - 1

    def poll(self, flag: int = os.WNOHANG) -> int | None:
        """The exit code if the process has ended. No system call, unless its sentinel was asked for."""
        if self.returncode is None:
            value = self._exit.value
            if not value and self._sentinel >= 0 and _readable(self._sentinel):
                value = self._await(None)  # it has ended, and the news of how is under way
            if not value and _shm.run_state() != 1:
                value = self._exit.value or (1 << 32 | signal.SIGKILL)  # all of the run was ended with it
            if value:
                self._report = value
                self.returncode = os.waitstatus_to_exitcode(value & 0xFFFFFFFF)
        return self.returncode

    @property
    def end(self) -> _end.End | None:
        """How the process ended, beyond its exit code; None while it lives. Asks the agent for its last words, if it left some."""
        if self._end is None and self.poll() is not None:
            from dragon import _end

            self._end = _end.of(self.process_id, self._report)
        return self._end

    def wait(self, timeout: float | None = None) -> int | None:
        """Waits for the end of the process, or for `timeout` seconds, and returns the exit code if it has ended."""
        if self.returncode is None:
            self._await(timeout)
        return self.poll()

    def terminate(self) -> None:
        """Sends SIGTERM, unless the process has ended."""
        self._send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Sends SIGKILL, unless the process has ended."""
        self._send_signal(signal.SIGKILL)

    def open_sentinel(self) -> int:
        """A descriptor that is readable once the process has ended; the same one each time."""
        if self._sentinel < 0:
            self._sentinel = self._pidfd()
            if self._sentinel < 0:
                with _limits.named("the sentinel of a process"):
                    self._sentinel = _always_readable()
            self._close_sentinel = util.Finalize(self, os.close, (self._sentinel,))
        return self._sentinel

    def close(self) -> None:
        """Lets go of what is held for the process."""
        if self._close_sentinel is not None:
            self._close_sentinel()
            self._sentinel = -1
        self._exit.release()

    def __del__(self) -> None:
        """Nobody asks for this end any more. Once it has been told, which the agent does once, its event is there for another process."""
        if (
            self.returncode is None
            or self._exits is not _exits
            or len(_exits) >= _MOST_EXITS
            or sys.getrefcount(self._exit) > 2
        ):
            return
        try:
            if self._exit.value:
                self._exit.clear()
                _exits.append(self._exit)
        except (OSError, ValueError):
            pass  # the run is over, or the process was closed

    def _launch(self, process_obj: BaseProcess) -> None:
        from dragon import _preparation

        streams: list[int] = []
        setting = _setting.encoded(streams.append)
        tracker = resource_tracker._resource_tracker._fd  # type: ignore[attr-defined]
        if tracker is not None:
            self.duplicate_for_child(tracker)
        preparation = _preparation.encoded(process_obj.name, tracker is not None)
        try:
            payload = self._pickled(process_obj)
            descriptors = streams + self._descriptors
            if len(descriptors) > _agent.MOST_DESCRIPTORS:
                raise ValueError(
                    f"{len(descriptors)} descriptors are too many to pass to one process (at most {_agent.MOST_DESCRIPTORS})"
                )
            request = Spawn(
                setting,
                payload,
                len(self._descriptors),
                self._exit.offset,
                self._exit.id,
                [token for _, _, _, token in self.pins],
                process_obj.name,
                bool(process_obj.daemon),
                preparation,
            )
            answer = _agent.call(request, descriptors)
        except BaseException:
            _handle.give_up(
                self.pins
            )  # there is no process that they could reach, or it is ended as soon as it is heard of
            raise
        finally:
            if self._arguments >= 0:
                os.close(self._arguments)
        assert isinstance(answer, Spawned)
        self.process_id = answer.process_id
        self.os_pid = answer.os_pid

    def _pickled(self, process_obj: BaseProcess) -> bytes:
        """The process object, which the agent carries and does not look into; empty if it is in a file, whose descriptor is then the last that is passed."""
        context.set_spawning_popen(cast(Any, self))
        try:
            name = functools.partial(_part, process_obj)
            body, _ = _message.dump(_payload.told(process_obj), name, out_of_band=False)
        finally:
            context.set_spawning_popen(None)
        if len(body) <= _INLINE:
            return bytes(body)
        self.duplicate_for_child(self._file(body))
        return b""

    def _file(self, body: memoryview) -> int:
        self._arguments = descriptor = os.memfd_create("dragon-arguments")
        with open(descriptor, "wb", closefd=False) as file:
            file.write(body)
        return descriptor

    def _await(self, timeout: float | None) -> int:
        try:
            self._exit.wait(timeout)
        except _shm.RunOver:
            pass  # then poll() knows
        return self._exit.value

    def _pidfd(self) -> int:
        """A pidfd of the process; -1 if it has ended. Its pid cannot be another's before the event says that it ended: it is reaped only after that."""
        try:
            with _limits.named("the sentinel of a process"):
                descriptor = os.pidfd_open(self.os_pid)
        except ProcessLookupError:
            return -1
        if self._exit.value or _shm.run_state() != 1:
            os.close(descriptor)
            return -1
        return descriptor

    def _send_signal(self, number: int) -> None:
        if self.poll() is not None:
            return
        try:
            descriptor = self._pidfd()
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            _agent.tell(Signal(self.process_id, number))  # which needs no descriptor here
            return
        if descriptor < 0:
            return
        try:
            signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            pass
        except PermissionError:  # it runs with other rights than this process
            _agent.tell(Signal(self.process_id, number))
        finally:
            os.close(descriptor)


class ParentSentinel:
    """What `parent_process()` waits on; its descriptor is opened when it is asked for."""

    def __init__(self, os_pid: int, began: int) -> None:
        self._os_pid = os_pid
        self._began = began
        self._descriptor = -1

    def fileno(self) -> int:
        """A descriptor that is readable once the parent has ended."""
        if self._descriptor < 0:
            self._descriptor = self._open()
        return self._descriptor

    def _open(self) -> int:
        try:
            descriptor = os.pidfd_open(self._os_pid)
        except ProcessLookupError:
            return _always_readable()
        if started(self._os_pid) != self._began:
            os.close(descriptor)
            return _always_readable()
        return descriptor


_own_start = (0, 0)


def started(pid: int) -> int:
    """When a process began, in ticks since the machine's start; 0 if it is gone. With the pid, this names a process for good."""
    global _own_start
    if pid == _own_start[0]:
        return _own_start[1]
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            ticks = int(stat.read().rpartition(b")")[2].split()[19])
    except OSError:
        return 0
    if pid == os.getpid():
        _own_start = pid, ticks
    return ticks


def _part(process_obj: BaseProcess, way: list[Any]) -> tuple[str, int]:
    """What a part of a Process is called where it was given."""
    for at, each in enumerate(way[:4]):
        for name in ("target", "args", "kwargs"):
            if each is getattr(process_obj, f"_{name}", None):
                return name, at
    return "process", 0


def _readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _always_readable() -> int:
    reader, writer = os.pipe()
    os.close(writer)
    return reader
