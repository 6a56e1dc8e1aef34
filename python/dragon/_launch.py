"""Starts a program's own agent, with the keeper and the first zygote beside it and not after it: what takes the longest is the start of two interpreters, the JVM and the zygote's.

What the agent would make for them, and hand to the keeper, is made here: its listening socket, so that the zygote finds it, the keeper's socket, with the request for
the zygote in it, and the zygote's output sockets. The keeper's program begins as the agent's process, which it leaves to the JVM once it has forked the keeper (spec/keeper.md).
"""

from __future__ import annotations

import array
import os
import socket
import subprocess
from typing import TYPE_CHECKING

from dragon._build import HOME

if TYPE_CHECKING:
    from collections.abc import Sequence

_NODE = 0
_FIRST_ZYGOTE = (_NODE + 1) << 32 | 3
_START = 2
_FLAGS = 1 | 2 | 64  # a session of its own, ends with the keeper, has an oom_score_adj
_OOM_SCORE = 500  # so that the kernel, short of memory, hits a worker
_SO_PASSCRED = 16


def launch(
    java: Sequence[str], interpreter: Sequence[str], modules: Sequence[str], environment: dict[str, str] | None
) -> subprocess.Popen[bytes]:
    """Starts the agent, whose command this is, for workers of this interpreter, for which the zygote imports these modules. Its output and its words are to be read from the process that is returned."""
    name = f"dragon-{os.urandom(16).hex()}-{_NODE}"
    agents: list[socket.socket] = []
    others: list[socket.socket] = []
    nowhere = -1
    try:
        nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        agents.append(_listener(name))
        for credentials in (False, True, True):
            mine, other = socket.socketpair()
            mine.setblocking(False)
            if credentials:
                mine.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 1)
            agents.append(mine)
            others.append(other)
        keeper, stdout, stderr = others
        passed = array.array("i", [nowhere, stdout.fileno(), stderr.fileno()])
        agents[1].sendmsg([_request(name, interpreter, modules)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
        descriptors = [each.fileno() for each in (*agents, stdout, stderr)]
        begun = ",".join([name, *map(str, descriptors)])
        return subprocess.Popen(
            [os.path.join(HOME, "build", "bin", "keeper"), "begin", str(keeper.fileno()), *java, begun, *interpreter],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=_where_java_starts(),
            env=environment,
            start_new_session=True,
            pass_fds=[keeper.fileno(), *descriptors],
        )
    finally:
        for each in (*agents, *others):
            each.close()
        if nowhere >= 0:
            os.close(nowhere)


def _where_java_starts() -> str | None:
    """None: here. A JVM does not start in a folder that was deleted."""
    try:
        os.getcwd()
    except OSError:
        return "/"
    return None


def _listener(name: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.bind("\0" + name)
        listener.listen(4096)
    except BaseException:
        listener.close()
        raise
    return listener


def _request(name: str, interpreter: Sequence[str], modules: Sequence[str]) -> bytes:
    """The START of the first zygote, as the agent asks for those after it (Workers.startZygote)."""
    code = f"import sys; sys.path[:] = [{_quoted(os.path.join(HOME, 'python'))}] + [p for p in sys.path if p]; from dragon._zygote import main; main()"
    arguments = [*interpreter, "-c", code, *modules]
    body = b"".join(
        [
            bytes([_START]),
            _FIRST_ZYGOTE.to_bytes(8, "little"),
            _numbers(_FLAGS, 0, 0, _OOM_SCORE, 0, 0, 0, 0),
            _numbers(0, 0, 0, 0, 0),  # groups, limits, CPUs, blocked, ignored: the keeper's
            _numbers(3, 0, 1, 2),
            _text(""),
            _text(interpreter[0]),
            _numbers(len(arguments)),
            *map(_text, arguments),
            _numbers(1),
            _text(f"DRAGON_AGENT={name}"),
        ]
    )
    return _numbers(len(body)) + body


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def _numbers(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "little") for number in numbers)


def _text(text: str) -> bytes:
    data = os.fsencode(text) + b"\0"
    return _numbers(len(data)) + data
