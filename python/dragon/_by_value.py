"""Objects that plain pickle cannot send: functions and classes that other processes cannot import travel by value, by cloudpickle, if it is installed.

Those are lambdas, closures and local classes; and whatever a notebook, an interactive session, `python -c` or standard input defined in a `__main__` that no
other process can import. Of a `__main__` that is a file, what has a name there goes by this name, as ever: classes stay the same in all processes.
"""

from __future__ import annotations

import collections
import io
import pickle
import sys
from types import FunctionType
from typing import Any

from dragon import _culprit, _handle, _main_code, _message

_HINT = "functions and classes that cannot be imported by name can be sent once cloudpickle is installed: pip install cloudpickle"

_class: Any = None


def write(
    file: Any, thing: Any, keep: Any, name: _culprit.Name, error: Exception | None, by_value: bool = True
) -> None:
    """Writes the pickle of what plain pickle failed at, or did not fail at but names what others cannot import. The error names what is at fault."""
    if isinstance(error, MemoryError):
        raise error
    cloudpickle = _cloudpickle() if by_value and not isinstance(error, RecursionError) else None
    if cloudpickle is None:
        try:
            return _write_plain(file, thing, keep, name, error, _HINT if by_value else "")
        finally:
            error = None  # else it and this frame would hold each other
    before = _handle.exported
    try:
        _pickler(cloudpickle)(file, 5, buffer_callback=keep).dump(thing)
    except Exception as second:
        _handle.take_back(before)
        raise _culprit.explained(second, _tracer(cloudpickle), thing, name) from second.__cause__
    return None


def _write_plain(file: Any, thing: Any, keep: Any, name: _culprit.Name, error: Exception | None, hint: str) -> None:
    try:
        if error is not None:
            raise _culprit.explained(error, _culprit.Tracer(_message.reducers()), thing, name, hint)
        error = _culprit.of_main(_MainTracer(_message.reducers()), thing, name, hint)
        if error is not None:
            raise error
    finally:
        error = None
    _message.Pickler(file, 5, buffer_callback=keep).dump(thing)  # it names nothing of `__main__`, but holds that text


def _cloudpickle() -> Any:
    try:
        import cloudpickle
    except ImportError:
        return None
    return cloudpickle


def _pickler(cloudpickle: Any) -> Any:
    """cloudpickle's pickler, with multiprocessing's reducers, which passes by name what has a name that others know."""
    global _class
    if _class is None:
        table = dict(cloudpickle.CloudPickler.dispatch_table)
        table.pop(io.TextIOWrapper, None)  # an open file is refused as ever, not copied

        class ByValue(cloudpickle.CloudPickler):  # type: ignore[misc]
            dispatch_table = collections.ChainMap(table, _message.reducers())

            def reducer_override(self, thing: Any) -> Any:
                return NotImplemented if _is_known(thing) else super().reducer_override(thing)

        _class = ByValue
    return _class


def _is_known(thing: Any) -> bool:
    """Is it a function or class of a `__main__` that others can import, and found there?"""
    if (
        not isinstance(thing, (type, FunctionType))
        or thing.__module__ != "__main__"
        or not _main_code.can_be_imported()
    ):
        return False
    found: Any = sys.modules["__main__"]
    for name in thing.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is thing


class _MainTracer(_culprit.Tracer):
    """Fails at what belongs to `__main__`."""

    def save_global(self, thing: Any, name: str | None = None) -> None:
        if getattr(thing, "__module__", None) == "__main__":
            raise pickle.PicklingError(
                f"no other process can import {thing!r}: it is defined in a session, not in a file"
            )
        super().save_global(thing, name)


_MainTracer.dispatch = {
    **_culprit.Tracer.dispatch,
    FunctionType: _MainTracer.save_global,
}


def _tracer(cloudpickle: Any) -> Any:
    """As the pickler of `_pickler`, in Python."""
    real = _pickler(cloudpickle)

    class ByValueTracer(_culprit.Tracer):
        globals_ref: dict[int, Any] = {}

        def reducer_override(self, thing: Any) -> Any:
            return NotImplemented if _is_known(thing) else cloudpickle.CloudPickler.reducer_override(self, thing)

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name).__get__(self)

    return ByValueTracer(real.dispatch_table)
