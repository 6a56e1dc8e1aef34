"""What a forked child does before, while and after it runs a user's process: it becomes what `spawn` would have made of a fresh interpreter."""

from __future__ import annotations

import atexit
import ctypes
import gc
import io
import os
import pickle
import resource
import signal
import sys
import types
from typing import TYPE_CHECKING, NoReturn

from dragon import _agent, _control, _setting, _shm, popen

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def preload() -> None:
    """Imports, once for all workers, what each would import at its start."""
    import multiprocessing.connection
    import multiprocessing.heap
    import multiprocessing.managers
    import multiprocessing.pool
    import multiprocessing.queues
    import multiprocessing.reduction
    import multiprocessing.resource_sharer
    import multiprocessing.sharedctypes
    import multiprocessing.spawn
    import multiprocessing.synchronize  # noqa: F401
    import pkgutil  # noqa: F401  (runpy imports it when it runs a file)
    import runpy  # noqa: F401
    import traceback  # noqa: F401

    import dragon.connection
    import dragon.pool
    import dragon.queues
    import dragon.synchronize

    dragon.get_context()


def die_with_parent(parent: int) -> None:
    """Has the kernel kill this process when its parent dies; ends it now if the parent is dead already."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def run(
    request: _control.Fork, descriptors: list[int], address: str, run_id: bytes, startup: _agent.Startup
) -> NoReturn:
    """Becomes the process that was asked for, runs it, and ends."""
    setting = request.setting
    _take_descriptors(descriptors)
    own = tuple(
        _agent.stream_of(descriptor) if choice == _setting.RUN_OWN else None
        for descriptor, choice in ((1, setting.stdout), (2, setting.stderr))
    )
    _shm.adopt(request.client)
    place = _agent.Place(os.getpid(), _control.Hello.WORKER, run_id, request.process_id, request.client, own)  # type: ignore[arg-type]
    _agent.be_worker(address, place, startup)
    _take_setting(setting)
    gc.enable()
    signal.pthread_sigmask(signal.SIG_SETMASK, setting.blocked)
    code = _run_process(request.payload)
    _end(code)


def _take_descriptors(descriptors: list[int]) -> None:
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
        os.close(descriptor)
    popen.inherited[:] = descriptors[3:]


def _take_setting(setting: _control.Setting) -> None:
    """Credentials are the zygote's: where they have to differ, the zygote itself was started with others."""
    os.umask(setting.umask)
    _take_environment(setting)
    for limit in setting.limits:
        soft = resource.RLIM_INFINITY if limit.soft == 0xFFFFFFFFFFFFFFFF else limit.soft
        now, hard = resource.getrlimit(limit.resource)
        if soft != now:
            if hard != resource.RLIM_INFINITY and (soft == resource.RLIM_INFINITY or soft > hard):
                soft = hard
            resource.setrlimit(limit.resource, (soft, hard))
    if os.getpriority(os.PRIO_PROCESS, 0) != setting.nice:
        os.setpriority(os.PRIO_PROCESS, 0, setting.nice)
    if setting.cpus and os.sched_getaffinity(0) != set(setting.cpus):
        os.sched_setaffinity(0, setting.cpus)
    if setting.cwd:
        os.chdir(setting.cwd)
    _take_signals(set(setting.ignored))


def _take_environment(setting: _control.Setting) -> None:
    wanted = {variable.name: variable.value for variable in setting.environment}
    if wanted == os.environ._data:  # type: ignore[attr-defined]
        return
    here = os.environb
    for name in [name for name in here if name not in wanted]:
        del here[name]
    for name, value in wanted.items():
        if here.get(name) != value:
            here[name] = value


def _take_signals(ignored: set[int]) -> None:
    """Dispositions as a fresh interpreter has them: its own for SIGINT, SIGPIPE and SIGXFSZ, ignored where the parent ignores, else the default."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in ignored - {signal.SIGKILL, signal.SIGSTOP}:
        if number < 32 or number >= signal.SIGRTMIN:
            signal.signal(number, signal.SIG_IGN)


def _run_process(payload: bytes) -> int:
    """The user's process, from its pickle to its exit code, as multiprocessing.spawn does it."""
    from multiprocessing import process, spawn

    _fresh_main()
    _line_by_line()
    source = io.BytesIO(payload)
    current = process.current_process()
    try:
        current._inheriting = True  # type: ignore[attr-defined]
        try:
            birth = popen.Birth(*pickle.load(source))
            _take_birth(birth)
            spawn.prepare(pickle.load(source))
            mine: BaseProcess = pickle.load(source)
        finally:
            del current._inheriting  # type: ignore[attr-defined]
        mine._parent_pid = birth.parent  # type: ignore[attr-defined]
        sentinel = popen.ParentSentinel(birth.parent_os_pid, birth.parent_started)
        code: int = mine._bootstrap(parent_sentinel=sentinel)  # type: ignore[attr-defined]
    except SystemExit as end:
        return _code_of(end)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return code


def _take_birth(birth: popen.Birth) -> None:
    from multiprocessing import resource_tracker

    from dragon import _identity

    _identity.set_style(birth.style)
    if birth.tracker is not None:
        resource_tracker._resource_tracker._fd = popen.inherited[birth.tracker]  # type: ignore[attr-defined]


def _fresh_main() -> None:
    main = types.ModuleType("__main__")
    main.__spec__ = None
    main.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = sys.modules["__mp_main__"] = main


def _line_by_line() -> None:
    """A line leaves the process when it is complete: what a process printed before it was killed is not lost."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)


def _code_of(end: SystemExit) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code
    print(end.code, file=sys.stderr)
    return 1


def _end(code: int) -> NoReturn:
    """An end in order, but for the interpreter itself, whose end would take longer than all the rest."""
    try:
        atexit._run_exitfuncs()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, ValueError, OSError):
                pass
        _shm.orderly()
        os._exit(code & 0xFF)
