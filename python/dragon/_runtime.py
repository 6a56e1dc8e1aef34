"""Finds the run this program belongs to, or starts one for it alone, and ends it in order.

Under the launcher the environment names the agent. Else the program's first use of Dragon starts a private agent, in a session of its own, which lives
as long as the program and not longer, however that ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
from multiprocessing import process, util
from typing import IO

from dragon import _shm

_private: subprocess.Popen[bytes] | None = None
_OVER = 2  # the state of a run that ended in order
_starter = 0  # the process that started it


class NotStarted(OSError):
    """The run-time could not be started; the text holds its own words."""


def address() -> str | None:
    """The agent's socket, if the program was started within a run."""
    return os.environ.get("DRAGON_AGENT")


def begun() -> bool:
    """Has this program a run: the launcher's, or one of its own that it has started?"""
    return address() is not None or (_private is not None and _starter == os.getpid())


def first_environment() -> dict[bytes, bytes]:
    """The environment this process was started with: that of the launcher, and so of the zygotes."""
    with open("/proc/self/environ", "rb") as environment:
        pairs = (item.partition(b"=") for item in environment.read().split(b"\0") if item)
        return {name: value for name, _, value in pairs}


def fill_standard_streams() -> None:
    """Where the program was started with a standard stream closed, the null device takes its number, lest a socket should and be printed to."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < 3:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def begin() -> None:
    """Starts this program's agent, if it needs one, and does not wait for it: there is more to be done until it is ready."""
    global _private, _starter
    if _private is not None and _starter == os.getpid():
        return
    from dragon import _setting

    java, options = _installed()
    command = [java, f"@{options}", "dragon.agent.Main", "--plain", *_setting.interpreter()]
    environment = None if all(map(str.isascii, command)) else _with_utf8()
    try:
        _private = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise NotStarted(
            error.errno, f"cannot start the run-time: {java}: {error.strerror}; build again with build-support/build"
        ) from None
    _starter = os.getpid()


def _with_utf8() -> dict[str, str]:
    """The environment for a JVM that is given paths that are not ASCII, which it would lose in the C locale. The keeper gives programs their own back."""
    before = os.environ.get("LC_ALL")
    return {**os.environ, "LC_ALL": "C.UTF-8", "DRAGON_LC_ALL": "" if before is None else f"={before}"}


def private_agent() -> str:
    """The name of the socket of this program's own agent, once it can be reached."""
    global _private
    begin()
    agent = _private
    assert agent is not None and agent.stdout is not None and agent.stderr is not None
    with agent.stdout as out, agent.stderr as words:
        for line in out:
            key, _, name = line.decode().rstrip("\n").partition(" ")
            if key == "DRAGON_AGENT":
                agent.returncode = 0  # nobody waits for it: it lives as long as this program
                return name
        _private = None
        raise _not_started(agent, words)


def be_head(private: bool) -> None:
    """This process is the run's head: its end in order is to be told."""
    if private:
        assert _private is not None
        descriptor = os.pidfd_open(_private.pid)
        _shm.watch(descriptor)
    util.Finalize(None, _end_interrupted_children, exitpriority=0)
    util.Finalize(None, _farewell, args=(private,), exitpriority=-(1 << 30))


def _installed() -> tuple[str, str]:
    """The java to run and its options, as the build left them."""
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    options = os.path.join(home, "build", "lib", "jvm.options")
    build = os.path.join(home, "build-support", "build")
    try:
        with open(os.path.join(home, "build", "lib", "java")) as file:
            java = file.read().strip()
        os.stat(options)
    except OSError as error:
        raise NotStarted(
            error.errno, f"Dragon's run-time is not built ({error.filename} is missing): run {build}"
        ) from None
    if not os.access(java, os.X_OK):
        raise NotStarted(2, f"the Java that Dragon was built with is gone ({java}): run {build}")
    return java, options


def _not_started(agent: subprocess.Popen[bytes], words: IO[bytes]) -> NotStarted:
    text = words.read().decode(errors="replace").strip()
    code = agent.wait()
    how = f"exit code {code}" if code >= 0 else f"killed by signal {-code}"
    return NotStarted(
        5, f"Dragon's run-time did not start ({how})" + (f"; its words:\n{text}" if text else " and said nothing")
    )


def _end_interrupted_children() -> None:
    """After Ctrl-C, ask every child to end: elsewhere the terminal would have done so, but workers are in a session of their own."""
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        for child in process.active_children():
            child.terminate()


def _farewell(private: bool) -> None:
    """The last thing the head does in the run: nothing of its output is held by anyone when it ends."""
    from dragon import _agent
    from dragon._control import Bye

    _shm.orderly()
    try:
        if private:
            _agent.call(Bye())
    except OSError:
        if _private is not None and _shm.run_state() != _OVER and sys.stderr is not None:
            sys.stderr.write(
                f"dragon: this program's run-time (pid {_private.pid}) was killed before the program ended; all processes it had started were ended with it\n"
            )
