"""The objects take what the standard library's take, by the same names: every public call of each is held beside that of the same object of `fork`."""

from __future__ import annotations

import ctypes
import inspect
import multiprocessing as mp
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection, sharedctypes, synchronize
from multiprocessing import pool as stock
from typing import Any, Callable

import dragon.synchronize
import pytest

# What ours take more, at the end, as (call of ours, further parameters).
MORE = {
    "Semaphore.release": ["n"],
    "BoundedSemaphore.release": ["n"],
    "DragonContext.Pool": ["retries"],
    "ProcessPoolExecutor.__init__": ["retries"],
    "ProcessPoolExecutor.map": ["more", "buffersize"],
}

MAKERS: dict[str, Callable[[Any], Any]] = {
    "lock": lambda ctx: ctx.Lock(),
    "rlock": lambda ctx: ctx.RLock(),
    "semaphore": lambda ctx: ctx.Semaphore(),
    "bounded semaphore": lambda ctx: ctx.BoundedSemaphore(),
    "condition": lambda ctx: ctx.Condition(),
    "event": lambda ctx: ctx.Event(),
    "joinable queue": lambda ctx: ctx.JoinableQueue(),
    "simple queue": lambda ctx: ctx.SimpleQueue(),
    "value": lambda ctx: sharedctypes.synchronized(ctypes.c_int(), ctx=ctx),
    "array": lambda ctx: sharedctypes.synchronized((ctypes.c_int * 2)(), ctx=ctx),
    "characters": lambda ctx: sharedctypes.synchronized((ctypes.c_char * 2)(), ctx=ctx),
    "context": lambda ctx: ctx,
}


def parameters(call: Any) -> list[tuple[str, Any, Any]]:
    """Names, kinds and defaults."""
    return [(each.name, each.kind, each.default) for each in inspect.signature(call).parameters.values()]


def compare(ours: Any, theirs: Any, names: list[str]) -> None:
    """Fails where ours takes something else."""
    for name in names:
        call = f"{getattr(ours, '__name__', type(ours).__name__)}.{name}"
        there, here = parameters(getattr(theirs, name)), parameters(getattr(ours, name))
        more = [each for each in here if each[0] in MORE.get(call, ()) and each not in there]
        assert [each for each in here if each not in more] == there, call


def public(thing: Any) -> list[str]:
    """The calls that users know; of exceptions, nothing is to be seen."""
    calls = {name: getattr(thing, name) for name in dir(thing) if not name.startswith("_")}
    errors = (name for name, call in calls.items() if inspect.isclass(call) and issubclass(call, BaseException))
    return sorted({name for name, call in calls.items() if callable(call)}.difference(errors))


@pytest.mark.parametrize("kind", MAKERS)
def test_every_call_takes_what_it_takes_there(ctx: Any, kind: str) -> None:
    ours, theirs = MAKERS[kind](ctx), MAKERS[kind](mp.get_context("fork"))
    compare(ours, theirs, public(theirs))


def test_so_do_those_of_connections(ctx: Any) -> None:
    (ours, other), (theirs, another) = ctx.Pipe(), mp.get_context("fork").Pipe()
    compare(ours, theirs, public(theirs))
    for each in (ours, other, theirs, another):
        each.close()


def test_so_do_those_of_a_pool_and_its_results(ctx: Any) -> None:
    with ctx.Pool(1) as pool:
        compare(type(pool), stock.Pool, ["__exit__", *public(stock.Pool)])
        results = (
            pool.apply_async(abs, (1,)),
            pool.map_async(abs, [1]),
            pool.imap(abs, [1]),
            pool.imap_unordered(abs, [1]),
        )
        for result, name in zip(results, ("ApplyResult", "MapResult", "IMapIterator", "IMapUnorderedIterator")):
            theirs = getattr(stock, name)
            compare(type(result), theirs, public(theirs))
        pool.close()
        pool.join()


def test_so_do_those_of_a_barrier_and_a_process(ctx: Any) -> None:
    compare(dragon.synchronize.Barrier, synchronize.Barrier, public(synchronize.Barrier))
    compare(ctx.Process, mp.Process, ["__init__", *public(mp.Process)])


def test_so_do_those_of_an_executor() -> None:
    names = ["__init__", "__exit__", *public(ProcessPoolExecutor)]
    compare(dragon.ProcessPoolExecutor, ProcessPoolExecutor, names)


def test_what_a_lock_does_not_take_is_named_as_there(ctx: Any) -> None:
    acquire: Any = ctx.Lock().acquire
    with pytest.raises(TypeError, match=r"acquire\(\) got an unexpected keyword argument 'blocking'"):
        acquire(blocking=False)
    with pytest.raises(TypeError, match=r"acquire\(\) takes at most 2 arguments \(3 given\)"):
        acquire(True, 1, 2)
    with pytest.raises(TypeError, match=r"argument for acquire\(\) given by name \('block'\) and position \(1\)"):
        acquire(True, block=True)
    assert acquire.__doc__.startswith("Takes it")


def test_a_listener_has_accepted_nobody_at_first(ctx: Any) -> None:
    ctx.Event()
    with connection.Listener() as listener:
        assert listener.last_accepted is None
