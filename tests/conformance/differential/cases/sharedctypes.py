"""Value, Array, RawValue, RawArray and what else sharedctypes has."""

from __future__ import annotations

import ctypes
import pickle
from multiprocessing import sharedctypes
from typing import Any

from others import answer, code
from words import short, told

CODES = "cbBhHiIlLqQfdu"


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_double), ("name", ctypes.c_char * 4)]


class Both(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("bytes", ctypes.c_byte * 4)]


def _set(thing: Any, name: str, value: Any) -> Any:
    setattr(thing, name, value)
    return getattr(thing, name)


def _put(thing: Any, index: Any, value: Any) -> Any:
    thing[index] = value
    return thing[:]


def value_of_each_code(ctx: Any) -> Any:
    return {each: (ctx.Value(each).value, type(ctx.RawValue(each)).__name__, ctypes.sizeof(ctx.RawValue(each))) for each in CODES}


def array_of_each_code(ctx: Any) -> Any:
    return {each: (ctx.Array(each, 2)[:], type(ctx.RawArray(each, 3)).__name__, len(ctx.Array(each, 4))) for each in CODES}


def value_of_bad_types(ctx: Any) -> Any:
    return [told(ctx.Value, each) for each in ("x", "", "ii", None, int, 5, [])], [told(ctx.RawValue, each, 1) for each in ("x", int)]


def value_with_bad_values(ctx: Any) -> Any:
    return [
        told(ctx.Value, each, value)
        for each, value in (("i", "text"), ("i", 1.5), ("i", None), ("d", "text"), ("c", 5), ("c", "a"), ("u", b"a"), ("b", 1000), ("B", -1))
    ]


def value_arguments(ctx: Any) -> Any:
    return (
        ctx.Value("i").value,
        ctx.Value("i", 3).value,
        told(ctx.Value, "i", 1, 2),
        told(ctx.Value),
        ctx.Value(Point, 1, 2.5, b"ab").y,
        told(ctx.Value, "i", value=3),
        ctx.Value("c", b"z").value,
    )


def value_locks(ctx: Any) -> Any:
    lock = ctx.Lock()
    mine = ctx.Value("i", 1, lock=lock)
    return (
        repr(mine), mine.get_lock() is lock, repr(ctx.Value("i", lock=True).get_lock()), type(ctx.Value("i", 1, lock=False)).__name__,
        told(ctx.Value, "i", lock=5), told(ctx.Value, "i", lock="text"), told(lambda: repr(ctx.Value("i", lock=None).get_lock())), told(ctx.Value, "i", 1, 2, lock),
    )  # fmt: skip


def value_methods(ctx: Any) -> Any:
    value = ctx.Value("i", 5)
    with value as entered:
        inside = entered, repr(value.get_lock())
        value.value += 1
    seen = (value.value, repr(value), str(value), value.acquire(), value.release(), told(value.release), type(value.get_obj()).__name__, value.get_obj().value)
    return (inside, seen, told(setattr, value, "value", "text"), value.value, hasattr(value, "__dict__"), sorted(each for each in dir(value) if each[0] != "_"))


def value_acquire(ctx: Any) -> Any:
    value = ctx.Value("i", lock=ctx.Lock())
    return (value.acquire(), value.acquire(False), value.acquire(True, 0.01), value.release(), told(value.release), value.acquire(block=False))


def value_shared(ctx: Any) -> Any:
    value, raw = ctx.Value("d", 1.5), ctx.RawValue("i", 3)
    return code(ctx, _add_to, value, raw), value.value, raw.value


def _add_to(value: Any, raw: Any) -> None:
    with value.get_lock():
        value.value += 1
    raw.value += 1


def array_shared(ctx: Any) -> Any:
    array, raw, text = ctx.Array("i", 3), ctx.RawArray("d", [1, 2]), ctx.Array("c", b"abcdef")
    seen = answer(ctx, _fill, array, raw, text)
    return seen, array[:], raw[:], text.value, text.raw


def _fill(array: Any, raw: Any, text: Any) -> Any:
    array[:] = [1, 2, 3]
    raw[1] = 7.5
    text.value = b"xy"
    return repr(array), len(raw), text[:]


def array_arguments(ctx: Any) -> Any:
    made = [
        told(lambda each=each: ctx.Array("i", each)[:])
        for each in (0, 3, [], [1, 2], (3,), range(3), -1, 1.5, None, "text", b"ab", {1: 2}, [None], ["a"], True)
    ]
    return (
        made,
        told(ctx.Array),
        told(ctx.Array, "i"),
        told(ctx.Array, "x", 2),
        told(ctx.Array, "i", iter([1])),
        told(ctx.Array, "i", 2, False),
        told(ctx.Array, Point, 2),
    )


def raw_array_arguments(ctx: Any) -> Any:
    return (
        [told(lambda each=each: ctx.RawArray("i", each)[:]) for each in (0, 3, [], [1, 2], -1, 1.5, None, "text", b"ab", [None])],
        told(ctx.RawArray, "x", 1),
        told(ctx.RawArray, None, 1),
    )


def array_items(ctx: Any) -> Any:
    array = ctx.Array("i", [0, 1, 2, 3, 4])
    seen = [told(array.__getitem__, each) for each in (0, -1, 5, -6, "a", None, 1.0, slice(1, 3), slice(None, None, 2), slice(None, None, -1), slice(9, 12))]
    return (seen, len(array), list(array), 3 in array, told(array.index, 3) if hasattr(array, "index") else "no index", repr(array))


def array_set_items(ctx: Any) -> Any:
    array = ctx.Array("i", 4)
    return [
        told(_put, array, *each)
        for each in ((0, 1), (-1, 9), (4, 1), (-5, 1), (0, "text"), (0, 1.5), (0, None), (slice(0, 2), [5, 6]), (slice(0, 2), [1]), (slice(0, 2), (7, 8)), (slice(0, 2), 5), (slice(None, None, 2), [1, 2]), (0, 1 << 40), (slice(0, 2), "ab"))
    ]  # fmt: skip


def array_slices(ctx: Any) -> Any:
    array = ctx.Array("i", [1, 2, 3])
    return told(array.__getslice__, 0, 2), told(array.__setslice__, 0, 2, [8, 9]), array[:]


def array_deletes_nothing(ctx: Any) -> Any:
    array = ctx.Array("i", 3)

    def delete() -> None:
        del array[0]

    return told(delete)


def array_methods(ctx: Any) -> Any:
    array = ctx.Array("i", [1])
    with array as entered:
        inside = entered, repr(array.get_lock())
    return (
        inside,
        sorted(each for each in dir(array) if each[0] != "_"),
        array.acquire(),
        array.release(),
        told(array.release),
        type(array.get_obj()).__name__,
        told(lambda: array.value),
        type(array).__name__,
    )


def array_locks(ctx: Any) -> Any:
    lock = ctx.RLock()
    return (
        ctx.Array("i", 1, lock=lock).get_lock() is lock,
        type(ctx.Array("i", 1, lock=False)).__name__,
        told(ctx.Array, "i", 1, lock=3),
        repr(ctx.Array("i", 1, lock=True)),
    )


def text(ctx: Any) -> Any:
    array = ctx.Array("c", b"hello")
    seen = repr(array), array.value, array.raw, len(array), array[0], array[1:3], type(array).__name__
    tries = [
        told(_set, array, *each)
        for each in (
            ("value", b"ab"),
            ("raw", b"abcde"),
            ("value", b"toolong"),
            ("raw", b"toolong"),
            ("value", "text"),
            ("value", b""),
            ("raw", b"x"),
            ("value", None),
        )
    ]
    return (seen, tries, array[:], told(ctx.Array, "c", "text"), told(_put, array, 0, b"z"), told(_put, array, 0, b"zz"), told(_put, array, 0, 65))


def wide_text(ctx: Any) -> Any:
    array = ctx.Array("u", "hällo")
    return (repr(array), array[:], array[1], told(_put, array, 0, "H"), told(lambda: array.value), told(_put, array, slice(0, 2), "ab"))


def structure(ctx: Any) -> Any:
    point = ctx.Value(Point, 1, 2.5, b"ab")
    seen = point.x, point.y, point.name, type(point).__name__, repr(point).split(" object")[0]
    point.x += 4
    return (
        seen,
        point.x,
        told(setattr, point, "x", "text"),
        told(lambda: point.z),
        told(lambda: point.value),
        type(point.get_obj()).__name__,
        point.get_obj().x,
    )


def structure_takes_new_attributes(ctx: Any) -> Any:
    return told(_set, ctx.Value(Point), "z", 3)


def structure_shared(ctx: Any) -> Any:
    point = ctx.Value(Point, 1, 2.5, b"ab")
    points = ctx.Array(Point, [(1, 2), (3, 4)])
    seen = answer(ctx, _move, point, points)
    return seen, point.x, [(each.x, each.y) for each in points]


def _move(point: Any, points: Any) -> Any:
    point.x = 10
    points[1].x = 30
    return type(point).__name__, type(points).__name__, len(points), points[0].y


def union(ctx: Any) -> Any:
    return told(lambda: ctx.Value(Both, 5).number), told(lambda: ctx.RawValue(Both, 7).bytes[0])


def copies(ctx: Any) -> Any:
    raw = ctx.RawValue("i", 3)
    again = sharedctypes.copy(raw)
    again.value = 4
    points = sharedctypes.copy(ctx.RawArray(Point, [(1, 2)]))
    return (raw.value, again.value, type(again).__name__, points[0].x, told(sharedctypes.copy, 5), told(sharedctypes.copy, ctx.Value("i")))


def synchronized(ctx: Any) -> Any:
    made = [sharedctypes.synchronized(each) for each in (ctypes.c_int(3), (ctypes.c_int * 2)(1, 2), (ctypes.c_char * 2)(b"a"), Point(1, 2))]
    return (
        [type(each).__name__ for each in made],
        repr(made[0]),
        told(sharedctypes.synchronized, made[0]),
        told(sharedctypes.synchronized, 5),
        sharedctypes.synchronized(ctypes.c_int(1), ctx.Lock()).get_lock().acquire(False),
    )


def pickled(ctx: Any) -> Any:
    return [told(lambda each=each: len(pickle.dumps(each)) > 0) for each in (ctx.Value("i"), ctx.Array("i", 2))]


def again_by_pickle(ctx: Any) -> Any:
    """Where they can be pickled by pickle, they are shared, not copied."""
    value, array, point = ctx.Value("i", 1), ctx.Array("i", [1, 2]), ctx.Value(Point, 1)
    try:
        again = pickle.loads(pickle.dumps((value, array, point)))
    except RuntimeError as error:
        return type(error).__name__
    again[0].value, again[1][1], again[2].x = 5, 6, 7
    return value.value, array[:], point.x, again[0].get_lock() is value.get_lock()


def raw_pickled_by_pickle(ctx: Any) -> Any:
    return [short(lambda each=each: len(pickle.dumps(each)) > 0) for each in (ctx.RawValue("i", 1), ctx.RawArray("i", 1))]


def raw_values(ctx: Any) -> Any:
    raw = ctx.RawValue("i", 3)
    return (
        repr(raw),
        raw.value,
        told(_set, raw, "value", 1.5),
        told(ctx.RawValue, "i", 1, 2),
        told(ctx.RawValue),
        isinstance(raw, ctypes.c_int),
        told(getattr, raw, "get_lock"),
    )


def raw_arrays(ctx: Any) -> Any:
    raw = ctx.RawArray("i", [1, 2, 3])
    return (
        raw[:],
        len(raw),
        raw[-1],
        told(raw.__getitem__, 3),
        told(_put, raw, slice(0, 2), [1]),
        isinstance(raw, ctypes.Array),
        bytes(memoryview(raw).cast("B")[:4]),
        ctx.RawArray("c", b"abc").value,
        ctx.RawArray(ctypes.c_int, 2)[:],
    )


def a_large_one(ctx: Any) -> Any:
    array = ctx.RawArray("b", 3_000_000)
    array[2_999_999] = 1
    return sum(array), len(array)


def zero_at_first(ctx: Any) -> Any:
    first = ctx.RawArray("i", [7] * 100)
    del first
    return any(ctx.RawArray("i", 100))


TABLE = {
    "value by ctypes": lambda ctx: (ctx.Value(ctypes.c_longlong, 1 << 40).value, ctx.Value(ctypes.c_bool, 5).value, ctx.Value(ctypes.c_wchar, "ä").value),
    "value of a pointer": lambda ctx: type(ctx.RawValue(ctypes.c_void_p)).__name__,
    "value of an array type": lambda ctx: ctx.Value(ctypes.c_int * 3)[:],
    "array of arrays": lambda ctx: [each[:] for each in ctx.Array(ctypes.c_int * 2, 2)],
    "value looks": lambda ctx: (repr(ctx.Value("d", 1.5)), repr(ctx.Value("c", b"x")), repr(ctx.Array("d", [1.5]))),
    "value compared": lambda ctx: (ctx.Value("i", 1) == ctx.Value("i", 1), ctx.RawValue("i", 1) == ctx.RawValue("i", 1)),
    "array in a loop": lambda ctx: list(ctx.Array("i", [3, 1, 2])),
    "array sorted": lambda ctx: sorted(ctx.Array("i", [3, 1, 2])),
    "what sharedctypes offers": lambda ctx: sharedctypes.__all__,
    "the module's own factories": lambda ctx: (sharedctypes.Value("i", 2).value, sharedctypes.Array("i", 2)[:], sharedctypes.RawValue("i", 2).value, sharedctypes.RawArray("i", 2)[:]),
    "the module's own with a context": lambda ctx: (sharedctypes.Value("i", 2, ctx=ctx.get_context()).value, sharedctypes.Array("i", 2, ctx=ctx.get_context())[:]),
    "get_lock of a raw value": lambda ctx: ctx.RawValue("i").get_lock(),
    "the codes": lambda ctx: sorted(sharedctypes.typecode_to_type),
}  # fmt: skip
