"""Finds the run this program belongs to, or starts one for it alone, and ends it in order.

Under the launcher the environment names the agent. Else the program's first use of Dragon starts a private agent, in a session of its own, which lives
as long as the program and not longer, however that ends.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from multiprocessing import process, util
from typing import IO

from dragon import _shm

_private: subprocess.Popen[bytes] | None = None
_JAVA_OPTIONS = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
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


def begin(wanted: str = "") -> None:
    """Starts this program's agent, if it needs one, for the making of such an object, and does not wait for it: there is more to be done until it is ready."""
    global _private, _starter
    if _private is not None and _starter == os.getpid():
        return
    from dragon import _interpreter, _launch

    java, options = _installed()
    command = [java, f"@{options}", "dragon.agent.Main", "--plain", str(os.getpid())]
    interpreter = _interpreter.command()
    fill_standard_streams()
    try:
        os.stat(java)  # told apart from the keeper's program, which executes it
        utf8 = not all(map(str.isascii, [*command, *interpreter]))
        _private = _launch.launch(command, interpreter, _interpreter.shared_modules(wanted), _environment(utf8))
    except OSError as error:
        from dragon import _unbuilt

        raise NotStarted(error.errno, _unbuilt.not_started(error, java)) from None
    _starter = os.getpid()


def _environment(utf8: bool) -> dict[str, str] | None:
    """That of the JVM: with a locale in which it does not lose paths that are not ASCII, and without the options of the user's own Java. The keeper gives programs theirs back."""
    changed = [name for name in _JAVA_OPTIONS if name in os.environ] + ["LC_ALL"] * utf8
    if not changed:
        return None
    environment = dict(os.environ)
    for name in changed:
        before = environment.pop(name, None)
        environment[f"DRAGON_{name}"] = "" if before is None else f"={before}"
    if utf8:
        environment["LC_ALL"] = "C.UTF-8"
    return environment


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
        try:
            _shm.watch(descriptor)
        except OSError as error:
            from dragon import _limits

            if error.errno != errno.EAGAIN:
                raise
            text = f"joining the run needs another thread: {_limits.no_process()}"
            raise BlockingIOError(error.errno, text) from None
        finally:
            os.close(descriptor)
    util.Finalize(None, _end_interrupted_children, exitpriority=5)  # after pools, before managers, for which they wait
    util.Finalize(None, _farewell, args=(private,), exitpriority=-(1 << 30))


def _installed() -> tuple[str, str]:
    """The java to run and its options, as the build left them."""
    from dragon._build import HOME, LIB

    try:
        with open(os.path.join(LIB, "sources"), errors="surrogateescape") as file:
            built_in = file.readline().rstrip("\n")
        with open(os.path.join(LIB, "java"), errors="surrogateescape") as file:
            java = file.read().strip()
    except OSError as error:
        from dragon import _unbuilt

        raise NotStarted(error.errno, _unbuilt.runtime(error)) from None
    if built_in != HOME:
        from dragon import _unbuilt

        raise NotStarted(2, _unbuilt.moved(built_in))
    return java, os.path.join(LIB, "jvm.options")


def _not_started(agent: subprocess.Popen[bytes], words: IO[bytes]) -> NotStarted:
    text = words.read().decode(errors="replace").strip()
    code = agent.wait()
    if "unable to create native thread" in text:
        from dragon import _limits

        text += "\n" + _limits.no_process()
    how = f"exit code {code}" if code >= 0 else f"killed by signal {-code}"
    return NotStarted(
        5, f"Dragon's run-time did not start ({how})" + (f"; its words:\n{text}" if text else " and said nothing")
    )


def _end_interrupted_children() -> None:
    """After Ctrl-C, ask every child, and all that they started, to end: elsewhere the terminal would have done so, but workers are in a session of their own. All at the
    same time: one that goes on while another has ended already would complain of that. A manager's process is its own finalizer's to end."""
    if getattr(sys, "last_type", None) is not KeyboardInterrupt:
        return
    from dragon import _agent
    from dragon._control import SignalFamilies

    finalizers = list(util._finalizer_registry.values())  # type: ignore[attr-defined]
    others = {argument for each in finalizers for argument in each._args if isinstance(argument, process.BaseProcess)}
    children = [child._popen for child in process.active_children() if child not in others]  # type: ignore[attr-defined]
    ours = [child.process_id for child in children if child.method == "dragon"]
    for child in children:
        if child.method != "dragon":
            child._send_signal(signal.SIGTERM)
    try:
        if ours:
            _agent.call(SignalFamilies(ours, signal.SIGTERM))
    except OSError:
        pass  # the run is over, and they with it


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
