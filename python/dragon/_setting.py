"""What a new process takes from its parent at start(): the parent's own setting as it is now, and whether the warm interpreter can serve it."""

from __future__ import annotations

import os
import resource
import signal
from multiprocessing import spawn, util
from typing import Callable

from dragon import _agent, _rights, _template
from dragon._control import Limit, Setting, Variable

RUN_OWN, PASSED, NULL = 0, 1, 2  # where a standard stream of the child goes

_UNLIMITED = 0xFFFFFFFFFFFFFFFF
_RESOURCES = range(16)  # RLIM_NLIMITS of Linux
# A variable that an interpreter or its loader looks at when it starts: another value needs another start.
_STARTUP = (b"PYTHON", b"LD_", b"MALLOC_", b"LC_", b"GLIBC_TUNABLES", b"LANG")

_variables: tuple[dict[bytes, bytes], list[Variable]] = ({}, [])
_last: tuple[Setting, bytes] = (Setting(), b"")
_flags: list[str] | None = None


def encoded(pass_descriptor: Callable[[int], None]) -> bytes:
    """The setting a child started now is to have. Calls `pass_descriptor` for each standard stream that is not the run's own."""
    global _last
    setting = _of_this_process(pass_descriptor)
    if setting != _last[0]:
        _last = setting, setting.encode()
    return _last[1]


def _of_this_process(pass_descriptor: Callable[[int], None]) -> Setting:
    status = _own_status()
    setting = Setting(
        cwd=_working_directory(),
        umask=int(status["Umask"], 8),
        environment=_environment(),
        limits=[Limit(each, _soft_limit(each)) for each in _RESOURCES],
        nice=os.getpriority(os.PRIO_PROCESS, 0),
        cpus=sorted(os.sched_getaffinity(0)),
        blocked=[each for each in _signals(status["SigBlk"]) if each != signal.SIGTERM],  # terminate() is to end it
        ignored=_signals(status["SigIgn"]),
        groups=[int(group) for group in status["Groups"].split()],
        stdin=NULL,
        exec=_differs(status),
        interpreter=[*interpreter(), *_template.flags()],
        rights=_rights.of_status(status),
    )
    setting.uid, setting.euid = (int(part) for part in status["Uid"].split()[:2])
    setting.gid, setting.egid = (int(part) for part in status["Gid"].split()[:2])
    own = _agent.attach().streams
    setting.stdout = _stream(1, own[0], pass_descriptor)
    setting.stderr = _stream(2, own[1], pass_descriptor)
    return setting


def interpreter() -> list[str]:
    """The executable and the flags this program's workers run with."""
    global _flags
    executable = spawn.get_executable()
    if executable is None:
        raise OSError(
            "the path of the Python interpreter is not known (sys.executable is empty): set it with multiprocessing.set_executable()"
        )
    if _flags is None:
        _flags = util._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [os.fsdecode(executable), *_flags]


def startup_variables(environment: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """The variables of an environment that count when an interpreter starts."""
    return {name: value for name, value in environment.items() if name.startswith(_STARTUP)}


def _own_status() -> dict[str, str]:
    with open("/proc/thread-self/status") as status:
        return dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)


def _working_directory() -> bytes:
    try:
        return os.getcwdb()
    except FileNotFoundError:
        return b""  # it was removed; the child starts where its zygote is


def _environment() -> list[Variable]:
    global _variables
    environment: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]
    if _variables[0] != environment:
        _variables = dict(environment), [Variable(name, value) for name, value in environment.items()]
    return _variables[1]


def _soft_limit(which: int) -> int:
    soft = resource.getrlimit(which)[0]
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
