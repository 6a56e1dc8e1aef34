"""multiprocessing's classes when a program calls them by themselves, or derives its own from them: `multiprocessing.pool.Pool(4)`, `class Mine(multiprocessing.queues.Queue)`.

Where the context is Dragon's, an object becomes one of Dragon's as multiprocessing's `__init__` is called: of Dragon's class of that name or, if the program has derived its own, of a class made
of both, in which `super()` leads from the program's methods to Dragon's. A class that replaces or uses something private of multiprocessing's is built on that one's inside, and is left alone.
"""

from __future__ import annotations

import copyreg
import sys
from importlib import import_module
from multiprocessing import context
from typing import Any, Callable

from dragon._redirect import redirect
from dragon.context import DragonContext, begin, is_default

_both: dict[type, Any] = {}  # the program's classes, and what was made of them; None: nothing


def lead(module: str, name: str, meant: Callable[..., bool], place: str = "") -> None:
    """Has objects of multiprocessing's class be Dragon's, which lie in the module `place`; `meant` tells from the arguments of `__init__` whether they are to be."""
    stock: Any = getattr(sys.modules["multiprocessing." + module], name)
    place = "dragon." + (place or module)

    def make(original: Callable[..., None], self: Any, *args: Any, **kwargs: Any) -> None:
        kind = type(self)
        if not kind.__module__.startswith("dragon.") and meant(*args, **kwargs):
            begin(name)
            derived = kind.__module__ != stock.__module__
            ours: Any = getattr(import_module(place), name if derived else kind.__name__, None)
            found: Any = _of_both(kind, stock, ours) if derived else ours
            if found is not None and not isinstance(self, ours):
                self.__class__ = found
                vars(ours)["__init__"](self, *args, **kwargs)
                return
        original(self, *args, **kwargs)

    redirect(f"{module}.{name}", stock.__init__, make)


def of_context(*_: Any, ctx: Any = None, **__: Any) -> bool:
    """For what takes its context by the name `ctx`, and demands one."""
    return ctx is not None and isinstance(_actual(ctx), DragonContext)


def of_pool(
    processes: Any = None, initializer: Any = None, initargs: Any = (), most: Any = None, context: Any = None, **_: Any
) -> bool:
    """For a Pool, whose context may be left out."""
    return is_default() if context is None else isinstance(_actual(context), DragonContext)


def of_result(pool: Any, *_: Any) -> bool:
    """For the results of a pool."""
    return type(getattr(pool, "_dispatcher", None)).__module__ == "dragon._dispatch"


def _actual(ctx: Any) -> Any:
    return ctx.get_context() if ctx is context._default_context else ctx


def _of_both(kind: Any, stock: Any, ours: Any) -> Any:
    """The class made of a program's own and Dragon's; None: there can be none, and the program's keeps to multiprocessing's."""
    if kind not in _both:
        _both[kind] = None if _is_inside(kind, stock) else _make(kind, stock, ours)
    return _both[kind]


def _is_inside(kind: type, stock: type) -> bool:
    """Is the class built on the inside of multiprocessing's? It, or one between the two, replaces or uses something private, has slots, or belongs to the standard library."""
    between = kind.__mro__[: kind.__mro__.index(stock)]
    private = {
        name
        for each in stock.__mro__[:-1]
        for name in {*vars(each), *_used(each)}
        if name[0] == "_" and name[:2] != "__"
    }
    return any(
        each.__module__.startswith("multiprocessing.")
        or "__slots__" in vars(each)
        or not private.isdisjoint({*vars(each), *_used(each)})
        for each in between
    )


def _used(kind: type) -> set[str]:
    """The names that the methods of a class use."""
    return {name for each in vars(kind).values() if hasattr(each, "__code__") for name in each.__code__.co_names}


def _make(kind: Any, stock: type, ours: type) -> Any:
    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        made = super(both, self).__reduce_ex__(protocol)
        if isinstance(made, tuple) and made[0] is copyreg.__newobj__:  # type: ignore[attr-defined]
            return _again, (kind, stock, ours, *made[1][1:]), *made[2:]
        return made

    facts = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    both: Any = type(kind)(kind.__name__, (kind, ours), {**facts, "__reduce_ex__": __reduce_ex__})
    return both


def _again(kind: Any, stock: Any, ours: Any, *args: Any) -> Any:
    """Unpickles an object of both, whose state comes next."""
    both = _of_both(kind, stock, ours)
    return both.__new__(both, *args)
