"""What a forked child does: it becomes what `spawn` would have made of a fresh interpreter, runs the user's process, and ends.

What it costs is not its time: Python code that only looks at an object writes its count of references, and the kernel copies the page it lies in, for each child anew. So the zygote
does all that is the same for its next children (`Known`), and a child's own way is short and has few functions.
"""

from __future__ import annotations

import atexit
import functools
import os
import sys
import threading
from multiprocessing import context, process, resource_tracker, util
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, NoReturn, Optional

from dragon import _guard, _payload, _plan, _preparation, _shm, _template, _tidy, popen

if TYPE_CHECKING:
    from dragon import _agent

# As `_shm.zygote` tells a child: name, payload, setting and preparation (None: as known), descriptors.
Birth = tuple[str, bytes, Optional[bytes], Optional[bytes], list[int]]

_context: Any = context  # for what their type stubs do not tell
_process: Any = process
_threading: Any = threading
_util: Any = util

# Straight at hand for `run`, which would touch a name and a module to get at each.
_read = _payload.read
_note_touched = _shm.note_touched
_stock_class = _context.Process
_stock_bootstrap = _process.BaseProcess._bootstrap
_threads, _new_threads, _thread_exits = _threading._active, _threading._limbo, _threading._threading_atexits
_finalizers = _util._finalizer_registry


class Ready(NamedTuple):
    """What a child finds done. It is told as one tuple: to unpack it touches less than to look up an attribute."""

    parent_id: int  # as `pid` shows it
    parent: Any  # what `parent_process()` is; its name comes with the child's process object
    authkey: Any  # of its process object
    run_main: Callable[[], None] | None  # what makes the main module, where it is not there
    seed: (
        Callable[[], None] | None
    )  # seeds `random`, where that is imported: the fork did not tell it of the child, and no two workers are to draw the same numbers
    hooked: bool


class Known:
    """What the next children are likely to be told: what the last one was. What of it can be done before they are forked, the zygote has done."""

    def __init__(self, place: _agent.Place) -> None:
        self._place = place
        self._streams = place.streams  # the run's own
        self.plan = _plan.Plan(b"", self._streams)
        self.told = b""
        self._preparation: _preparation.Preparation | None = None
        self.ready: Ready | None = None  # where a child is told nothing else
        self.likely = self.plan.raw, self.told, self.plan.folder, self.plan.blocked, _template.hooked()

    def learn(self, setting: bytes, told: bytes) -> None:
        """Done by the zygote when it was asked for something else, or comes back because it is asked often."""
        if (setting, told) == (self.plan.raw, self.told):
            _tidy.up()
        if setting != self.plan.raw:
            self.plan = _plan.Plan(setting, self._streams)
            self.plan.prepare()
            self._place.streams = self.plan.streams
        if told != self.told:
            self._preparation = _preparation.learn(told)
            self.told = told
        told_all = self._preparation is not None and not self._preparation.tracked
        self.ready = self._ready() if told_all and not self.plan.left else None
        self.likely = self.plan.raw, self.told, self.plan.folder, self.plan.blocked, _template.hooked()

    def catch_up(self, birth: Birth) -> Ready:
        """Done by a child that was told something else, or that has to do more than the zygote could."""
        _, _, setting, told, descriptors = birth
        plan = self.plan
        if setting is not None:
            plan = _plan.Plan(setting, self._streams)
            self._place.streams = plan.streams
            if plan.folder:
                os.chdir(plan.folder)
            plan.prepare()
        plan.carry_out()
        popen.inherited[:] = descriptors
        if setting is not None:
            _shm.block_only(plan.blocked)
        if told is not None or self._preparation is None:
            self._preparation = _preparation.Preparation(self.told if told is None else told)
            self._preparation.take()
        if self._preparation.tracked:
            resource_tracker._resource_tracker._fd = descriptors[0]  # type: ignore[attr-defined]
        return self._ready()

    def _ready(self) -> Ready:
        told = self._preparation
        assert told is not None
        parent = _process._ParentProcess("", told.parent, told.sentinel)
        authkey = _process.current_process()._config["authkey"]
        run_main = None if told.has_main() else told.run_main
        return Ready(told.parent, parent, authkey, run_main, _seeding(), _template.hooked())


def _seeding() -> Callable[[], None] | None:
    """What seeds the generator behind the functions of `random`: as its own `seed`, which does it in a dozen steps, each with an object that a child would touch."""
    random: Any = sys.modules.get("random")
    if random is None:
        return None
    if type(random._inst) is not random.Random:
        return random.seed  # type: ignore[no-any-return]
    random._inst.gauss_next = None
    return functools.partial(super(random.Random, random.Random).seed, random._inst)


def run(birth: Birth, known: Known, ready: Ready | None) -> NoReturn:
    """Becomes what this child was born to be, runs it, and ends: `spawn`'s `_main` and `BaseProcess._bootstrap`, of which most is done already."""
    name, payload, setting, told, descriptors = birth
    code = 1
    try:
        if ready is None or setting is not None or told is not None or descriptors:
            ready = known.catch_up(birth)
        parent_id, parent, authkey, run_main, seed, hooked = ready
        if seed is not None:
            seed()
        if run_main is not None:
            run_main()
        payload = payload or _from_file()
        try:
            mine = _read(payload, authkey)
        except Exception as error:
            mine = _read(payload, authkey, _second_look(error, name))
        payload = b""  # a large one goes here, not at the end of the process
        mine._parent_pid = parent_id
        if type(mine) is not _stock_class:
            _as_its_class_wants(mine, parent)
        _process._current_process = mine
        _process._parent_process = parent
        parent._name = mine._parent_name
        if hooked:
            _finalizers.clear()
            _util._run_after_forkers()
        _note_touched()
        code = _live(mine)
    except SystemExit as end:
        code = _code_of(end)
    except _guard.GuardMissing as error:
        _guard.tell(error)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    _end(code)


def _from_file() -> Any:
    """The process object where it is too large to go by the agent: read where it lies, since a copy would take as much memory again."""
    import mmap

    with open(popen.inherited[-1], "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _second_look(error: Exception, name: str) -> Callable[[bytes], Any]:
    """What reads a payload that could not be read."""
    from dragon import _unpickling

    return lambda payload: _unpickling.second_look(error, payload, (), f"in what the process {name} was given")


def _as_its_class_wants(mine: Any, parent: Any) -> None:
    """A subclass may have a start method of its own, or a way of its own to begin; then that ends it, too."""
    if type(mine)._bootstrap is not _stock_bootstrap:
        _end(mine._bootstrap(parent_sentinel=parent._sentinel))
    if mine._start_method is not None:
        _context._force_start_method(mine._start_method)


def _live(mine: Any) -> int:
    """The user's part, and the end of what it left running. Returns the exit code."""
    code = 1
    try:
        try:
            if _util._logger:
                _util.info("child process calling self.run()")
            mine.run()
            code = 0
        finally:
            if _finalizers or _process._children or _util._logger:
                _util._exit_function()
            else:
                _util._exiting = True
    except SystemExit as end:
        code = _code_of(end)
    except BaseException:
        import traceback

        sys.stderr.write(f"Process {mine.name}:\n")
        traceback.print_exc()
    finally:
        if len(_threads) > 1 or _new_threads or _thread_exits:
            _threading._shutdown()
        if _util._logger:
            _util.info(f"process exiting with exitcode {code}")
    return code


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
