"""Which part of an object cannot be pickled: found after pickling failed, by pickling it once more in Python and looking where that was when it failed.

The error of the first time is raised, with the way to the culprit in its message: `cannot pickle '_thread.lock' object (obj.cfg.log._lock; obj is a app.Task)`.
"""

from __future__ import annotations

import functools
import pickle
import time
from types import BuiltinMethodType, CellType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Callable, Union

from dragon import _handle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What an object is called, or what finds, in a way to a culprit, the object that has a name: its name and where it is.
Name = Union[str, Callable[[list[Any]], tuple[str, int]]]

_PATIENCE = 2.0  # seconds of processor time; the search in an object larger than that is given up
_DEEPEST = 200  # objects within one another


class _GivenUp(Exception):
    """The object is too large or too deep to be searched."""


class _Nowhere:
    def write(self, data: Any) -> None:
        pass


_Pickler: Any = pickle._Pickler  # pickle's own in Python, which can be watched

# What pickle in C can do by itself. The table of the one in Python is not asked: libraries (dill) teach it more, and it would not fail where the other did.
_DISPATCH = {
    type(None): "none", bool: "bool", int: "long", float: "float", bytes: "bytes", bytearray: "bytearray", pickle.PickleBuffer: "picklebuffer", str: "str",
    tuple: "tuple", list: "list", dict: "dict", set: "set", frozenset: "frozenset", FunctionType: "global", type: "type",
}  # fmt: skip


class Tracer(_Pickler):  # type: ignore[misc]
    """A pickler that writes nothing; after it failed, `way` holds the objects it was in, from the outermost to the culprit."""

    dispatch = {kind: getattr(_Pickler, f"save_{name}") for kind, name in _DISPATCH.items()}

    def __init__(self, reducers: Mapping[type, Any]) -> None:
        super().__init__(_Nowhere(), 5, buffer_callback=lambda buffer: False)
        self.dispatch_table = reducers
        self.way: list[Any] = []
        self._until = time.thread_time() + _PATIENCE
        self._count = 0

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        self._count += 1
        if len(self.way) >= _DEEPEST or (self._count % 1024 == 0 and time.thread_time() > self._until):
            raise _GivenUp
        self.way.append(obj)
        super().save(obj, save_persistent_id)
        self.way.pop()


def explained(error: Exception, tracer: Tracer, thing: Any, name: Name, hint: str = "") -> Exception:
    """The error that pickling raised, having been told where it was raised and what helps."""
    if isinstance(error, RecursionError):
        return _told(error, f"{_first(name)} holds objects too deep within one another; see sys.setrecursionlimit")
    return _told(error, *_place(tracer, thing, name, hint))


def of_main(tracer: Tracer, thing: Any, name: Name, hint: str) -> Exception | None:
    """The error for what pickle takes for a part of a `__main__` that only this process has; None if there is no such part."""
    error = _try(tracer, thing)
    return _told(error, _path(tracer.way, name), hint) if isinstance(error, pickle.PicklingError) else None


def _place(tracer: Tracer, thing: Any, name: Name, hint: str) -> list[str]:
    error = _try(tracer, thing)
    if error is None or isinstance(error, (_GivenUp, RecursionError)):
        return [f"somewhere in {_first(name)}"]
    code = isinstance(tracer.way[-1], (type, FunctionType, MethodType))
    try:
        return [_path(tracer.way, name), hint if code else ""]
    except Exception:  # of the user's object, which was asked what it consists of
        return [f"somewhere in {_first(name)}"]


def _try(tracer: Tracer, thing: Any) -> Exception | None:
    before = _handle.exported
    try:
        tracer.dump(thing)
    except Exception as error:
        return error.with_traceback(None)  # whose frames would hold the user's object until the next collection
    finally:
        _handle.take_back(before)
    return None


def _told(error: Exception, *words: str) -> Exception:
    """The same error with more words. One that is not made of a text keeps its own, and gets a cause that has the others."""
    text = "; ".join(word for word in words if word)
    if len(error.args) == 1 and str(error) == error.args[0]:
        error.args = (f"{error.args[0]} ({text})",)
    elif error.__cause__ is None:
        error.__cause__ = pickle.PicklingError(f"cannot be pickled: {text}")
    return error


def _first(name: Name) -> str:
    return name if isinstance(name, str) else "it"


def _path(way: list[Any], name: Name) -> str:
    """The way as an expression, and what kind of object it begins with."""
    text, at = (name, 0) if isinstance(name, str) else name(way)
    root = begin = None
    while at < len(way) - 1:
        if root is None and type(way[at]) not in (tuple, list, dict):
            root, begin = type(way[at]), text
        at, step = _step(way, at)
        text += step
    return text if root is None else f"{text}; {begin} is a {root.__module__}.{root.__qualname__}"


def _step(way: list[Any], at: int) -> tuple[int, str]:
    """From an object of the way to the next one that has a name in it. In between may be what pickle made of it: a state, arguments of a constructor."""
    parts = list(_parts(way[at]))
    for further in range(at + 1, len(way)):
        for step, part in parts:
            if part is way[further]:
                return further, step
    own_state = "__getstate__" if isinstance(way[at + 1], dict) else "__reduce__"
    return at + 1, "" if isinstance(way[at], (tuple, dict, list)) else f".{own_state}()"


def _parts(thing: Any) -> Iterator[tuple[str, Any]]:
    """What an object consists of, and how one gets there from it."""
    kind = type(thing)
    yield ".__class__", kind
    if isinstance(thing, dict):
        for key, value in thing.items():
            yield f"[{_short(key)}]", value
            yield f".keys() {_short(key)}", key
    elif isinstance(thing, tuple) and hasattr(kind, "_fields"):
        yield from ((f".{name}", value) for name, value in zip(kind._fields, thing))
    elif isinstance(thing, (list, tuple, set, frozenset)) or kind.__module__ == "collections":
        yield from ((f"[{index}]", each) for index, each in enumerate(thing))
    elif isinstance(thing, FunctionType):
        yield from _parts_of_function(thing)
    elif isinstance(thing, CellType):
        yield "", thing.cell_contents
    elif isinstance(thing, MethodType):
        yield from ((".__self__", thing.__self__), (".__func__", thing.__func__))
    elif isinstance(thing, BuiltinMethodType):
        yield ".__self__", thing.__self__
    elif isinstance(thing, functools.partial):
        yield from ((".func", thing.func), (".args", thing.args), (".keywords", thing.keywords))
    elif isinstance(thing, BaseException):
        yield ".args", thing.args
    yield from ((f".{name}", value) for name, value in getattr(thing, "__dict__", {}).items())
    for each in kind.__mro__:
        slots = each.__dict__.get("__slots__", ())
        yield from ((f".{name}", getattr(thing, name, None)) for name in ([slots] if isinstance(slots, str) else slots))


def _parts_of_function(function: FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        yield f".__closure__.{name}", cell
        try:
            yield f".__closure__.{name}", cell.cell_contents
        except ValueError:
            pass  # an empty cell
    yield from ((f".__globals__[{name!r}]", function.__globals__.get(name)) for name in function.__code__.co_names)
    yield from ((f".__defaults__[{index}]", each) for index, each in enumerate(function.__defaults__ or ()))


def _short(key: Any) -> str:
    try:
        text = repr(key)
    except Exception:
        text = f"<{type(key).__name__}>"
    return text if len(text) <= 60 else text[:57] + "..."
