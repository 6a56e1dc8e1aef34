"""The code of a user's program, which each worker runs as `__mp_main__`: compiled once, by the zygote, for all workers to come.

It stands for the file only as long as that is unchanged; what cannot be read or compiled is left to the worker, which says so.
"""

from __future__ import annotations

import os
import runpy
from typing import Any

_MOST = 16  # programs

_module: Any = runpy
_compile = _module._get_code_from_file
_takes_name = _compile.__code__.co_argcount == 2  # before Python 3.13: the module's name, too
_known: dict[str, tuple[tuple[int, ...], Any]] = {}


def learn(path: str) -> bool:
    """Compiles a program if that is not done yet; tells whether it was."""
    try:
        stamp = _stamp(path)
        if path in _known and _known[path][0] == stamp:
            return False
        if len(_known) >= _MOST:
            _known.clear()
        _known[path] = stamp, _compile("__mp_main__", path) if _takes_name else _compile(path)
    except Exception:
        return False
    return True


def use() -> None:
    """Has runpy take code that is known."""
    _module._get_code_from_file = _take


def _take(*args: Any) -> Any:
    path = args[-1]
    known = _known.get(path)
    if known is not None and known[0] == _stamp(path):
        return known[1]
    return _compile(*args)


def _stamp(path: str) -> tuple[int, ...]:
    status = os.stat(path)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
