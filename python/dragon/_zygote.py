"""The zygote: a warm, single-threaded interpreter from which workers are forked.

    python -m dragon._zygote        (started by the keeper; DRAGON_AGENT names the agent's socket)

It takes Fork frames from the agent, forks, and reports the ends of its children. A child is reaped only when the agent has recorded its end, so its pid means nobody else
until then. It dies with the keeper, and its children with it (PDEATHSIG); it waits for frames and SIGCHLD in one poll, without any period.
"""

from __future__ import annotations

import errno
import gc
import os
import select
import signal
import socket
import sys
from typing import NoReturn

from dragon import _control, _shm

PROTOCOL = 1


def main() -> NoReturn:
    """Runs the zygote until the agent is gone."""
    from dragon import _worker

    zygote = _Zygote(os.environ.pop("DRAGON_AGENT"))
    _worker.preload()
    zygote.hello()
    gc.collect()
    gc.freeze()
    zygote.serve()


class _Zygote:
    def __init__(self, address: str) -> None:
        from dragon import _worker

        _worker.die_with_parent(os.getppid())
        self._address = address
        self._children: dict[int, int] = {}  # pid -> the run-time's id
        self._reported: set[int] = set()
        self._descriptors: list[int] = []
        self._agent = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._agent.connect("\0" + address)
        self._wakeup, writer = os.pipe()
        self._private = [self._agent.fileno(), self._wakeup, writer]
        for descriptor in (self._wakeup, writer):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def hello(self) -> None:
        """Tells the agent what this interpreter is, and maps the memory."""
        from dragon import _agent, _setting

        self._send(_control.ZygoteHello(PROTOCOL, _setting.interpreter()), call=1)
        frame = self._receive()
        welcome = frame.body
        if not isinstance(welcome, _control.Welcome):
            sys.exit(f"dragon: the agent refused this zygote: {welcome}")
        memory = self._descriptors.pop(0)
        _shm.map(memory)
        os.close(memory)
        self._run_id = welcome.run_id
        self._startup = _agent.Startup(dict(os.environb), _agent.credentials())

    def serve(self) -> NoReturn:
        """Forks and reports until the agent is gone."""
        poll = select.poll()
        poll.register(self._agent, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == self._wakeup:
                    os.read(self._wakeup, 4096)
                    self._report()
                else:
                    self._obey(self._receive().body)

    def _obey(self, body: _control.FrameBody | None) -> None:
        if isinstance(body, _control.Fork):
            self._fork(body)
        elif isinstance(body, _control.Reap):
            os.waitpid(body.os_pid, 0)
            self._reported.discard(body.os_pid)
            self._children.pop(body.os_pid, None)
            self._report()

    def _fork(self, request: _control.Fork) -> None:
        count = 3 + request.passed
        descriptors, self._descriptors = self._descriptors[:count], self._descriptors[count:]
        everything = signal.valid_signals()
        parent = os.getpid()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, everything)
        try:
            pid = os.fork()
        except OSError as error:
            self._send(_control.Forked(request.process_id, 0, error.errno or errno.EAGAIN))
        else:
            if pid == 0:
                self._be_child(request, descriptors, parent)
            self._children[pid] = request.process_id
            self._send(_control.Forked(request.process_id, pid, 0))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for descriptor in descriptors:
            os.close(descriptor)

    def _be_child(self, request: _control.Fork, descriptors: list[int], parent: int) -> NoReturn:
        """Never returns to the zygote, whatever happens."""
        from dragon import _worker

        try:
            _worker.die_with_parent(parent)
            signal.set_wakeup_fd(-1)
            for descriptor in self._private:
                os.close(descriptor)
            _worker.run(request, descriptors, self._address, self._run_id, self._startup)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)

    def _report(self) -> None:
        """Reports children that have ended. The kernel shows the first that is not reaped; the next is seen when the agent has that one reaped."""
        while self._children:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None or ended.si_pid in self._reported:
                return
            self._reported.add(ended.si_pid)
            if ended.si_code == os.CLD_EXITED:
                status = ended.si_status << 8
            else:
                status = ended.si_status | (0x80 if ended.si_code == os.CLD_DUMPED else 0)
            self._send(_control.Exited(self._children[ended.si_pid], ended.si_pid, status))

    def _send(self, body: _control.FrameBody, call: int = 0) -> None:
        data = _control.Frame(call, body).encode()
        try:
            self._agent.sendall(len(data).to_bytes(4, "little") + data)
        except (BrokenPipeError, ConnectionResetError):
            self._end()

    def _receive(self) -> _control.Frame:
        size = int.from_bytes(self._read(4), "little")
        return _control.Frame.decode(self._read(size))

    def _read(self, count: int) -> bytearray:
        """Exactly so many bytes; descriptors that come with them are queued, in order."""
        data = bytearray()
        while len(data) < count:
            try:
                part, ancillary, _, _ = self._agent.recvmsg(
                    min(count - len(data), 1 << 20), socket.CMSG_SPACE(253 * 4), socket.MSG_CMSG_CLOEXEC
                )
            except ConnectionResetError:
                part = b""
            if not part:
                self._end()
            data += part
            for _, _, rights in ancillary:
                self._descriptors += memoryview(rights[: len(rights) // 4 * 4]).cast("i")
        return data

    def _end(self) -> NoReturn:
        """The agent is gone: the kernel kills the children of a process with its end, since they asked for it."""
        os._exit(0)


if __name__ == "__main__":
    from dragon._zygote import main as real_main  # this module's own copy would be another one

    real_main()
