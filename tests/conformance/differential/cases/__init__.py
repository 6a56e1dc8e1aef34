"""The cases, by area. A case is a call with the module `multiprocessing` as argument, of which nothing is left at its end; what it comes to is compared.

In each module: the functions it defines that take `ctx`, and those of its TABLE, by words that say what they do.
"""

from __future__ import annotations

import importlib
import inspect
import pathlib
from typing import Any, Callable


def all_of_them() -> dict[str, Callable[[Any], Any]]:
    """Every case, by its name: AREA.FUNCTION, or AREA: WORDS."""
    found: dict[str, Callable[[Any], Any]] = {}
    for file in sorted(pathlib.Path(__file__).parent.glob("[a-z]*.py")):
        module = importlib.import_module(f"cases.{file.stem}")
        for name, thing in vars(module).items():
            if inspect.isfunction(thing) and thing.__module__ == module.__name__ and name[0] != "_":
                found[f"{file.stem}.{name}"] = thing
        for words, thing in getattr(module, "TABLE", {}).items():
            found[f"{file.stem}: {words}"] = thing
    return found
