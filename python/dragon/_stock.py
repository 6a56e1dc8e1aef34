"""How modules of multiprocessing that programs import by themselves give Dragon's objects where Dragon is the start method.

Each function here is called once its module is imported, and only when somebody chose the method. What it redirects asks at each call whether Dragon is meant,
and imports what is needed only then.
"""

from __future__ import annotations

import sys
from importlib import import_module
from multiprocessing import context
from typing import Any, Callable

from dragon import _classes
from dragon._late import when_imported
from dragon._redirect import redirect
from dragon.context import DragonContext, begin, is_default


def redirect_modules() -> None:
    """Tells the modules that are imported, and those that will be."""
    for act in (heap, sharedctypes, shared_memory, managers, connection, queues, synchronize, pool):
        when_imported("multiprocessing." + act.__name__, act)
    when_imported("concurrent.futures.process", executor)


def heap() -> None:
    """`BufferWrapper(size)` makes one of Dragon's."""
    stock: Any = sys.modules["multiprocessing.heap"]

    def make(original: Callable[..., None], self: Any, size: int) -> None:
        if type(self) is stock.BufferWrapper and is_default():
            self.__class__ = _ours("heap").BufferWrapper
            self.__init__(size)
        else:
            original(self, size)

    redirect("heap.BufferWrapper", stock.BufferWrapper.__init__, make)


def sharedctypes() -> None:
    """The functions make Dragon's values, and any value on Dragon's memory is pickled as those are."""
    stock: Any = sys.modules["multiprocessing.sharedctypes"]

    def pickle(original: Callable[..., Any], obj: Any) -> Any:
        ours = type(obj._wrapper).__module__ == "dragon.heap"
        return _ours("sharedctypes").reduce_ctype(obj) if ours else original(obj)

    redirect("sharedctypes.reduce_ctype", stock.reduce_ctype, pickle)
    for name in stock.__all__:
        redirect("sharedctypes." + name, getattr(stock, name), _factory(name))


def shared_memory() -> None:
    """`SharedMemory`, and what is derived from it, is a segment of Dragon's memory; `ShareableList` is made of it."""
    stock: Any = sys.modules["multiprocessing.shared_memory"]

    def make(original: Callable[..., None], self: Any, *args: Any, **kwargs: Any) -> None:
        (_ours("shared_memory").SharedMemory.__init__ if is_default() else original)(self, *args, **kwargs)

    def unlink(original: Callable[..., None], self: Any) -> None:
        (_ours("shared_memory").SharedMemory.unlink if "_segment" in vars(self) else original)(self)

    redirect("SharedMemory", stock.SharedMemory.__init__, make)
    redirect("SharedMemory.unlink", stock.SharedMemory.unlink, unlink)


def managers() -> None:
    """A `SharedMemoryManager` needs no resource tracker, and its process is one of those that keep a segment's name."""
    stock: Any = sys.modules["multiprocessing.managers"]

    def make(original: Callable[..., None], self: Any, *args: Any, **kwargs: Any) -> None:
        (stock.BaseManager.__init__ if is_default() else original)(self, *args, **kwargs)

    def register(original: Callable[..., None], self: Any, segment_name: str) -> None:
        if is_default():
            stock.shared_memory.SharedMemory(segment_name).close()
        original(self, segment_name)

    redirect("SharedMemoryManager", stock.SharedMemoryManager.__init__, make)
    redirect("register_segment", stock._SharedMemoryTracker.register_segment, register)


def connection() -> None:
    """`Pipe()`, unless multiprocessing makes one for itself, or for another start method."""
    stock: Any = sys.modules["multiprocessing.connection"]

    def make(original: Callable[..., Any], duplex: bool = True) -> Any:
        caller = (
            sys._getframe(3).f_globals.get("__name__") or ""
        )  # this, `follow`, the redirected function, who called it
        if is_default() and not caller.startswith("multiprocessing."):
            return _ours("connection").Pipe(duplex)
        return original(duplex)

    redirect("connection.Pipe", stock.Pipe, make)


def queues() -> None:
    """The classes, which take a context, and those that are derived from them."""
    for name in ("Queue", "JoinableQueue", "SimpleQueue"):
        _classes.lead("queues", name, _classes.of_context)


def synchronize() -> None:
    """Likewise."""
    for name in ("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Barrier"):
        _classes.lead("synchronize", name, _classes.of_context)


def pool() -> None:
    """`Pool`, and what is derived from it; and what a program that adds a call to it, as is usual for a starmap that goes on as an imap, makes by itself."""
    _classes.lead("pool", "Pool", _classes.of_pool)
    _classes.lead("pool", "IMapIterator", _classes.of_result, "_results")


class _ByOsPid(dict[int, Any]):
    """An executor's workers, by the pid that a worker knows of itself: it says so when it has run its last task (`max_tasks_per_child`)."""

    def __setitem__(self, pid: int, process: Any) -> None:
        super().__setitem__(process.os_pid, process)


def executor() -> None:
    """Where the executor's workers are Dragon's: it finds them by their pids, and what cannot be pickled of a task is named, as everywhere."""
    stock: Any = sys.modules["concurrent.futures.process"]
    original = stock._SafeQueue._on_queue_feeder_error

    def make(original: Callable[..., None], self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if isinstance(self._mp_context, DragonContext):
            self._processes = _ByOsPid()

    redirect("ProcessPoolExecutor", stock.ProcessPoolExecutor.__init__, make)

    def tell(self: Any, e: Exception, obj: Any) -> None:
        if isinstance(obj, stock._CallItem) and type(self._rlock).__module__ == "dragon.synchronize":
            from dragon import _culprit, _message, _pool_worker

            task = obj.fn, obj.args, obj.kwargs
            e = _culprit.explained(e, _culprit.Tracer(_message.reducers()), task, _pool_worker.part)
        original(self, e, obj)

    stock._SafeQueue._on_queue_feeder_error = tell  # it is asked for at each call, by nobody else


def _factory(name: str) -> Callable[..., Any]:
    def decide(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        ctx = kwargs.get("ctx")
        if isinstance(ctx, DragonContext) or (ctx in (None, context._default_context) and is_default()):
            return getattr(_ours("sharedctypes"), name)(*args, **kwargs)
        return original(*args, **kwargs)

    return decide


def _ours(name: str) -> Any:
    """Dragon's module of that name, for an object that was asked for."""
    begin()
    return import_module("dragon." + name)
