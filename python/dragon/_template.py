"""The template: a zygote that has imported what the program named by `multiprocessing.set_forkserver_preload`, so that its workers share it.

It is a zygote like the others, for an interpreter with one more option (`-X dragon_template=...`), which says what to import from where; so a program gets the same
template as long as it asks for the same. It starts where and as the first process that is to come from it would, imports, and only then says that it is ready: what goes wrong
until then, the first `start()` raises. What it must not have is a thread, which a fork would not copy.
"""

from __future__ import annotations

import marshal
import os
import sys
from typing import Any

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_OPTION = "dragon_template"
_MAIN = ("init_main_from_name", "init_main_from_path")
_TOLD = ("sys_path", "sys_argv", "orig_dir", "start_method", *_MAIN)

# In a program: what it named, and the option that stands for it. A worker's processes come from the template that the worker came from.
_names: list[str] | None = None
_option: str | None = sys._xoptions.get(_OPTION)

# In a template, and so in its workers.
_main: tuple[Any, ...] | None = None
_hooked = False
# Their hooks mend what other threads held, of which a template has none; `random` is seeded by each worker itself.
_HARMLESS = ("concurrent", "logging", "random", "threading")


def name(original: Callable[..., None], self: Any, module_names: Sequence[str], *args: Any, **kwargs: Any) -> None:
    """What `set_forkserver_preload` does once the start method is Dragon's: what it did, and this."""
    global _names, _option
    original(self, module_names, *args, **kwargs)
    if not all(type(each) is str for each in module_names):  # before Python 3.11 it looks at what was named before
        raise TypeError("module_names must be a list of strings")
    _names, _option = list(module_names), None


def take_named(known: bool) -> None:
    """Takes what was named before the start method was chosen. `known`: multiprocessing.forkserver may have been imported for something else; then its default does not count."""
    global _names
    stock: Any = sys.modules.get("multiprocessing.forkserver")
    if stock is None or _names is not None:
        return
    server = stock._forkserver
    if server._forkserver_pid is None and (not known or server._preload_modules != ["__main__"]):
        _names = list(server._preload_modules)


def flags() -> list[str]:
    """What an interpreter is told that is to be the program's template; nothing if it wants none."""
    global _option
    if _names and _option is None:
        from multiprocessing import spawn

        data: dict[str, Any] = spawn.get_preparation_data("")
        told = {key: data[key] for key in _TOLD if key in data and ("__main__" in _names or key not in _MAIN)}
        told["start_method"] = str(data["start_method"])
        _option = marshal.dumps((_names, told), 2).hex()
    return ["-X", f"{_OPTION}={_option}"] if _option else []


def load() -> None:
    """Makes this zygote a template, if that is what it was started to be. What is wrong with what it imports ends it."""
    global _hooked, _main
    if not _option:
        return
    from multiprocessing import spawn, util

    from dragon import _agent, _guard, _shm

    names, told = marshal.loads(bytes.fromhex(_option))
    spawn.prepare({key: value for key, value in told.items() if key not in _MAIN})
    register, hooks = os.register_at_fork, len(util._afterfork_registry)  # type: ignore[attr-defined]
    os.register_at_fork = _note_hooks(register)
    try:
        for each in ["__main__"] * ("__main__" in names) + [each for each in names if each != "__main__"]:
            _import(each, told)
            _refuse_threads(each)
    except _guard.GuardMissing as error:
        sys.exit(f"dragon: {error}")
    finally:
        os.register_at_fork = register
    _hooked = _hooked or _agent.attached() or len(util._afterfork_registry) > hooks  # type: ignore[attr-defined]
    util._flush_std_streams()  # type: ignore[attr-defined]
    if "__main__" in names:
        _main = _main_of(told)
    _shm.use_large_pages()


def hooked() -> bool:
    """Has a module that the template imported something to do before or after a fork? That costs each worker pages, so it is done only then."""
    return _hooked


def _note_hooks(register: Callable[..., None]) -> Callable[..., None]:
    def note(**hooks: Callable[[], object]) -> None:
        global _hooked
        if str(sys._getframe(1).f_globals.get("__name__")).partition(".")[0] not in _HARMLESS:
            _hooked = True
        register(**hooks)

    return note


def has_main(data: dict[str, Any] | None = None) -> bool:
    """Was this process born with a main module (that is the one of this preparation data)?"""
    return _main is not None and (data is None or _main == _main_of(data))


def _main_of(data: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(data.get(key) for key in _MAIN)


def _import(module: str, told: dict[str, Any]) -> None:
    import importlib

    from dragon import _main_code, _preparation

    if module == "__main__":
        _main_code.learn(told.get(_MAIN[1]) or "")
        _preparation.run_main(told)
        return
    try:
        importlib.import_module(module)
    except ImportError:
        pass  # as multiprocessing has it: each worker will see for itself


def _refuse_threads(module: str) -> None:
    """Those of a library that ends them before a fork (OpenBLAS does) do not count."""
    if _threads() == 1:
        return
    import threading
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a fork with threads, which this one is about
        child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    if _threads() > 1:
        known = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
        sys.exit(
            f"dragon: no process can be forked from what was named to set_forkserver_preload: importing {module} started a thread"
            f"{' (' + ', '.join(known) + ')' if known else ''}, which a fork does not copy. Start it only where it is used, or leave the module out"
        )


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))
