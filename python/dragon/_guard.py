"""A program without `if __name__ == "__main__":`. Each worker imports the program's file, and must not do there what the program itself does: it would start workers, too.

multiprocessing refuses that in each worker, in words for its own authors. Here it is told once in a run, for all of its workers, with the line that lacks the guard.
"""

from __future__ import annotations

import os
import sys
from multiprocessing import spawn
from multiprocessing.context import DefaultContext

_REFUSALS = (DefaultContext.set_start_method.__code__, spawn._check_not_importing_main.__code__)  # type: ignore[attr-defined]
_NAME = "dragon: the guard that is missing"  # what stands for it among the run's names


class GuardMissing(RuntimeError):
    """The program does when it is imported what only the program itself may do; the text names the line."""


def missing(error: RuntimeError) -> GuardMissing | None:
    """What `error`, raised while the program was imported, means; None if it is none of this."""
    import linecache
    import traceback

    frames = list(traceback.walk_tb(error.__traceback__))
    if not frames or frames[-1][0].f_code not in _REFUSALS:
        return None
    where = "the program"
    for frame, line in frames:
        if frame.f_globals.get("__name__") == "__mp_main__" and frame.f_code.co_name == "<module>":
            path = frame.f_code.co_filename
            where = f"{os.path.basename(path)}, line {line} ({linecache.getline(path, line).strip()})"
    return GuardMissing(
        f"{where}: each worker imports this file and comes by here, where only the program itself may. "
        'Put this line, and all that is for the program alone, under\n    if __name__ == "__main__":'
    )


def tell(error: GuardMissing) -> None:
    """Writes it to stderr, unless another worker of this run has."""
    from dragon import names

    try:
        names.publish(_NAME, str(error), keep=True)
    except names.NameTaken:
        return
    print(f"dragon: {error}", file=sys.stderr, flush=True)


def told() -> str | None:
    """What a worker of this run has told."""
    from dragon import names

    try:
        return str(names.lookup(_NAME, timeout=0))
    except names.NameUnknown:
        return None
