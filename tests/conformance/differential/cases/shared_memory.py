"""SharedMemory, ShareableList, SharedMemoryManager."""

from __future__ import annotations

import os
import pickle
from multiprocessing import managers, shared_memory
from multiprocessing.shared_memory import ShareableList, SharedMemory
from typing import Any

from others import answer
from words import caught, told


def _name(word: str) -> str:
    """A name that no other program has: those of the system's segments are everybody's."""
    return f"differential_{os.getpid()}_{word}"


class _New:
    """A segment, gone at the end of the block."""

    def __init__(self, size: int = 16, **more: Any) -> None:
        self.it = SharedMemory(create=True, size=size, **more)

    def __enter__(self) -> Any:
        return self.it

    def __exit__(self, *_: Any) -> None:
        self.it.close()
        self.it.unlink()


class _List(_New):
    def __init__(self, things: Any, **more: Any) -> None:
        self.list = ShareableList(things, **more)
        self.it = self.list.shm

    def __enter__(self) -> Any:
        return self.list


def bad_arguments(ctx: Any) -> Any:
    return [
        told(SharedMemory, **each)
        for each in ({}, {"create": True}, {"create": True, "size": 0}, {"create": True, "size": -1}, {"size": 5}, {"size": -5, "name": "x"}, {"name": "no_such_segment"}, {"create": True, "size": "1"}, {"frob": 1})
    ]  # fmt: skip


def odd_names(ctx: Any) -> Any:
    return [told(SharedMemory, name=name) for name in ("", "/", "no/such", "//no_such", 5, b"bytes", "..", ".")]


def looks(ctx: Any) -> Any:
    with _New() as segment:
        return (
            repr(segment).replace(f"size={segment.size}", "size=S"),
            str(segment).replace(f"size={segment.size}", "size=S"),
            segment.size >= 16,
            type(segment.name).__name__,
            len(segment.name) > 4,
            segment.name[0] != "/",
            type(segment.buf).__name__,
        )


def named(ctx: Any) -> Any:
    with _New(name=_name("named")) as segment:
        other = SharedMemory(_name("named"))
        segment.buf[0] = 7
        seen = (segment.name, other.name, other.buf[0], other.size >= 16, told(SharedMemory, _name("named"), True, 5), repr(segment).split(",")[0])
        other.close()
        return seen


def named_with_a_slash(ctx: Any) -> Any:
    with _New(name="/" + _name("slash")) as segment:
        return segment.name, told(lambda: SharedMemory(_name("slash")).close())


def made_again_after_unlink(ctx: Any) -> Any:
    first = SharedMemory(_name("again"), True, 8)
    first.buf[0] = 1
    first.unlink()
    with _New(name=_name("again")) as second:
        seen = second.buf[0], first.buf[0]
    first.close()
    return seen


def contents(ctx: Any) -> Any:
    with _New(8) as segment:
        segment.buf[:4] = b"abcd"
        return (
            bytes(segment.buf[:5]),
            told(segment.buf.__setitem__, 0, 256),
            told(segment.buf.__setitem__, slice(0, 2), b"abc"),
            told(segment.buf.__getitem__, 100_000),
            segment.buf.readonly,
            segment.buf.format,
            segment.buf.ndim,
        )


def after_close(ctx: Any) -> Any:
    segment = SharedMemory(create=True, size=8)
    segment.close()
    return (segment.buf, told(segment.close), told(lambda: segment.buf[0]), segment.size >= 8, told(segment.unlink), type(segment.name).__name__)


def unlinked_twice(ctx: Any) -> Any:
    segment = SharedMemory(_name("twice"), create=True, size=8)
    segment.unlink()
    segment.buf[0] = 5
    seen = told(segment.unlink), segment.buf[0], told(SharedMemory, _name("twice"))
    segment.close()
    return seen


def closed_with_a_view(ctx: Any) -> Any:
    segment = SharedMemory(create=True, size=8)
    view = segment.buf[1:3]
    seen = told(segment.close)
    view.release()
    segment.close()
    segment.unlink()
    return seen


def in_child(ctx: Any) -> Any:
    with _New(8) as segment:
        return answer(ctx, _write_to, segment.name), segment.buf[0], answer(ctx, _write_into, segment), segment.buf[1]


def _write_to(name: str) -> Any:
    segment = SharedMemory(name)
    segment.buf[0] = 9
    segment.close()


def _write_into(segment: Any) -> Any:
    segment.buf[1] = 8
    segment.close()
    return repr(segment.buf)


def unlinked_in_child(ctx: Any) -> Any:
    segment = SharedMemory(_name("child"), create=True, size=8)
    segment.buf[0] = 3
    seen = answer(ctx, _unlink, _name("child")), segment.buf[0], told(SharedMemory, _name("child"))
    segment.close()
    return seen


def _unlink(name: str) -> Any:
    segment = SharedMemory(name)
    segment.close()
    segment.unlink()


def pickled(ctx: Any) -> Any:
    with _New(8) as segment:
        segment.buf[0] = 4
        other = pickle.loads(pickle.dumps(segment))
        seen = other.name == segment.name, other.buf[0], other is segment
        other.close()
        return seen


def compared(ctx: Any) -> Any:
    with _New() as one, _New() as other:
        return one == other, hash(one) == hash(one), one.name == other.name


def no_attributes(ctx: Any) -> Any:
    with _New() as segment:
        return (
            told(setattr, segment, "name", "x"),
            told(setattr, segment, "buf", 1),
            told(setattr, segment, "size", 1),
            hasattr(segment, "__enter__"),
            sorted(each for each in dir(segment) if each[0] != "_"),
        )


def subclass(ctx: Any) -> Any:
    class Mine(SharedMemory):
        pass

    segment = Mine(create=True, size=8)
    seen = repr(segment).split("(")[0], isinstance(segment, SharedMemory)
    segment.close()
    segment.unlink()
    return seen


# ---- lists


def list_of_all_kinds(ctx: Any) -> Any:
    with _List([1, 2.5, True, None, "text", b"bytes", -7, "", b"", "ä"]) as it:
        return (
            list(it),
            repr(it).split(", name=")[0],
            len(it),
            it[-1],
            it[0],
            it.format,
            told(it.__getitem__, 10),
            told(it.__getitem__, -11),
            told(it.__getitem__, "a"),
            told(it.__getitem__, slice(1)),
            told(it.__getitem__, 1.0),
        )


def list_of_bad_things(ctx: Any) -> Any:
    return [told(lambda each=each: ShareableList([each])) for each in ([1], {}, 1j, object, (1,), 1 << 70, -(1 << 70))]


def list_arguments(ctx: Any) -> Any:
    return (told(ShareableList), told(ShareableList, 5), told(ShareableList, name="no_such_list"), told(ShareableList, [1], frob=1), told(ShareableList, None))


def list_of_an_iterator(ctx: Any) -> Any:
    with _List(iter([1, 2])) as it, _List("abc") as text, _List(range(2)) as numbers, _List([]) as nothing:
        return list(it), list(text), list(numbers), list(nothing), len(nothing), repr(nothing).split(", name=")[0]


def list_items_set(ctx: Any) -> Any:
    with _List([1, 2.5, "text", b"bytes", None, True]) as it:
        seen = [
            told(it.__setitem__, *each)
            for each in (
                (0, 5),
                (-1, False),
                (6, 1),
                (-7, 1),
                (2, "new"),
                (2, "too long for what was there"),
                (3, b"x"),
                (3, b"much too long"),
                (4, 3),
                (0, "now text"),
                (1, None),
                (0, [1]),
                ("a", 1),
                (0, 1 << 70),
                (5, "sevens"),
                (2, "ääää"),
            )
        ]
        return seen, list(it), it.format


def list_methods(ctx: Any) -> Any:
    with _List([1, 2, 1, "a"]) as it:
        return (
            it.count(1),
            it.count("b"),
            it.index(2),
            told(it.index, "b"),
            told(it.index),
            it.format,
            2 in it,
            3 in it,
            list(reversed(it)),
            told(it.append, 1) if hasattr(it, "append") else "",
            sorted(each for each in dir(it) if each[0] != "_"),
        )


def list_shared(ctx: Any) -> Any:
    with _List([1, "a"], name=_name("list")) as it:
        other = ShareableList(name=_name("list"))
        other[0] = 5
        seen = list(it), list(other), answer(ctx, _change, it), list(it), pickle.loads(pickle.dumps(it))[0]
        other.shm.close()
        return seen


def _change(it: Any) -> Any:
    it[1] = "b"
    found = list(it), len(it), it.shm.name
    it.shm.close()
    return found


def list_compared(ctx: Any) -> Any:
    with _List([1]) as one, _List([1]) as other:
        return (one == other, one == [1], told(hash, one) != "", told(lambda: one < other), told(lambda: one + other), bool(one))


def list_of_a_list(ctx: Any) -> Any:
    with _List([1, "x", None]) as it, _List(it) as other:
        return list(other), other.shm.name == it.shm.name


def list_after_close(ctx: Any) -> Any:
    it = ShareableList([1, 2])
    it.shm.close()
    seen = told(lambda: it[0]), told(len, it), told(lambda: list(it)), told(repr, it).split(", name=")[0]
    it.shm.unlink()
    return seen


# ---- the manager


def manager(ctx: Any) -> Any:
    with managers.SharedMemoryManager() as it:
        segment, things = it.SharedMemory(size=10), it.ShareableList([1, "a"])
        name = segment.name
        seen = (
            segment.size >= 10,
            list(things),
            repr(it).split("(")[0],
            isinstance(segment, SharedMemory),
            told(it.SharedMemory, size=0),
            told(it.SharedMemory),
            told(it.ShareableList, [[]]),
        )
        segment.close()
        things.shm.close()
    return (seen, told(SharedMemory, name), caught((FileNotFoundError, ConnectionError), it.SharedMemory, size=1), told(it.start), told(it.shutdown))


def manager_before_start(ctx: Any) -> Any:
    it = managers.SharedMemoryManager()
    return (told(it.SharedMemory, 5), told(it.ShareableList, [1]), told(lambda: it.address), hasattr(it, "shutdown"), told(it.join))


def managers_segment_unlinked(ctx: Any) -> Any:
    with managers.SharedMemoryManager(ctx=ctx.get_context()) as it:
        segment = it.SharedMemory(10)
        segment.close()
        segment.unlink()


TABLE = {
    "what the module offers": lambda ctx: shared_memory.__all__,
    "list class with an index": lambda ctx: told(ShareableList.__class_getitem__, int),
    "segment's size is at least what was asked for": lambda ctx: [_sized(size) for size in (1, 4095, 4096, 4097, 1 << 20)],
    "segment is zero at first": lambda ctx: _zero(),
}  # fmt: skip


def _sized(size: int) -> bool:
    with _New(size) as segment:
        return segment.size >= size and len(segment.buf) == segment.size


def _zero() -> bool:
    with _New(10_000) as segment:
        return any(segment.buf)
