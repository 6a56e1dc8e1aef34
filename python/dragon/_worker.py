"""What a forked child does before, while and after it runs a user's process: it becomes what `spawn` would have made of a fresh interpreter."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # its functions without signal's enumerations, which each child would have to touch
import atexit
import ctypes
import gc
import io
import os
import pickle
import resource
import sys
import types
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, NoReturn

from dragon import _agent, _control, _main_code, _setting, _shm, popen

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from dragon import _encoded

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

    import dragon._listener
    import dragon.managers
    import dragon.pool
    import dragon.queues
    import dragon.synchronize

    dragon.get_context()
    _main_code.use()


def learn_main(payload: bytes) -> bool:
    """Done by the zygote: the next child of the same program finds its code compiled. Tells whether there was something to learn."""
    main = popen.Birth(*pickle.loads(payload)).main
    return main is not None and _main_code.learn(main)


def die_with_parent(parent: int) -> None:
    """Has the kernel kill this process when its parent dies; it kills itself now if the parent is dead already."""
    _libc.prctl(PR_SET_PDEATHSIG, _signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), _signal.SIGKILL)


class Home(NamedTuple):
    """What every child of a zygote inherits of the run."""

    address: str
    run_id: bytes
    startup: _agent.Startup


class Plan:
    """What a child does to have a setting, worked out once by the zygote for all children that are to have the same.

    Credentials are the zygote's: where they have to differ, the zygote itself was started with others.
    """

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        setting = self.setting = _control.Setting.decode(raw)
        self.environment = {variable.name: variable.value for variable in setting.environment}
        self.limits = [(limit.resource, _allowed(limit)) for limit in setting.limits]
        self.limits = [(which, soft) for which, soft in self.limits if soft != resource.getrlimit(which)[0]]
        self.nice = setting.nice if os.getpriority(os.PRIO_PROCESS, 0) != setting.nice else None
        cpus = set(setting.cpus)
        self.cpus = cpus if cpus and os.sched_getaffinity(0) != cpus else None
        possible = _signal.valid_signals()  # without those the C library keeps for itself
        self.ignored = [number for number in setting.ignored if number in possible]
        self.ignored = [number for number in self.ignored if _signal.getsignal(number) != _signal.SIG_IGN]
        self.blocked = [number for number in setting.blocked if number in possible]

    def prepare(self) -> None:
        """Done by the zygote itself, whose own environment serves only its children."""
        _be_in(self.environment)

    def carry_out(self) -> None:
        """Done by the child."""
        setting = self.setting
        os.umask(setting.umask)
        for which, soft in self.limits:
            resource.setrlimit(which, (soft, resource.getrlimit(which)[1]))
        if self.nice is not None:
            os.setpriority(os.PRIO_PROCESS, 0, self.nice)
        if self.cpus is not None:
            os.sched_setaffinity(0, self.cpus)
        if setting.cwd:
            os.chdir(setting.cwd)
        # Dispositions as a fresh interpreter has them: its own for SIGINT (and SIGPIPE, SIGXFSZ), ignored where the parent ignores, else the default.
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
        for number in self.ignored:
            _signal.signal(number, _signal.SIG_IGN)


def run(request: _encoded.Fork, descriptors: list[int], home: Home, plan: Plan) -> NoReturn:
    """Becomes the process that was asked for, runs it, and ends."""
    if request.setting != plan.raw:
        plan = Plan(request.setting)
        plan.prepare()
    setting = plan.setting
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
        os.close(descriptor)
    popen.inherited[:] = descriptors[3:]
    own = tuple(
        _agent.stream_of(descriptor) if choice == _setting.RUN_OWN else None
        for descriptor, choice in ((1, setting.stdout), (2, setting.stderr))
    )
    _shm.adopt(request.client)
    place = _agent.Place(os.getpid(), _control.Hello.WORKER, home.run_id, request.process_id, request.client, own)  # type: ignore[arg-type]
    _agent.be_worker(home.address, place, home.startup)
    plan.carry_out()
    gc.enable()
    _signal.pthread_sigmask(_signal.SIG_SETMASK, plan.blocked)
    _end(_run_process(request.payload))


def _allowed(limit: _control.Limit) -> int:
    """A soft limit, as far as the hard one lets it."""
    hard = resource.getrlimit(limit.resource)[1]
    soft = resource.RLIM_INFINITY if limit.soft == 0xFFFFFFFFFFFFFFFF else limit.soft
    if hard != resource.RLIM_INFINITY and (soft == resource.RLIM_INFINITY or soft > hard):
        return hard
    return soft


def _be_in(environment: dict[bytes, bytes]) -> None:
    here = os.environb
    for name in [name for name in here if name not in environment]:
        del here[name]
    for name, value in environment.items():
        if here.get(name) != value:
            here[name] = value


def _run_process(payload: bytes) -> int:
    """The user's process, from its pickle to its exit code, as multiprocessing.spawn does it."""
    from multiprocessing import process, spawn

    _fresh_main()
    _line_by_line()
    source: BinaryIO = io.BytesIO(payload)
    current = process.current_process()
    try:
        current._inheriting = True  # type: ignore[attr-defined]
        try:
            birth = popen.Birth(*pickle.load(source))
            _take_birth(birth)
            if birth.arguments is not None:
                source = _open_arguments(popen.inherited[birth.arguments])
            preparation = pickle.load(source)
            _spare_a_search(preparation.get("init_main_from_path", ""))
            spawn.prepare(preparation)
            mine: BaseProcess = pickle.load(source)
            source.close()
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


def _open_arguments(descriptor: int) -> BinaryIO:
    os.lseek(descriptor, 0, os.SEEK_SET)
    return open(descriptor, "rb")


def _spare_a_search(path: str) -> None:
    """Tells runpy that a source file is no archive that a module could be found in."""
    if path.endswith(".py"):
        sys.path_importer_cache.setdefault(path, None)


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
