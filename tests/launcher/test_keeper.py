"""The keeper by itself, spoken to in its own frames (spec/keeper.md)."""

from __future__ import annotations

import pathlib
import signal
import socket
import struct
import subprocess
import sys

import pytest

KEEPER = pathlib.Path(__file__).parents[2] / "build" / "bin" / "keeper"
START, SIGNAL, FORWARD = 2, 3, 4
STARTED, EXITED = 1, 2
CONTROL = 3  # the descriptor of its socket
OTHERS = 500


def frame(kind: int, body: bytes) -> bytes:
    return struct.pack("<IB", 1 + len(body), kind) + body


def text(value: bytes) -> bytes:
    return struct.pack("<I", len(value) + 1) + value + b"\0"


def start(number: int, *words: bytes) -> bytes:
    """Starts a program as the keeper is: no settings, no descriptors, six empty lists."""
    settings = struct.pack("<Q", number) + bytes(4 * 8) + bytes(4 * 6)
    words_and_variables = struct.pack("<I", len(words)) + b"".join(map(text, words)) + struct.pack("<I", 0)
    return frame(START, settings + text(b"") + text(words[0]) + words_and_variables)


def send(kind: int, number: int, sent: int) -> bytes:
    return frame(kind, struct.pack("<QI", number, sent))


def receive(control: socket.socket) -> tuple[int, bytes]:
    (size,) = struct.unpack("<I", control.recv(4, socket.MSG_WAITALL))
    data = control.recv(size, socket.MSG_WAITALL)
    return data[0], data[1:]


@pytest.mark.parametrize("kind", [SIGNAL, FORWARD])
def test_an_end_is_told_that_comes_while_signals_are_passed_on(kind: int) -> None:
    """Each of those frames looks for signals that came, and takes the SIGCHLD with them: with Ctrl-C on a terminal the head may end while its launcher passes it on."""
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    become = f"import os; os.dup2({theirs.fileno()}, {CONTROL}); os.execv({str(KEEPER)!r}, ['keeper'])"
    command = [sys.executable, "-c", become]
    with subprocess.Popen(command, pass_fds=[theirs.fileno()]) as keeper, ours:
        theirs.close()
        ours.sendall(start(1, b"/bin/sleep", b"1000"))
        told, body = receive(ours)
        assert told == STARTED
        pid = struct.unpack_from("<QI", body)[1]
        ours.sendall(send(SIGNAL, 1, signal.SIGKILL) + send(kind, 2, signal.SIGCONT) * OTHERS)
        told, body = receive(ours)
        assert told == EXITED
        assert struct.unpack_from("<IQII", body) == (1, 1, pid, signal.SIGKILL)
        ours.shutdown(socket.SHUT_RDWR)
        assert keeper.wait(20) == 0
