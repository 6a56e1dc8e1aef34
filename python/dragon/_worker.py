"""What a forked child does before, while and after it runs a user's process: it becomes what `spawn` would have made of a fresh interpreter."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # its functions without signal's enumerations, which each child would have to touch
import atexit
import contextlib
import gc
import importlib
import io
import os
import pickle
import resource
import sys
import types
from multiprocessing import process, resource_tracker, util
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from dragon import _agent, _control, _guard, _preparation, _rights, _setting, _shm, popen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.process import BaseProcess


def preload() -> None:
    """Does, once for all workers, what each would do at its start: imports, above all. Not more: each page of it costs every fork."""
    with _tempfile_later():
        import dragon.queues
        import dragon.synchronize

    dragon.get_context()
    _be_nobody()
    _line_by_line()
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)  # the children's; a zygote ignores it


class _Names:
    """As the names of temporary files, each from a sequence of its own."""

    def __next__(self) -> str:
        import tempfile

        name: str = next(tempfile._RandomNameSequence())  # type: ignore[attr-defined]
        return name


@contextlib.contextmanager
def _tempfile_later() -> Iterator[None]:
    """For modules of multiprocessing that need it only to make up names: with it come a dozen libraries, and `random`, which is to be seeded in each child."""
    name = "tempfile"
    if name in sys.modules:
        yield
        return
    later: Any = types.ModuleType(name)
    later._RandomNameSequence = _Names
    later.__getattr__ = lambda attribute: getattr(importlib.import_module(name), attribute)
    sys.modules[name] = later
    try:
        yield
    finally:
        del sys.modules[name]


Streams = tuple[_agent.Stream, _agent.Stream]


class Home(NamedTuple):
    """What every child of a zygote inherits of the run."""

    address: str
    run_id: bytes
    startup: _agent.Startup
    streams: Streams


class Known:
    """What the next children are likely to be told: what the last one was."""

    def __init__(self, streams: Streams) -> None:
        self.streams = streams
        self.plan = Plan(b"", streams)
        self.told = b""
        self._preparation: _preparation.Preparation | None = None

    def learn(self, setting: bytes, preparation: bytes) -> None:
        """Done by the zygote when it was asked for something else."""
        if setting != self.plan.raw:
            self.plan = Plan(setting, self.streams)
            self.plan.prepare()
        if preparation != self.told:
            self._preparation = _preparation.learn(preparation)
            self.told = preparation

    def preparation(self) -> _preparation.Preparation:
        """What a child was told that was told the same."""
        return self._preparation or _preparation.Preparation(self.told)


class Plan:
    """What a child does to have a setting, worked out once by the zygote for all children that are to have the same.

    Credentials are the zygote's: where they have to differ, the zygote itself was started with others.
    """

    def __init__(self, raw: bytes, run: Streams) -> None:
        self.raw = raw
        setting = self.setting = _control.Setting.decode(raw)
        self.environment = {variable.name: variable.value for variable in setting.environment}
        self.limits = [(limit.resource, _allowed(limit)) for limit in setting.limits]
        self.limits = [(which, soft) for which, soft in self.limits if soft != resource.getrlimit(which)[0]]
        self.rights = setting.rights if setting.rights not in (None, _rights.own()) else None
        self.nice = setting.nice if os.getpriority(os.PRIO_PROCESS, 0) != setting.nice else None
        self.cwd = setting.cwd
        cpus = set(setting.cpus)
        self.cpus = cpus if cpus and os.sched_getaffinity(0) != cpus else None
        possible = _signal.valid_signals()  # without those the C library keeps for itself
        self.ignored = [number for number in setting.ignored if number in possible]
        self.ignored = [number for number in self.ignored if _signal.getsignal(number) != _signal.SIG_IGN]
        self.blocked = sum(1 << number - 1 for number in setting.blocked if number in possible)
        # Those of the run's own streams that the child has as its own.
        own = _setting.RUN_OWN
        self.streams = run[0] if setting.stdout == own else None, run[1] if setting.stderr == own else None

    def prepare(self) -> None:
        """Done by the zygote itself, whose own environment and umask serve only its children."""
        _be_in(self.environment)
        os.umask(self.setting.umask)

    def carry_out(self) -> None:
        """Done by the child."""
        for which, soft in self.limits:
            resource.setrlimit(which, (soft, resource.getrlimit(which)[1]))
        if self.nice is not None:
            os.setpriority(os.PRIO_PROCESS, 0, self.nice)
        if self.cpus is not None:
            os.sched_setaffinity(0, self.cpus)
        if self.rights is not None:
            _rights.reduce_to(self.rights)
        if self.cwd:
            os.chdir(self.cwd)
        # Dispositions as a fresh interpreter has them: its own for SIGINT (and SIGPIPE, SIGXFSZ), ignored where the parent ignores, else the default.
        for number in self.ignored:
            _signal.signal(number, _signal.SIG_IGN)


def run(socket: int, home: Home, known: Known) -> NoReturn:
    """Waits for what this child is to be, becomes it, runs it, and ends."""
    plan = known.plan
    client, process_id, name, payload, setting, told, popen.inherited[:] = _shm.birth(socket, plan.raw, known.told)
    if setting is not None:
        plan = Plan(setting, home.streams)
        plan.prepare()
    _shm.adopt(client)
    place = _agent.Place(os.getpid(), _control.Hello.WORKER, home.run_id, process_id, client, plan.streams)
    _agent.be_worker(home.address, place, home.startup)
    plan.carry_out()
    gc.enable()
    _shm.block_only(plan.blocked)
    _end(_run_process(name, payload, told, known))


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


def _run_process(name: str, payload: bytes, told: bytes | None, known: Known) -> int:
    """The user's process, from its pickle to its exit code, as multiprocessing.spawn does it."""
    _reseed()
    current = process.current_process()
    try:
        current._inheriting = True  # type: ignore[attr-defined]
        try:
            current.name = name
            preparation = known.preparation() if told is None else _preparation.Preparation(told)
            preparation.take()
            if preparation.tracked:
                resource_tracker._resource_tracker._fd = popen.inherited[0]  # type: ignore[attr-defined]
            preparation.run_main()
            mine = _object(payload, name)
            _shm.note_touched()
        finally:
            del current._inheriting  # type: ignore[attr-defined]
        mine._parent_pid = preparation.parent  # type: ignore[attr-defined]
        code: int = mine._bootstrap(parent_sentinel=preparation.sentinel)  # type: ignore[attr-defined]
    except SystemExit as end:
        return _code_of(end)
    except _guard.GuardMissing as error:
        _guard.tell(error)
        return 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return code


def _object(payload: bytes, name: str) -> BaseProcess:
    """The process object, which goes by a file where it is too large to go by the agent."""
    with io.BytesIO(payload) if payload else open(popen.inherited[-1], "rb") as file:
        file.seek(0)
        try:
            mine: BaseProcess = pickle.load(file)
        except Exception as error:
            from dragon import _unpickling

            file.seek(0)
            mine = _unpickling.second_look(error, file.read(), (), f"in what the process {name} was given")
    return mine


def _reseed() -> None:
    """Where the zygote has imported `random`, which its fork did not tell of the child: no two workers draw the same numbers."""
    random = sys.modules.get("random")
    if random is not None:
        random.seed()


def _be_nobody() -> None:
    """The interpreter is as `_bootstrap` would make each child, and has an empty main module: a child that finds it so writes to fewer pages."""
    close_stdin = util._close_stdin  # type: ignore[attr-defined]

    def is_closed() -> None:
        util._close_stdin = close_stdin  # type: ignore[attr-defined]

    close_stdin()  # what is there instead reads the null device, as every child's does
    util._close_stdin = is_closed  # type: ignore[attr-defined]
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
