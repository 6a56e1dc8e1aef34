"""The code of a user's program, which each worker runs as `__mp_main__`: compiled once, by the zygote, for all workers to come.

It stands for the file only as long as that is unchanged; what cannot be read or compiled is left to the worker, which says so. The plain modules of the standard
library that the program names are imported with it: they hold nothing of a user's, and start no thread.
"""

from __future__ import annotations

import importlib
import os
import sys
import types

_MOST = 16  # programs
_NO_MAIN = ("ipython", "ipython.py")  # multiprocessing does not run it again

_NAMES = """
argparse array ast base64 bisect bz2 calendar cmath collections configparser contextlib copy csv ctypes dataclasses datetime decimal difflib
enum fnmatch fractions functools glob gzip hashlib heapq hmac inspect io itertools json logging lzma math numbers operator pathlib pprint queue
random re secrets select selectors shlex shutil socket statistics string struct subprocess tempfile textwrap timeit traceback types typing
urllib.parse uuid warnings weakref zipfile zlib
"""
_PLAIN = frozenset(_NAMES.split())

_known: dict[str, tuple[tuple[int, ...], types.CodeType]] = {}


def learn(path: str) -> bool:
    """Compiles a program if that is not done yet; tells whether it was."""
    try:
        stamp = _stamp(path)
        if path in _known and _known[path][0] == stamp:
            return False
        if len(_known) >= _MOST:
            _known.clear()
        with open(path, "rb") as source:
            code = compile(source.read(), path, "exec", dont_inherit=True)
        if _stamp(path) != stamp or os.path.basename(path) in _NO_MAIN:
            return False
        _known[path] = stamp, code
        folder = os.path.dirname(path)
        for name in _PLAIN.intersection(code.co_names):
            own = os.path.join(folder, name.partition(".")[0])
            if not os.path.exists(own + ".py") and not os.path.exists(own):  # else it may be a module of the program's
                importlib.import_module(name)
    except Exception:
        return False
    return True


def run(path: str) -> bool:
    """Makes the main module of a program that is known and unchanged, as the fresh `__main__` and `__mp_main__`; False if it is not known."""
    known = _known.get(path)
    if known is None or known[0] != _stamp(path):
        return False
    main = types.ModuleType("__mp_main__")
    main.__dict__.update(__file__=path, __cached__=None, __package__="")
    sys.modules["__main__"] = sys.modules["__mp_main__"] = main
    before = sys.argv[:1]
    sys.argv[:1] = [path]  # while it runs, as runpy has it
    try:
        exec(known[1], main.__dict__)
    finally:
        sys.argv[:1] = before
    return True


def can_be_imported() -> bool:
    """Will a new process have what `__main__` has here? It runs the same file, or imports the same module."""
    main = sys.modules.get("__main__")
    name = getattr(getattr(main, "__spec__", None), "name", None)
    if sys.flags.interactive or hasattr(sys, "ps1") or name == "__main__" or (name or "").endswith(".__main__"):
        return False
    return name is not None or not _is_no_file(getattr(main, "__file__", None) or "<>")


def _is_no_file(path: str) -> bool:
    """Is it a name like `<stdin>`, which Python gives to a program that did not come from a file?"""
    name = os.path.basename(path)
    return name.startswith("<") and name.endswith(">")


def _stamp(path: str) -> tuple[int, ...]:
    status = os.stat(path)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
