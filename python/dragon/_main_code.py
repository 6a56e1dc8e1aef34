"""The code of a user's program, which each worker runs as `__mp_main__`: compiled once, by the zygote, for all workers to come.

It stands for the file only as long as that is unchanged; what cannot be read or compiled is left to the worker, which says so. The plain modules of the standard
library that the program names are imported with it: they hold nothing of a user's, and start no thread.
"""

from __future__ import annotations

import importlib
import os
import runpy
from typing import Any

_MOST = 16  # programs

_NAMES = """
argparse array ast base64 bisect bz2 calendar cmath collections configparser contextlib copy csv ctypes dataclasses datetime decimal difflib
enum fnmatch fractions functools glob gzip hashlib heapq hmac inspect io itertools json logging lzma math numbers operator pathlib pprint queue
random re secrets select selectors shlex shutil socket statistics string struct subprocess tempfile textwrap timeit traceback types typing
urllib.parse uuid warnings weakref zipfile zlib
"""
_PLAIN = frozenset(_NAMES.split())

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
        found = _compile("__mp_main__", path) if _takes_name else _compile(path)
        _known[path] = stamp, found
        folder = os.path.dirname(path)
        for name in _PLAIN.intersection((found[0] if _takes_name else found).co_names):
            own = os.path.join(folder, name.partition(".")[0])
            if not os.path.exists(own + ".py") and not os.path.exists(own):  # else it may be a module of the program's
                importlib.import_module(name)
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
