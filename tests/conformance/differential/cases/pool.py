"""Pool, its results and its states."""

from __future__ import annotations

import functools
import itertools
import operator
from multiprocessing import pool as stock
from typing import Any

import others
from others import add, double, fail, fail_at, nothing, pool, same
from words import plain, short, told


def _broken(number: int = 2) -> Any:
    yield from range(number)
    raise KeyError("from the iterable")


def _heard(call: Any, *args: Any) -> Any:
    """What a call's callbacks are told."""
    good: list[Any] = []
    bad: list[Any] = []
    result = call(*args, callback=good.append, error_callback=lambda error: bad.append(repr(error)))
    text = told(result.get, 30)
    return text, good, bad


# ---- results


def apply(ctx: Any) -> Any:
    it = pool(ctx)
    return (it.apply(add, (1, 2), {"x": 3}), it.apply(add), told(it.apply, fail, ("x",)), told(it.apply, add, kwds={"y": 1}))


def apply_with_bad_arguments(ctx: Any) -> Any:
    it = pool(ctx)
    return (
        told(it.apply, add, 5),
        told(it.apply, 5),
        told(it.apply, "text"),
        told(it.apply),
        told(it.apply, add, (1,), 5),
        told(it.apply, add, (1,), {1: 2}),
        told(it.apply, None),
    )


def apply_async_states(ctx: Any) -> Any:
    it = pool(ctx)
    with others.Gate() as gate:
        result = it.apply_async(gate.hold)
        before = (
            told(result.successful),
            result.ready(),
            told(result.get, 0),
            told(result.get, 0.01),
            told(result.get, timeout=0.01),
            told(result.wait, 0.01),
            told(result.get, -1),
        )
        gate.open()
        result.wait()
    return (before, result.ready(), result.successful(), result.get(), result.get(timeout=0), plain(type(result).__name__))


def apply_async_fails(ctx: Any) -> Any:
    result = pool(ctx).apply_async(fail, ("x",))
    result.wait()
    return result.ready(), result.successful(), told(result.get), told(result.get, 0), told(result.wait)


def map(ctx: Any) -> Any:
    it = pool(ctx)
    return (
        it.map(double, range(5)),
        it.map(double, []),
        it.map(double, iter([1, 2])),
        it.map(double, "ab"),
        it.map(double, {1: 2}),
        it.map(double, (x for x in [3])),
    )


def map_chunks(ctx: Any) -> Any:
    it = pool(ctx)
    return [told(it.map, double, range(5), size) for size in (1, 2, 5, 100, None)]


def map_of_nothing_with_odd_chunks(ctx: Any) -> Any:
    it = pool(ctx)
    return [told(it.map, double, [], size) for size in (0, -1, 5)]


def map_fails(ctx: Any) -> Any:
    it = pool(ctx)
    return (told(it.map, fail_at, range(5)), told(it.map, fail_at, range(5), 2), told(it.map, fail_at, [2]), told(it.map, fail, [1]))


def map_with_bad_arguments(ctx: Any) -> Any:
    it = pool(ctx)
    return (
        told(it.map, double),
        told(it.map, double, 5),
        told(it.map, None, [1]),
        told(it.map, double, [1], 1, 2),
        told(it.map, double, [None]),
        told(it.map, "text", []),
    )


def map_of_a_broken_iterable(ctx: Any) -> Any:
    return told(pool(ctx).map, double, _broken()), told(pool(ctx).map_async, double, _broken())


def map_async_states(ctx: Any) -> Any:
    with others.Gate() as gate:
        result = pool(ctx).map_async(gate.hold, range(2))
        before = told(result.successful), result.ready(), told(result.get, 0.01)
        gate.open()
        return before, result.get(30), result.ready(), result.successful(), type(result).__name__


def map_async_of_nothing(ctx: Any) -> Any:
    result = pool(ctx).map_async(double, [])
    return result.ready(), result.successful(), result.get(0)


def starmap(ctx: Any) -> Any:
    it = pool(ctx)
    return (
        it.starmap(add, [(1, 2), (3,), ()]),
        told(it.starmap, add, [1]),
        it.starmap(add, ["ab"[:0]]),
        it.starmap(operator.add, zip([1, 2], [3, 4]), 1),
        told(it.starmap, fail, [("x",)]),
    )


def starmap_async(ctx: Any) -> Any:
    return _heard(pool(ctx).starmap_async, add, [(1, 2), (3, 4)]), _heard(pool(ctx).starmap_async, fail, [("x",)])


def imap(ctx: Any) -> Any:
    it = pool(ctx)
    return (
        list(it.imap(double, range(5))),
        list(it.imap(double, range(5), 2)),
        list(it.imap(double, [])),
        list(it.imap(double, [], 3)),
        list(it.imap(double, range(3), 100)),
    )


def imap_unordered(ctx: Any) -> Any:
    it = pool(ctx)
    return (sorted(it.imap_unordered(double, range(5))), sorted(it.imap_unordered(double, range(5), chunksize=2)), list(it.imap_unordered(double, [])))


def imap_bad_chunks(ctx: Any) -> Any:
    it = pool(ctx)
    return [told(it.imap, double, range(3), size) for size in (0, -1)], [told(it.imap_unordered, double, range(3), size) for size in (0, -1)]


def imap_odd_chunks(ctx: Any) -> Any:
    it = pool(ctx)
    return [short(it.imap, double, range(3), size) for size in (None, "1")]


def imap_fails(ctx: Any) -> Any:
    items = pool(ctx).imap(fail_at, range(5))
    return [told(next, items) for _ in range(6)]


def imap_unordered_fails(ctx: Any) -> Any:
    items = pool(ctx).imap_unordered(fail_at, range(5))
    return sorted(told(next, items) for _ in range(6))


def imap_states(ctx: Any) -> Any:
    with others.Gate() as gate:
        items = pool(ctx).imap(gate.hold, range(2))
        before = told(items.next, 0.01), told(items.next, timeout=0), told(items.next, -1)
        gate.open()
        return (
            before,
            items.next(30),
            items.next(timeout=30),
            told(items.next),
            told(items.next, 0),
            told(next, items),
            iter(items) is items,
            type(items).__name__,
        )


def imap_of_a_broken_iterable(ctx: Any) -> Any:
    items = pool(ctx).imap(double, _broken())
    return [told(next, items) for _ in range(5)]


def imap_of_a_broken_iterable_in_chunks(ctx: Any) -> Any:
    items = pool(ctx).imap(double, _broken(3), 2)
    return [told(next, items) for _ in range(3)]


def imap_unordered_of_a_broken_iterable(ctx: Any) -> Any:
    items = pool(ctx).imap_unordered(double, _broken())
    return sorted(told(next, items) for _ in range(3)), told(next, items)


def imap_of_what_is_no_iterable(ctx: Any) -> Any:
    return (told(lambda: list(pool(ctx).imap(double, 5))), told(pool(ctx).imap), told(lambda: list(pool(ctx).imap(double, 5, 2))))


def imap_without_end(ctx: Any) -> Any:
    with ctx.Pool(1) as it:
        items = it.imap(double, itertools.islice(itertools.count(), 100_000))
        return [next(items) for _ in range(3)]


def callbacks(ctx: Any) -> Any:
    it = pool(ctx)
    return (
        _heard(it.apply_async, double, (2,)),
        _heard(it.apply_async, fail),
        _heard(it.map_async, double, [1, 2]),
        _heard(it.map_async, fail_at, range(4), 1),
        _heard(it.map_async, double, []),
    )


def callback_that_is_none(ctx: Any) -> Any:
    return told(pool(ctx).apply_async(double, (1,), callback=None, error_callback=None).get, 30)


def result_that_cannot_be_pickled(ctx: Any) -> Any:
    it = pool(ctx)
    try:
        it.apply(others.not_out)
    except Exception as error:
        return (type(error).__name__, str(error).split("'")[0], [type(each).__name__ for each in error.args], isinstance(error, stock.MaybeEncodingError))


def result_that_is_a_lambda(ctx: Any) -> Any:
    return short(pool(ctx).apply, _make_lambda)


def _make_lambda() -> Any:
    return lambda: 1


def arguments_that_cannot_be_pickled(ctx: Any) -> Any:
    it = pool(ctx)
    return (told(it.apply, same, (others.NotOut(),)), told(it.map, same, [1, others.NotOut()], 1), told(it.apply, same, (1,)))


def imap_arguments_that_cannot_be_pickled(ctx: Any) -> Any:
    items = pool(ctx).imap(same, [1, others.NotOut(), 3])
    return [told(next, items) for _ in range(4)]


def errors_arrive(ctx: Any) -> Any:
    it = pool(ctx)
    return [
        told(it.apply, others.fail_with, (error,))
        for error in (
            KeyError("k"),
            OSError(2, "no file", "name"),
            UnicodeDecodeError("utf8", b"x", 0, 1, "bad"),
            StopIteration(5),
            others.Custom("c"),
            AssertionError(),
            ZeroDivisionError("z"),
        )
    ]


def error_with_a_cause(ctx: Any) -> Any:
    try:
        pool(ctx).apply(others.fail_from)
    except ValueError as error:
        cause = str(error.__cause__)
        return (
            type(error.__cause__).__name__,
            "KeyError: 'inner'" in cause,
            "ValueError: outer" in cause,
            "in fail_from" in cause,
            cause.startswith('\n"""\nTraceback'),
            cause.endswith('\n"""'),
            error.__context__,
            error.__traceback__ is not None,
        )


def partial_and_methods(ctx: Any) -> Any:
    it = pool(ctx)
    return (
        it.map(functools.partial(add, 1), [1, 2]),
        it.map("-".join, [["a", "b"]]),
        it.map(str.upper, ["a"]),
        it.map(len, ["abc"]),
        it.map(int, ["3"]),
        it.apply(others.Custom, ("x",)).args,
    )


def generator_result(ctx: Any) -> Any:
    return short(pool(ctx).apply, _make_generator)


def _make_generator() -> Any:
    return (each for each in [1])


def none_results(ctx: Any) -> Any:
    return pool(ctx).map(nothing, range(3)), pool(ctx).apply(nothing), list(pool(ctx).imap(nothing, [1]))


TABLE = {
    "map_async by keyword": lambda ctx: pool(ctx).map_async(func=double, iterable=[1], chunksize=1).get(30),
    "apply by keyword": lambda ctx: pool(ctx).apply(func=add, args=(1,), kwds={"z": 1}),
    "imap by keyword": lambda ctx: list(pool(ctx).imap(func=double, iterable=[1], chunksize=1)),
    "map in chunks of none": lambda ctx: [told(pool(ctx).map, double, [1, 2], chunksize=size) for size in (0, -1)],
    "map of nothing in chunks of none": lambda ctx: pool(ctx).map(double, [], chunksize=0),
    "an item that is an exception": lambda ctx: told(pool(ctx).map, same, [ValueError("v")]),
    "exceptions are values too": lambda ctx: pool(ctx).apply(others.Custom, ("v",)).args,
    "large arguments and results": lambda ctx: len(pool(ctx).apply(same, (bytes(1 << 21),))),
    "map in a worker of a worker's own list": lambda ctx: pool(ctx).map(sorted, [[3, 1], "ba"]),
    "wait returns nothing": lambda ctx: pool(ctx).apply_async(nothing).wait(30),
    "get by keyword": lambda ctx: pool(ctx).apply_async(double, (3,)).get(timeout=30),
    "AsyncResult is ApplyResult": lambda ctx: (stock.AsyncResult is stock.ApplyResult, isinstance(pool(ctx).apply_async(nothing), stock.AsyncResult)),
    "a dict as kwds": lambda ctx: pool(ctx).apply_async(add, kwds={"a": 1}).get(30),
}  # fmt: skip
