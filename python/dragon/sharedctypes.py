"""Values and arrays of ctypes in shared memory: `multiprocessing.sharedctypes` on Dragon's memory and locks.

They are multiprocessing's own objects but for this: they can be pickled at any time, to any process of the run, and outlive their maker.
"""

from __future__ import annotations

import ctypes
import weakref
from multiprocessing import sharedctypes as stock
from typing import TYPE_CHECKING, Any

from dragon.context import use
from dragon.heap import BufferWrapper, arrived, export

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

__all__ = ["Array", "RawArray", "RawValue", "Value", "copy", "synchronized"]

_stock: Any = stock  # for what its type stubs do not tell


def RawValue(typecode_or_type: Any, *args: Any) -> Any:
    """A ctypes object in shared memory, without a lock."""
    value = _new(_type(typecode_or_type))
    value.__init__(*args)
    return value


def RawArray(typecode_or_type: Any, size_or_initializer: Any) -> Any:
    """A ctypes array in shared memory, without a lock: of so many zeros, or of the items of a sequence."""
    kind = _type(typecode_or_type)
    if isinstance(size_or_initializer, int):
        return _new(kind * size_or_initializer)
    array = _new(kind * len(size_or_initializer))
    array.__init__(*size_or_initializer)
    return array


def Value(typecode_or_type: Any, *args: Any, lock: Any = True, ctx: BaseContext | None = None) -> Any:
    """A ctypes object in shared memory; with `lock`, an RLock unless it is a lock of your own, each access takes it."""
    return _locked(RawValue(typecode_or_type, *args), lock, ctx)


def Array(typecode_or_type: Any, size_or_initializer: Any, *, lock: Any = True, ctx: BaseContext | None = None) -> Any:
    """A ctypes array in shared memory; with `lock`, an RLock unless it is a lock of your own, each access takes it."""
    return _locked(RawArray(typecode_or_type, size_or_initializer), lock, ctx)


def copy(obj: Any) -> Any:
    """A copy of a ctypes object, in shared memory."""
    made = _new(type(obj))
    ctypes.pointer(made)[0] = obj
    return made


def synchronized(obj: Any, lock: Any = None, ctx: BaseContext | None = None) -> Any:
    """A wrapper of a ctypes object whose accesses take `lock`, by default a new RLock."""
    assert not isinstance(obj, stock.SynchronizedBase), "object already synchronized"
    return _wrapper(obj)(obj, lock, ctx or use())


class SynchronizedBase(stock.SynchronizedBase):  # type: ignore[type-arg]
    """A ctypes object in shared memory and the lock that goes with it."""

    _obj: Any
    _lock: Any

    def __reduce__(self) -> tuple[Any, ...]:
        if not hasattr(self._obj, "_wrapper"):
            return synchronized, (self._obj, self._lock)
        return _synchronized, (
            *reduce_ctype(self._obj)[1],
            self._lock,
        )  # whose pickling is not left to pickle: it would copy


class Synchronized(SynchronizedBase, stock.Synchronized):  # type: ignore[type-arg]
    """One with a `value`."""


class SynchronizedArray(SynchronizedBase, stock.SynchronizedArray):  # type: ignore[type-arg]
    """An array."""


class SynchronizedString(SynchronizedArray, stock.SynchronizedString):
    """An array of characters, with `value` and `raw`."""


# The wrapper of each structure: its fields are properties that take the lock.
class_cache: weakref.WeakKeyDictionary[type, type] = weakref.WeakKeyDictionary()


def _wrapper(obj: Any) -> Any:
    if isinstance(obj, ctypes._SimpleCData):
        return Synchronized
    if isinstance(obj, ctypes.Array):
        return SynchronizedString if obj._type_ is ctypes.c_char else SynchronizedArray
    kind = type(obj)
    found = class_cache.get(kind)
    if found is None:
        fields = {field[0]: _stock.make_property(field[0]) for field in kind._fields_}
        found = class_cache[kind] = type("Synchronized" + kind.__name__, (SynchronizedBase,), fields)
    return found


def _locked(obj: Any, lock: Any, ctx: BaseContext | None) -> Any:
    if lock is False:
        return obj
    if lock in (True, None):
        lock = (ctx or use()).RLock()
    if not hasattr(lock, "acquire"):
        raise AttributeError(f"{lock!r} has no method 'acquire'")
    return synchronized(obj, lock, ctx)


def _type(typecode_or_type: Any) -> Any:
    return _stock.typecode_to_type.get(typecode_or_type, typecode_or_type)


def _new(kind: Any) -> Any:
    return rebuild(kind, BufferWrapper(ctypes.sizeof(kind)), None)


def rebuild(kind: Any, wrapper: BufferWrapper, length: int | None) -> Any:
    """The ctypes object that lies in the wrapper's memory; with a length, an array of `kind`."""
    return _stock.rebuild_ctype(kind, wrapper, length)


def reduce_ctype(obj: Any) -> tuple[Any, ...]:
    """How a ctypes object in shared memory is pickled."""
    handle = export(obj._wrapper)
    if isinstance(obj, ctypes.Array):
        return _raw, (obj._type_, handle, obj._length_)
    return _raw, (type(obj), handle, None)


def _raw(kind: Any, handle: tuple[Any, ...], length: int | None) -> Any:
    return rebuild(kind, arrived(handle), length)


def _synchronized(kind: Any, handle: tuple[Any, ...], length: int | None, lock: Any) -> Any:
    return synchronized(_raw(kind, handle, length), lock)
