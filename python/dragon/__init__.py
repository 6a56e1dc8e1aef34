"""Dragon: Python's own multiprocessing on a run-time of shared memory that survives kill -9.

    import dragon
    import multiprocessing as mp

    if __name__ == "__main__":
        mp.set_start_method("dragon")

Importing this package registers the start method and nothing else: no process starts, no descriptor opens, and a program that then chooses another
start method finds multiprocessing as it was. The run-time starts at the first use of one of its objects.
"""

import sys as _sys

# This file is read by older Pythons and by others than CPython, too, so it uses nothing that those lack.
if _sys.version_info < (3, 9) or _sys.implementation.name != "cpython":
    raise ImportError(
        "Dragon needs CPython 3.9 or newer; this is %s %s (%s)"  # noqa: UP031
        % (_sys.implementation.name, _sys.version.split()[0], _sys.executable),
        name="dragon",
    )

from dragon import context as _context

TYPE_CHECKING = False  # as typing's, whose import would cost more than all of this package's
if TYPE_CHECKING:
    from typing import Any

    from dragon.connection import ListenerGone
    from dragon.context import DragonContext
    from dragon.futures import ProcessPoolExecutor
    from dragon.pool import InitializerFailed, WorkerDied
    from dragon.synchronize import Lock, OwnerDied, RLock

__version__ = "0.1.0"
version = __version__

__all__ = [
    "InitializerFailed",
    "ListenerGone",
    "Lock",
    "OwnerDied",
    "ProcessPoolExecutor",
    "RLock",
    "WorkerDied",
    "get_context",
    "set_pid_style",
    "version",
]

_LAZY = {
    "InitializerFailed": "dragon.pool",
    "ListenerGone": "dragon.connection",
    "Lock": "dragon.synchronize",
    "OwnerDied": "dragon.synchronize",
    "ProcessPoolExecutor": "dragon.futures",
    "RLock": "dragon.synchronize",
    "WorkerDied": "dragon.pool",
}

_context.register()


def get_context() -> "DragonContext":
    """The context of the start method "dragon": `multiprocessing.get_context("dragon")`."""
    return _context.use()


def set_pid_style(style: str) -> None:
    """What `Process.pid` and `ident` show in this process and in those it starts: "dragon", the run-time's 64-bit id, or "os", the operating system's pid.

    The environment variable DRAGON_PID sets the same. `Process.os_pid` is the operating system's always.
    """
    from dragon import _identity

    _identity.set_style(style)


def __getattr__(name: str) -> "Any":
    import importlib

    if name == "names":
        return importlib.import_module("dragon.names")
    if name == "_shm":
        import os

        if "DRAGON_AGENT" not in os.environ:  # else it goes with the agent, or is refused by it
            from dragon import _build

            _build.check()
        try:
            return importlib.import_module("dragon._shm")
        except ImportError as error:
            from dragon import _unbuilt

            raise _unbuilt.extension(error) from None
    module = _LAZY.get(name)
    if module is not None:
        return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
