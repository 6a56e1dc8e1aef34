"""A zygote that is asked often tidies its memory once, so that its children write to fewer of the pages that they share with it: each of those is copied, for each child."""

from __future__ import annotations

import gc
import os
import pickle
import sys
import types
from typing import Any

from dragon import _shm

# Bytes: pymalloc keeps small objects of one size together in pools.
_POOL = 16384 if sys.version_info >= (3, 10) else 4096
_POOLS_HEADER = 48
_LARGEST = 512  # of the small objects
_MOST = 1024  # objects that fill up the pools of one size

_ENOUGH = 64 << 20  # bytes to be moved: the children that are there keep the old ones

_fillers: list[Any] = []


def up() -> None:
    """Done once, before many more are born."""
    _look_up()
    if not (os.environ.get("PYTHONMALLOC") or sys.flags.dev_mode):
        _fill_up()
    _look_up_again()
    _shm.use_large_pages(_ENOUGH)


def _look_up() -> None:
    """Has the interpreter look up what the methods of a worker's classes look up: it remembers where it found it, in a table of its own."""
    from multiprocessing import context

    from dragon import queues, synchronize

    modules: tuple[Any, ...] = context, queues, synchronize, _shm
    for each in {thing for module in modules for thing in vars(module).values() if isinstance(thing, type)}:
        members = [member for base in each.__mro__[:-1] for member in vars(base).items()]
        names = {name for name, _ in members}
        names.update(name for _, member in members if hasattr(member, "__code__") for name in member.__code__.co_names)
        for name in names:
            getattr(each, name, None)


def _look_up_again() -> None:
    """The same for the few that every worker looks up: they come last, since the table has one place for several names."""
    from multiprocessing import context, process

    from dragon import _payload, _worker, queues, synchronize

    functions: tuple[Any, ...] = _worker.run, _worker._live, _worker._end, _payload.read
    names = {name for function in functions for name in function.__code__.co_names}
    wanted: list[tuple[type, Any]] = [
        (types.ModuleType, names),
        (type(process.current_process()), names),
        (context.Process, names | _payload._PLAIN),
        (pickle.Pickler, ("persistent_id", "reducer_override")),
        (pickle.Unpickler, ("persistent_load", "find_class")),
    ]
    wanted += [
        (each, ("__setstate__",)) for each in (queues.Queue, queues.SimpleQueue, synchronize.Event, synchronize.Lock)
    ]
    for each, attributes in wanted:
        for name in attributes:
            getattr(each, name, None)


def _fill_up() -> None:
    """Fills the holes that freed objects left: a child's new objects then lie side by side in new pools, instead of in a hole here and there."""
    gc.collect()  # with what the interpreter keeps of freed objects
    for size in range(16, _LARGEST + 1, 16):
        for _ in range(_MOST):
            filler = _of_size(size)
            if (id(filler) - _POOLS_HEADER) % _POOL == 0:
                break  # the first of a new pool, which goes back
            _fillers.append(filler)


def _of_size(size: int) -> Any:
    """A new object that takes so many bytes, or up to 15 fewer."""
    if size == 16:
        return object()
    return float(size + len(_fillers)) if size == 32 else bytes(size - sys.getsizeof(b""))
