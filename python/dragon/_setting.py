"""What a new process takes from its parent at start(): the parent's own setting as it is now, and whether the warm interpreter can serve it."""

from __future__ import annotations

import os
import resource
import signal
from typing import Callable, NamedTuple

from dragon import _agent, _interpreter, _rights, _shm, _template
from dragon._control import Limit, Setting, Variable

RUN_OWN, PASSED, NULL = 0, 1, 2  # where a standard stream of the child goes

_USUAL = 1 << 14  # bytes of a thread's status
_UNLIMITED = 0xFFFFFFFFFFFFFFFF
_RESOURCES = range(16)  # RLIM_NLIMITS of Linux
# A variable that an interpreter or its loader looks at when it starts: another value needs another start.
_STARTUP = (b"PYTHON", b"LD_", b"MALLOC_", b"LC_", b"GLIBC_TUNABLES", b"LANG")

_variables: tuple[dict[bytes, bytes], list[Variable]] = ({}, [])


class _Facts(NamedTuple):
    """All that a setting is made of, in the form in which the system tells it: mostly the same as for the last child, and then so is the setting."""

    status: bytes
    cwd: bytes
    limits: bytes
    nice: int
    cpus: set[int]
    environment: list[Variable]
    interpreter: list[str]
    stdout: int
    stderr: int


_last: tuple[_Facts | None, bytes] = (None, b"")


def encoded(pass_descriptor: Callable[[int], None]) -> bytes:
    """The setting a child started now is to have. Calls `pass_descriptor` for each standard stream that is not the run's own."""
    global _last
    last = _last
    facts = _of_this_process(pass_descriptor)
    if facts != last[0]:
        _last = last = facts, _made_of(facts).encode()
    return last[1]


def _of_this_process(pass_descriptor: Callable[[int], None]) -> _Facts:
    own = _agent.attach().streams
    return _Facts(
        _own_status(),
        _working_directory(),
        _shm.limits(),
        os.getpriority(os.PRIO_PROCESS, 0),
        os.sched_getaffinity(0),
        _environment(),
        [*_interpreter.command(), *_template.flags()],
        _stream(1, own[0], pass_descriptor),
        _stream(2, own[1], pass_descriptor),
    )


def _made_of(facts: _Facts) -> Setting:
    status = dict(line.split(":\t", 1) for line in os.fsdecode(facts.status).splitlines() if ":\t" in line)
    uid, euid = (int(part) for part in status["Uid"].split()[:2])
    gid, egid = (int(part) for part in status["Gid"].split()[:2])
    return Setting(
        cwd=facts.cwd,
        umask=int(status["Umask"], 8),
        environment=facts.environment,
        limits=[Limit(each, _soft_limit(resource.getrlimit(each)[0])) for each in _RESOURCES],
        nice=facts.nice,
        cpus=sorted(facts.cpus),
        blocked=[each for each in _signals(status["SigBlk"]) if each != signal.SIGTERM],  # terminate() is to end it
        ignored=_signals(status["SigIgn"]),
        uid=uid,
        euid=euid,
        gid=gid,
        egid=egid,
        groups=[int(group) for group in status["Groups"].split()],
        stdin=NULL,
        stdout=facts.stdout,
        stderr=facts.stderr,
        exec=_differs(status),
        interpreter=facts.interpreter,
        rights=_rights.of_status(status),
    )


def startup_variables(environment: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """The variables of an environment that count when an interpreter starts."""
    return {name: value for name, value in environment.items() if name.startswith(_STARTUP)}


def _own_status() -> bytes:
    """What /proc tells of this thread, without what is never the same twice: states, memory, pending signals, switches."""
    file = os.open("/proc/thread-self/status", os.O_RDONLY | os.O_CLOEXEC)
    try:
        status = os.read(file, _USUAL)
        while len(status) % _USUAL == 0 and (more := os.read(file, _USUAL)):  # a user of many groups
            status += more
    finally:
        os.close(file)
    parts = ((b"\nUmask:", b"\nState:"), (b"\nTracerPid:", b"\nVmPeak:"), (b"\nSigBlk:", b"\nCpus_allowed:"))
    return b"".join(status[status.find(first) : status.find(end)] for first, end in parts)


def _working_directory() -> bytes:
    try:
        return os.getcwdb()
    except FileNotFoundError:
        return b"/proc/%d/cwd" % os.getpid()  # it was deleted; the child is in it all the same


def _environment() -> list[Variable]:
    global _variables
    environment: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]
    if _variables[0] != environment:
        _variables = dict(environment), [Variable(name, value) for name, value in environment.items()]
    return _variables[1]


def _soft_limit(soft: int) -> int:
    return _UNLIMITED if soft == resource.RLIM_INFINITY else soft


def _signals(mask: str) -> list[int]:
    bits = int(mask, 16)
    return [number for number in range(1, 65) if bits >> (number - 1) & 1]


def _differs(status: dict[str, str]) -> bool:
    """Would a worker forked from the warm interpreter differ from this process in what only a start of its own can set?"""
    startup = _agent.startup()
    if status.get("TracerPid", "0") != "0" or not startup.credentials:
        return True
    changed = [key for key, value in startup.credentials.items() if _now(status, key, value) != value]
    for key, what in (("Seccomp", "seccomp filter"), ("NSpid", "pid namespace")):
        if key in changed:
            raise PermissionError(
                f"this process entered a {what} of its own after the run began, and workers would not be in it: start the program (or the run) inside it"
            )
    if changed:
        return True
    environment: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]
    if environment is startup.environment or environment == startup.environment:
        return False
    return startup_variables(environment) != startup_variables(startup.environment)


def _now(status: dict[str, str], key: str, before: str) -> str:
    if key == "NSpid":
        return str(len(status.get(key, "").split()))
    return " ".join(status.get(key, before).split())


def _stream(descriptor: int, own: tuple[int, int] | None, pass_descriptor: Callable[[int], None]) -> int:
    now = _agent.stream_of(descriptor)
    if now is None:
        return NULL
    if now == own:
        return RUN_OWN
    pass_descriptor(descriptor)
    return PASSED
