"""The zygote: a warm, single-threaded interpreter from which workers are forked.

Started by the keeper; DRAGON_AGENT names the agent's socket. Once it is ready it serves the agent in the extension (native/python/zygote.c), and runs Python only to
learn what the next workers are likely to be: their setting and their preparation. A worker that is asked for with what its zygote has learned finds it done; any other
does it for itself.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # its functions without signal's enumerations
import contextlib
import gc
import importlib
import io
import os
import sys
import threading
import types
from multiprocessing import process, util
from typing import TYPE_CHECKING, Any, NoReturn, cast

from dragon import _agent, _control, _interpreter, _shm, _template
from dragon._worker import Known, run

_process: Any = process  # for what their type stubs do not tell
_util: Any = util

if TYPE_CHECKING:
    from collections.abc import Iterator

PROTOCOL = 1


def main() -> NoReturn:
    """Runs the zygote until the agent is gone."""
    _shm.die_with(os.getppid())
    gc.disable()
    address = os.environ.pop("DRAGON_AGENT")
    _preload()
    _import_likely()
    _agent.belong_to(address)
    _template.load()
    gc.collect()
    _serve(*_hello(address))


def _preload() -> None:
    """Does, once for all workers, what each would do at its start: imports, above all. Not more: each page of it costs every fork."""
    with _tempfile_later():
        import dragon.queues
        import dragon.synchronize

    dragon.get_context()
    _be_nobody()
    _line_by_line()
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)  # the children's; a zygote ignores it


def _import_likely() -> None:
    """What the program has that starts this zygote beside its agent (`_launch`): in the meantime, instead of when it asks for its first worker."""
    for name in sys.argv[1:]:
        importlib.import_module(name)
    del sys.argv[1:]


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


class _Unborn(type(_process.current_process())):  # type: ignore[misc]
    """What `current_process()` is until the user's process object is there; it may start nothing."""

    _inheriting = True  # as `spawn` has it until then

    def _named(self) -> str:
        """Its own name in a child, as it is also for code of the user's that runs that early."""
        born = _shm.born()
        return born[3] if born is not None else self._name

    name = property(_named, _process.BaseProcess.name.fset)


_unborn = _Unborn()  # a child lets go of it, and it must not die of that: its end would write to a dozen pages


def _be_nobody() -> None:
    """The interpreter is as `_bootstrap` would make each child, and has an empty main module: a child that finds it so writes to fewer pages."""
    _util._close_stdin()  # what is there instead reads the null device, as every child's does
    main = types.ModuleType("__main__")
    main.__spec__ = None
    main.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = sys.modules["__mp_main__"] = main
    _process._current_process = _unborn
    if hasattr(threading.main_thread(), "native_id"):  # a main thread's is its process's
        type(threading.main_thread()).native_id = property(lambda _: os.getpid())  # type: ignore[assignment]


class _Noted(io.FileIO):
    """The file below a worker's stdout or stderr. The extension is told what was written: it is to be shown before others hear of what came after it."""

    def write(self, data: Any) -> int:
        count = super().write(data)
        _shm.wrote()
        return count


def _line_by_line() -> None:
    """A line leaves the process when it is complete, and is noted: what a process printed before it was killed is not lost, and not late."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, _noted(stream))
            setattr(sys, f"__{name}__", getattr(sys, name))


def _noted(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """As the interpreter has made it, but for the file below."""
    raw: Any = _Noted(stream.fileno(), "wb", closefd=False)
    raw.name = stream.name
    buffered = raw if isinstance(stream.buffer, io.RawIOBase) else io.BufferedWriter(raw)
    made: Any = io.TextIOWrapper(
        buffered, stream.encoding, stream.errors, "\n", line_buffering=True, write_through=stream.write_through
    )
    made.mode = "w"
    return cast(io.TextIOWrapper, made)


def _hello(address: str) -> tuple[int, _agent.Place]:
    """Tells the agent what this interpreter is, and maps the memory. Returns the connection, and the place in the run that its children will have."""
    from dragon import _build

    connection = _agent.Connection(address)
    connection.send(_control.Frame(1, _control.ZygoteHello(PROTOCOL, _interpreter.command(), _build.jar())), ())
    try:
        welcome, memory = connection.welcomed()
    except OSError as error:
        sys.exit(f"dragon: the agent refused this zygote: {error}")
    _shm.map(memory)
    os.close(memory)
    startup = _agent.Startup(dict(os.environb), _agent.credentials())
    streams = (_agent.stream_of(1), _agent.stream_of(2))
    return connection.detach(), _agent.worker_place(address, welcome.run_id, streams, startup)


def _serve(agent: int, place: _agent.Place) -> NoReturn:
    known = Known(place)
    while True:
        gc.freeze()
        gc.enable()  # for the children: the zygote itself makes no objects until it returns
        try:
            ready = known.ready
            news = _shm.zygote(agent, known.likely)
            if len(news) != 2:
                run(news, known, ready)
        except BaseException:  # a child never returns to the zygote, whatever happens
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        gc.disable()
        known.learn(*news)


if __name__ == "__main__":
    from dragon._zygote import main as real_main  # this module's own copy would be another one

    real_main()
