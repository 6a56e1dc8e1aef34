"""With which interpreter this program's workers run, and what a zygote imports for them. Apart from `_setting`, for it is asked for before anything else is: to start the run-time."""

from __future__ import annotations

import os
import sys
from multiprocessing import spawn, util

# Modules that the zygote imports for children whose parent has them: they are large, hold nothing of a user's, and start no thread.
_SHARED = (
    "concurrent.futures.process", "concurrent.futures.thread", "ctypes", "dragon._listener", "dragon._pool_worker", "dragon.managers", "logging", "multiprocessing.heap", "multiprocessing.managers",
    "multiprocessing.pool", "multiprocessing.resource_sharer", "multiprocessing.shared_memory", "multiprocessing.sharedctypes",
)  # fmt: skip
# Those of them that an object needs with whose making the run-time starts: this process is about to import them.
_POOL = "dragon._pool_worker", "multiprocessing.pool"
_NEEDED = {"Pool": _POOL, "ProcessPoolExecutor": _POOL}

_flags: list[str] | None = None


def command() -> list[str]:
    """The executable and the flags."""
    global _flags
    executable = spawn.get_executable()
    if executable is None:
        raise OSError(
            "the path of the Python interpreter is not known (sys.executable is empty): set it with multiprocessing.set_executable()"
        )
    if _flags is None:
        _flags = util._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [os.fsdecode(executable), *_flags]


def shared_modules(wanted: str = "") -> list[str]:
    """Those that this process has, or needs for the object that is wanted, and the zygote is to have, too."""
    needed = _NEEDED.get(wanted, ())
    return [name for name in _SHARED if name in sys.modules or name in needed]
