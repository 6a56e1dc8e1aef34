"""What the tests' pools and executors run. A module of its own, since workers import it by name."""

from __future__ import annotations

import mmap
import os
import pickle
import resource
import sys
from multiprocessing import TimeoutError as TimeoutError
from typing import Any

import dragon
from targets import kill_self, square


def die_at_first(book: str, times: int) -> int:
    """Dies so many times, then returns how often it was run before."""
    with open(book, "ab") as file:
        runs = file.tell()
        file.write(b".")
    if runs < times:
        kill_self()
    return runs


class Unfriendly:
    """A task that kills its worker, and does not like to be asked for its name."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"do not ask for {name}")

    def __reduce__(self) -> Any:
        return Unfriendly, ()

    def __call__(self) -> None:
        kill_self()


def put_or_die(go: Any, book: str, queue: Any, array: bytearray, box: list[int]) -> int:
    """Puts what it was given, the second time."""
    go.wait(60)
    runs = die_at_first(book, 1)
    queue.put([bytes(array[:1]), box])
    return runs


def huge(size: int) -> Any:
    """So many bytes, of which there are none yet."""
    return pickle.PickleBuffer(mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000))  # MAP_NORESERVE


_faults = 0
_ones = b""


def faults() -> int:
    """How many pages this process was given anew since it was asked last."""
    global _faults
    before, _faults = _faults, resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    return _faults - before


def ones(size: int) -> list[bytes]:
    """The same bytes for each call with that size."""
    global _ones
    if len(_ones) != size:
        _ones = b"1" * size
    return [_ones]


def use_all(queue: Any, simple: Any, joinable: Any, pipe: Any, lock: Any, event: Any, value: Any) -> int:
    with lock:
        for put in (queue.put, simple.put, joinable.put, pipe.send):
            put("used")
    with value.get_lock():
        value.value += 1
    event.set()
    return int(value.value)


def inner_pool(count: int) -> list[int]:
    """A pool in a worker."""
    with dragon.get_context().Pool(1) as pool:
        squares = pool.map(square, range(count))
    pool.join()
    return squares


def leave() -> None:
    os._exit(4)


_kept: Any = None


def keep(thing: Any) -> None:
    global _kept
    _kept = thing


def wait_for_kept() -> Any:
    return _kept.wait(60)


def wait_on(event: Any) -> bool:
    return bool(event.wait(60))


def after_kept(number: int) -> int:
    wait_for_kept()
    return number


class ExitsWhenUnpickled:
    def __reduce__(self) -> Any:
        return sys.exit, (5,)


def exiting_result() -> Any:
    return ExitsWhenUnpickled()


class NotPicklable:
    def __reduce__(self) -> Any:
        raise TypeError("not to be pickled")


def result_not_picklable() -> Any:
    return NotPicklable()


class _Stubborn(Exception):
    def __reduce__(self) -> Any:
        return _refuse_to_be_made, ()


def _refuse_to_be_made() -> None:
    raise LookupError("this cannot be made again")


def fail_stubbornly() -> None:
    raise _Stubborn


class KillsWhoUnpickles(Exception):
    """An error of a user's iterable whose unpickling is the end of the worker."""

    def __reduce__(self) -> Any:
        return kill_self, ()


def numbers_then_exit() -> Any:
    yield 1
    yield 2
    sys.exit("the iterable has had enough")


def numbers_then_death() -> Any:
    yield 1
    raise KillsWhoUnpickles


def leave_in_order() -> None:
    os._exit(0)


def put_number(item: Any) -> None:
    item[0].put(item[1])


class Unshown:
    """Neither can it be sent nor shown."""

    def __reduce__(self) -> Any:
        raise TypeError("not to be sent")

    def __repr__(self) -> str:
        raise MemoryError
