"""The context of the start method "dragon", and how it becomes one of multiprocessing's own."""

from __future__ import annotations

import functools
import os
import sys
from multiprocessing import context

from dragon import _limits  # here: nothing can be imported when descriptors are used up
from dragon._redirect import redirect
from dragon.process import DragonProcess, extend_processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from multiprocessing.context import DefaultContext
    from typing import Any, Callable

    from dragon.connection import Connection
    from dragon.managers import SyncManager
    from dragon.pool import Pool
    from dragon.queues import JoinableQueue, Queue, SimpleQueue
    from dragon.synchronize import Barrier, BoundedSemaphore, Condition, Event, Lock, RLock, Semaphore

NAME = "dragon"

# The factories of multiprocessing that give Dragon's objects when the default context is Dragon's.
_FACTORIES = (
    "Pipe", "Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "Event", "Barrier",
    "RawValue", "RawArray", "Value", "Array",
    "Queue", "JoinableQueue", "SimpleQueue", "Pool", "Manager",
)  # fmt: skip


class DragonContext(context.BaseContext):
    """As multiprocessing's other contexts; its objects live in shared memory and are made and used without the agent."""

    _name = NAME
    Process = DragonProcess

    def _check_available(self) -> None:
        """Called by multiprocessing when the method is chosen, by set_start_method or get_context."""
        _install()

    def Pipe(self, duplex: bool = True) -> tuple[Connection, Connection]:
        from dragon.connection import Pipe

        return Pipe(duplex)

    def Lock(self) -> Lock:
        from dragon.synchronize import Lock

        return Lock(ctx=self)

    def RLock(self) -> RLock:
        from dragon.synchronize import RLock

        return RLock(ctx=self)

    def Condition(self, lock: Any = None) -> Condition:
        from dragon.synchronize import Condition

        return Condition(lock, ctx=self)

    def Semaphore(self, value: int = 1) -> Semaphore:
        from dragon.synchronize import Semaphore

        return Semaphore(value, ctx=self)

    def BoundedSemaphore(self, value: int = 1) -> BoundedSemaphore:
        from dragon.synchronize import BoundedSemaphore

        return BoundedSemaphore(value, ctx=self)

    def Event(self) -> Event:
        from dragon.synchronize import Event

        return Event(ctx=self)

    def Barrier(
        self, parties: int, action: Callable[[], object] | None = None, timeout: float | None = None
    ) -> Barrier:
        from dragon.synchronize import Barrier

        return Barrier(parties, action, timeout, ctx=self)

    def Queue(self, maxsize: int = 0) -> Queue:
        from dragon.queues import Queue

        return Queue(maxsize, ctx=self)

    def JoinableQueue(self, maxsize: int = 0) -> JoinableQueue:
        from dragon.queues import JoinableQueue

        return JoinableQueue(maxsize, ctx=self)

    def SimpleQueue(self) -> SimpleQueue:
        from dragon.queues import SimpleQueue

        return SimpleQueue(ctx=self)

    def RawValue(self, typecode_or_type: Any, *args: Any) -> Any:
        from dragon.sharedctypes import RawValue

        return RawValue(typecode_or_type, *args)

    def RawArray(self, typecode_or_type: Any, size_or_initializer: Any) -> Any:
        from dragon.sharedctypes import RawArray

        return RawArray(typecode_or_type, size_or_initializer)

    def Value(self, typecode_or_type: Any, *args: Any, lock: Any = True) -> Any:
        from dragon.sharedctypes import Value

        return Value(typecode_or_type, *args, lock=lock, ctx=self)

    def Array(self, typecode_or_type: Any, size_or_initializer: Any, *, lock: Any = True) -> Any:
        from dragon.sharedctypes import Array

        return Array(typecode_or_type, size_or_initializer, lock=lock, ctx=self)

    def Manager(self) -> SyncManager:
        from dragon.managers import SyncManager

        manager = SyncManager(ctx=self)
        manager.start()
        return manager

    def Pool(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
        *,
        retries: int = 0,
    ) -> Pool:
        from dragon.pool import Pool

        return Pool(processes, initializer, initargs, maxtasksperchild, self, retries=retries)


def _in_the_run(original: Callable[..., Any]) -> Callable[..., Any]:
    """A factory that has the run-time start first, and whose error names the limit where no descriptor is left for that, or for the modules it is the first to need."""

    @functools.wraps(original)
    def factory(self: DragonContext, *args: Any, **kwargs: Any) -> Any:
        try:
            begin(original.__name__)
            return original(self, *args, **kwargs)
        except (ImportError, OSError) as error:
            told = _limits.of_import(error, original.__name__)
            if told is None:
                raise
            raise told from None

    return factory


for _name_of in _FACTORIES:
    setattr(DragonContext, _name_of, _in_the_run(vars(DragonContext)[_name_of]))
del _name_of

_the_context = DragonContext()
_installed = False
_stock_named = (
    "multiprocessing.forkserver" in sys.modules
)  # else whoever imports it from here on does so by set_forkserver_preload
_begun = False


def register() -> None:
    """Makes "dragon" one of the start methods that multiprocessing knows."""
    context._concrete_contexts[NAME] = _the_context  # type: ignore[attr-defined]
    redirect("get_all_start_methods", context.DefaultContext.get_all_start_methods, _all_start_methods)


def use() -> DragonContext:
    """The context, ready to be used."""
    _install()
    return _the_context


def is_default() -> bool:
    """Is Dragon the start method that `multiprocessing`'s own names stand for?"""
    default: Any = context._default_context
    return default._actual_context is _the_context


def begin(wanted: str = "") -> None:
    """Has the run-time start, if it has not, while this process imports what it needs for the object that was asked for."""
    global _begun
    if not _begun:
        _begun = True
        if "dragon._agent" not in sys.modules and "DRAGON_AGENT" not in os.environ:
            from dragon import _runtime

            _runtime.begin(wanted)


def _install() -> None:
    """What has to be told to multiprocessing itself, once somebody chose the method. Harmless to other methods used beside it."""
    global _installed
    if not _installed:
        if "DRAGON_PID" in os.environ:
            from dragon import _identity

            _identity.style()  # now, if it is none: not when somebody first asks for a pid
        for name in _FACTORIES:
            redirect(name, vars(context.BaseContext)[name], _factory(name))
        redirect("spawn", context.SpawnProcess._Popen, _start_fresh)
        redirect("forkserver", context.ForkServerProcess._Popen, _start_fresh)
        extend_processes()
        from dragon import _stock, _template

        redirect("set_forkserver_preload", context.BaseContext.set_forkserver_preload, _template.name)
        _template.take_named(_stock_named)
        _stock.redirect_modules()
        _installed = True


def _start_fresh(original: Callable[..., Any], process_obj: Any) -> Any:
    """A process of another start method, in an interpreter that is told the default method before it can know it: the telling makes it known."""
    from multiprocessing import spawn

    redirect("preparation", spawn.get_preparation_data, _preparation)
    return original(process_obj)


def _preparation(original: Callable[..., dict[str, Any]], name: str) -> dict[str, Any]:
    data = original(name)
    if data.get("start_method") == NAME:
        data = {"dragon": _Place(), **data, "start_method": _Name(NAME)}
    return data


class _Place:
    """Where this package lies: who unpickles it finds the package there. A program may have put that into its own `sys.path`, which a child takes on too late."""

    def __reduce__(self) -> tuple[Any, ...]:
        import runpy

        from dragon import _place

        return (runpy.run_path, (_place.__file__,)) if os.path.isfile(_place.__file__) else (str, ())


class _Name(str):
    """The name of the start method; who unpickles it knows the method, and where its parent's run is."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        agent = sys.modules.get("dragon._agent")
        return _name, (agent.address() if agent is not None else None,)


def _name(address: str | None) -> str:
    if address is not None:
        from dragon import _agent

        _agent.belong_to(address)
    return NAME


def _factory(name: str) -> Callable[..., Any]:
    def decide(original: Callable[..., Any], self: context.BaseContext, *args: Any, **kwargs: Any) -> Any:
        actual = self.get_context()
        if isinstance(actual, DragonContext) and self is not actual:
            return getattr(actual, name)(*args, **kwargs)
        return original(self, *args, **kwargs)

    return decide


def _all_start_methods(original: Callable[..., list[str]], self: DefaultContext) -> list[str]:
    return [*original(self), NAME]
