"""Making a pool, its workers, its states and its end."""

from __future__ import annotations

import gc
import os
import pickle
import time
import warnings
from multiprocessing import TimeoutError, current_process
from multiprocessing import pool as stock
from typing import Any

import others
from others import add, double, nothing, pool, same
from words import calls, plain, short, told

# ---- making


def bad_sizes(ctx: Any) -> Any:
    return [told(ctx.Pool, size) for size in (0, -1)]


def odd_sizes(ctx: Any) -> Any:
    return [short(ctx.Pool, size) for size in ("2", [])]


def bad_settings(ctx: Any) -> Any:
    return (
        told(_made, ctx, 1, 5),
        told(_made, ctx, 1, "text", ()),
        told(_made, ctx, 1, maxtasksperchild=0),
        told(_made, ctx, 1, maxtasksperchild=-1),
        told(_made, ctx, 1, maxtasksperchild="1"),
        told(_made, ctx, 1, maxtasksperchild=1.0),
        told(_made, ctx, 1, frob=2),
    )


def _made(ctx: Any, *settings: Any, **named: Any) -> str:
    """Makes a pool and ends it: with settings that only its workers refuse, it makes new ones without end."""
    with ctx.Pool(*settings, **named):
        return "made"


def initializer(ctx: Any) -> Any:
    with ctx.Pool(2, _remember, (7,)) as it:
        return it.map(_recall, range(4))


_remembered: list[Any] = []


def _remember(*things: Any) -> None:
    _remembered.extend(things)


def _recall(_: Any) -> Any:
    return list(_remembered)


def initializer_given_oddly(ctx: Any) -> Any:
    with ctx.Pool(1, _remember, "ab") as it, ctx.Pool(processes=1, initializer=_remember, initargs=[1, 2]) as other:
        return it.apply(_recall, (0,)), other.apply(_recall, (0,))


def one_task_per_child(ctx: Any) -> Any:
    with ctx.Pool(1, maxtasksperchild=1) as it:
        return len({it.apply(os.getpid) for _ in range(2)})


def two_tasks_per_child(ctx: Any) -> Any:
    with ctx.Pool(1, maxtasksperchild=2) as it:
        return len(set(it.map(_getpid, range(4), 1))), len(set(it.map(_getpid, range(4), 4)))


def _getpid(_: Any) -> int:
    return os.getpid()


def workers_are_daemons(ctx: Any) -> Any:
    return pool(ctx).apply(_who)


def _who() -> Any:
    me = current_process()
    return me.daemon, plain(me.name), type(me).__name__ != "", me.is_alive()


def a_pool_in_a_worker(ctx: Any) -> Any:
    return told(pool(ctx).apply, _pool_in_worker)


def _pool_in_worker() -> Any:
    import multiprocessing

    multiprocessing.Pool(1)


def writes(ctx: Any) -> Any:
    with ctx.Pool(1) as it:
        it.apply(others.write, ("from a worker",))
        it.close()
        it.join()


# ---- states


def closed(ctx: Any) -> Any:
    it = ctx.Pool(1)
    it.close()
    seen = calls(
        it,
        ("apply", double, (1,)),
        ("apply_async", double, (1,)),
        ("map", double, [1]),
        ("map_async", double, []),
        ("imap", double, [1]),
        ("imap_unordered", double, [1]),
        ("starmap", add, [()]),
        ("imap", double, [1], 0),
        ("close",),
        ("__enter__",),
    )
    it.join()
    return seen, told(it.join), told(it.terminate), told(it.join), told(it.close), plain(repr(it))


def terminated(ctx: Any) -> Any:
    it = ctx.Pool(1)
    it.terminate()
    seen = calls(it, ("apply", double, (1,)), ("map", double, [1]), ("terminate",), ("close",), ("join",), ("__enter__",), ("join",))
    return seen, plain(repr(it))


def joined_while_running(ctx: Any) -> Any:
    with ctx.Pool(1) as it:
        return told(it.join), plain(repr(it))


def looks(ctx: Any) -> Any:
    it = ctx.Pool(2)
    seen = [plain(repr(it))]
    it.close()
    seen.append(plain(repr(it)))
    it.join()
    seen.append(plain(repr(it)))
    it.terminate()
    return [*seen, plain(repr(it)), isinstance(it, stock.Pool), type(it).__name__]


def twice_in_with(ctx: Any) -> Any:
    it = ctx.Pool(1)
    with it as entered:
        same_one = entered is it
        it.apply(nothing)
    return same_one, told(it.__enter__), told(it.apply, nothing), told(it.join), told(it.__exit__, None, None, None)


def with_and_an_error(ctx: Any) -> Any:
    with ctx.Pool(1) as it:
        it.apply(nothing)
        raise KeyError("in with")


def closed_with_work_to_do(ctx: Any) -> Any:
    it = ctx.Pool(1)
    result = it.map_async(double, range(20), 1)
    items = it.imap(double, range(20))
    it.close()
    it.join()
    return result.get(0) == [*range(0, 40, 2)], list(items) == [*range(0, 40, 2)]


def closed_in_with(ctx: Any) -> Any:
    with ctx.Pool(1) as it:
        result = it.apply_async(double, (4,))
        it.close()
        it.join()
    return result.get(0)


def terminated_with_work_to_do(ctx: Any) -> Any:
    it = ctx.Pool(1)
    it.map_async(time.sleep, [30, 30], 1)
    began = time.monotonic()
    it.terminate()
    it.join()
    return time.monotonic() - began < 20


def pickled(ctx: Any) -> Any:
    return told(pickle.dumps, pool(ctx)), told(pool(ctx).apply, same, (pool(ctx),))


def result_pickled(ctx: Any) -> Any:
    result = pool(ctx).apply_async(double, (1,))
    result.wait()
    return short(pickle.dumps, result)


def dropped_while_running(ctx: Any) -> Any:
    it = ctx.Pool(1)
    it.apply(nothing)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        it.__del__()
    it.terminate()
    it.join()
    return [(each.category.__name__, plain(str(each.message))) for each in warned]


def dropped_after_close(ctx: Any) -> Any:
    it = ctx.Pool(1)
    it.close()
    it.join()
    del it
    gc.collect()


def class_called_without_a_context(ctx: Any) -> Any:
    it = stock.Pool(1)
    with it:
        return it.apply(double, (2,)), plain(repr(it))


def class_called_with_a_context(ctx: Any) -> Any:
    with stock.Pool(1, context=ctx.get_context()) as it:
        return it.apply(double, (2,))


def offered(ctx: Any) -> Any:
    return sorted(name for name in dir(pool(ctx)) if name[0] != "_"), stock.__all__


def timeouts_are_of_multiprocessing(ctx: Any) -> Any:
    with others.Gate() as gate:
        result = pool(ctx).apply_async(gate.hold)
        try:
            result.get(0)
        except Exception as error:
            seen = (
                type(error) is TimeoutError,
                isinstance(error, ctx.ProcessError),
                error.args,
                isinstance(error, __builtins__["TimeoutError"] if isinstance(__builtins__, dict) else OSError),
            )
        gate.open()
        result.wait()
    return seen


def worker_leaves(ctx: Any) -> Any:
    """SystemExit in a task."""
    with ctx.Pool(1) as it:
        return told(it.apply_async(others.leave, (3,)).get, 5), it.apply(double, (2,))


def worker_is_interrupted(ctx: Any) -> Any:
    with ctx.Pool(1) as it:
        return told(it.apply_async(others.interrupt_me).get, 5)
