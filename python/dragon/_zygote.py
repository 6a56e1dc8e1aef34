"""The zygote: a warm, single-threaded interpreter from which workers are forked.

Started by the keeper; DRAGON_AGENT names the agent's socket. It takes Fork frames from the agent and reports the ends of its children. A child is reaped only when the
agent has recorded its end, so its pid means nobody else until then. It dies with the keeper, and its children with it (PDEATHSIG); it waits for frames and
SIGCHLD in one poll, without any period.

One child is forked ahead: the *spare*, which waits for a frame of its own. A request is handed on to it, so nobody waits for the fork itself. A spare that
is killed while it waits is replaced; one that is killed later is the process that was asked for, and its end is reported like any other.
"""

from __future__ import annotations

import errno
import gc
import os
import select
import signal
import socket
import sys
from typing import TYPE_CHECKING, NoReturn

from dragon import _control, _encoded, _shm

if TYPE_CHECKING:
    from dragon import _wire

PROTOCOL = 1
_DIRECT = 1 << 17  # bytes of a frame that a child is better born with than sent


def main() -> NoReturn:
    """Runs the zygote until the agent is gone."""
    from dragon import _worker

    zygote = _Zygote(os.environ.pop("DRAGON_AGENT"))
    _worker.preload()
    zygote.hello()
    gc.collect()
    gc.freeze()
    zygote.serve()


class Link:
    """One end of a stream of frames, with the descriptors that came along, in order."""

    def __init__(self, stream: socket.socket) -> None:
        self.socket = stream
        self.descriptors: list[int] = []

    def receive(self) -> bytes | None:
        """The next frame; None at the end."""
        head = self._read(4)
        return head and self._read(int.from_bytes(head, "little"))

    def send(self, frame: bytes, descriptors: list[int] | None = None) -> bool:
        """Sends a frame; False if nobody is at the other end."""
        data = len(frame).to_bytes(4, "little") + frame
        try:
            if descriptors:
                sent = socket.send_fds(self.socket, [data], descriptors)
                data = data[sent:]
            if data:
                self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def take_descriptors(self, count: int) -> list[int]:
        """The next descriptors, which belong to the frame that was received last."""
        taken, self.descriptors = self.descriptors[:count], self.descriptors[count:]
        return taken

    def _read(self, count: int) -> bytes | None:
        parts = []
        while count:
            try:
                part, ancillary, _, _ = self.socket.recvmsg(
                    min(count, 1 << 20), socket.CMSG_SPACE(253 * 4), socket.MSG_CMSG_CLOEXEC
                )
            except ConnectionResetError:
                return None
            if not part:
                return None
            parts.append(part)
            count -= len(part)
            for _, _, rights in ancillary:
                self.descriptors += memoryview(rights[: len(rights) // 4 * 4]).cast("i")
        return b"".join(parts)


class _Zygote:
    def __init__(self, address: str) -> None:
        from dragon import _worker

        _worker.die_with_parent(os.getppid())
        self._pid = os.getpid()
        self._address = address
        self._children: dict[int, int] = {}  # pid -> the run-time's id
        self._reported: set[int] = set()
        self._spare_pid = 0
        self._spare: Link | None = None
        self._agent = Link(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC))
        self._agent.socket.connect("\0" + address)
        self._wakeup, self._waker = os.pipe()
        for descriptor in (self._wakeup, self._waker):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)

    def hello(self) -> None:
        """Tells the agent what this interpreter is, and maps the memory."""
        from dragon import _agent, _setting, _worker

        self._tell(_control.ZygoteHello(PROTOCOL, _setting.interpreter()), call=1)
        welcome = _control.Frame.decode(self._receive()).body
        if not isinstance(welcome, _control.Welcome):
            sys.exit(f"dragon: the agent refused this zygote: {welcome}")
        (memory,) = self._agent.take_descriptors(1)
        _shm.map(memory)
        os.close(memory)
        startup = _agent.Startup(dict(os.environb), _agent.credentials())
        self._home = _worker.Home(self._address, welcome.run_id, startup)
        self._plan = _worker.Plan(b"")

    def serve(self) -> NoReturn:
        """Forks and reports until the agent is gone."""
        poll = select.poll()
        poll.register(self._agent.socket, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        self._fork_spare()
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == self._wakeup:
                    os.read(self._wakeup, 4096)
                    self._report()
                else:
                    self._obey(self._receive())

    def _obey(self, frame: bytes) -> None:
        body = _encoded.Frame.decode(frame).body
        if isinstance(body, _encoded.Fork):
            self._start(frame, body)
        elif isinstance(body, _control.Reap):
            os.waitpid(body.os_pid, 0)
            self._reported.discard(body.os_pid)
            self._children.pop(body.os_pid, None)
            self._report()

    # ---- births ----

    def _start(self, frame: bytes, request: _encoded.Fork) -> None:
        from dragon import _worker

        descriptors = self._agent.take_descriptors(3 + request.passed)
        if self._spare is not None and len(frame) < _DIRECT and self._spare.send(frame, descriptors):
            pid, self._spare_pid = self._spare_pid, 0
            self._born(request, pid)
        else:
            self._born(request, self._fork(request, descriptors))
        for descriptor in descriptors:
            os.close(descriptor)
        if request.setting != self._plan.raw:
            self._plan = _worker.Plan(request.setting)
            self._plan.prepare()
        if _worker.learn_main(request.payload):
            gc.freeze()
        self._fork_spare()

    def _born(self, request: _encoded.Fork, pid: int) -> None:
        """Tells of a child; a negative pid is the negative of the error."""
        if pid > 0:
            self._children[pid] = request.process_id
            self._tell(_control.Forked(request.process_id, pid, 0))
        else:
            self._tell(_control.Forked(request.process_id, 0, -pid))

    def _fork_spare(self) -> None:
        if self._spare is not None:
            if self._spare_pid:
                return
            self._spare.socket.close()
        here, there = socket.socketpair()
        self._spare = Link(here)
        self._spare_pid = max(self._fork(None, [there.fileno()]), 0)
        there.close()
        if not self._spare_pid:
            here.close()
            self._spare = None

    def _fork(self, request: _encoded.Fork | None, descriptors: list[int]) -> int:
        """The pid of a child that has its request, or gets it by the only descriptor; the negative of the error if it cannot be."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            pid = os.fork()
            if pid == 0:
                self._be_child(request, descriptors)
        except OSError as error:
            pid = -(error.errno or errno.EAGAIN)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pid

    def _be_child(self, request: _encoded.Fork | None, descriptors: list[int]) -> NoReturn:
        """Never returns to the zygote, whatever happens."""
        from dragon import _worker

        try:
            _worker.die_with_parent(self._pid)
            signal.set_wakeup_fd(-1)
            self._agent.socket.close()
            os.close(self._wakeup)
            os.close(self._waker)
            if self._spare is not None:
                self._spare.socket.close()
            if request is None:
                request, descriptors = _await_request(descriptors[0])
            _worker.run(request, descriptors, self._home, self._plan)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)

    # ---- deaths ----

    def _report(self) -> None:
        """Reports children that have ended. The kernel shows the first that is not reaped; the next is seen when the agent has that one reaped."""
        while self._children or self._spare_pid:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None or ended.si_pid in self._reported:
                return
            if ended.si_pid == self._spare_pid:
                os.waitpid(ended.si_pid, 0)
                self._spare_pid = 0
                self._fork_spare()
                continue
            self._reported.add(ended.si_pid)
            if ended.si_code == os.CLD_EXITED:
                status = ended.si_status << 8
            else:
                status = ended.si_status | (0x80 if ended.si_code == os.CLD_DUMPED else 0)
            self._tell(_control.Exited(self._children[ended.si_pid], ended.si_pid, status))

    # ---- the agent ----

    def _tell(self, body: _wire.Message, call: int = 0) -> None:
        if not self._agent.send(_encoded.Frame(call, body).encode()):
            _end()

    def _receive(self) -> bytes:
        frame = self._agent.receive()
        if frame is None:
            _end()
        return frame


def _await_request(descriptor: int) -> tuple[_encoded.Fork, list[int]]:
    """What a spare waits for. Its zygote's end is its own."""
    link = Link(socket.socket(fileno=descriptor))
    frame = link.receive()
    if frame is None:
        os._exit(0)
    link.socket.close()
    request = _encoded.Frame.decode(frame).body
    assert isinstance(request, _encoded.Fork)
    return request, link.descriptors


def _end() -> NoReturn:
    """The agent is gone: the kernel kills the children of a process with its end, since they asked for it."""
    os._exit(0)


if __name__ == "__main__":
    from dragon._zygote import main as real_main  # this module's own copy would be another one

    real_main()
