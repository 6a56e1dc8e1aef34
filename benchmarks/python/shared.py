"""A Value under its lock, an Event back and forth, a Barrier: four processes or two."""

from __future__ import annotations

import time
from typing import Any

import slices

clock = time.perf_counter


def increment(value: Any, ready: Any, go: Any, count: int) -> None:
    ready.release()
    go.acquire()
    for _ in range(count):
        with value.get_lock():
            value.value += 1


def value_4(mp: Any) -> float:
    """Thousands of increments a second, of four processes together."""
    value, ready, go, count = mp.Value("l", 0), mp.Semaphore(0), mp.Semaphore(0), 20000
    children = [mp.Process(target=increment, args=(value, ready, go, count)) for _ in range(4)]
    for child in children:
        child.start()
    for _ in children:
        ready.acquire()
    begin = clock()
    for _ in children:
        go.release()
    for child in children:
        child.join()
    seconds = clock() - begin
    assert value.value == 4 * count, f"{4 * count - value.value} increments are lost"
    return 4 * count / seconds / 1e3


def answer(asked: Any, answered: Any, ending: Any) -> None:
    slices.urgent()
    while True:
        asked.wait()
        asked.clear()
        if ending.value:
            return
        answered.set()


def event_round_trip(mp: Any) -> float:
    """Microseconds from a set to the answer."""
    asked, answered, ending, count = mp.Event(), mp.Event(), mp.Value("b", 0), 500
    child = mp.Process(target=answer, args=(asked, answered, ending))
    child.start()

    def one_slice() -> float:
        begin = clock()
        for _ in range(count):
            asked.set()
            answered.wait()
            answered.clear()
        return (clock() - begin) / count * 1e6

    median = slices.of(one_slice, 15, warm_up=3)
    ending.value = 1
    asked.set()
    child.join()
    return median


def pass_many(barrier: Any, count: int) -> None:
    for _ in range(count):
        barrier.wait()


def barrier_4(mp: Any) -> float:
    """Thousands of times a second that four processes pass together."""
    count, first = 2000, 20
    barrier = mp.Barrier(4)
    children = [mp.Process(target=pass_many, args=(barrier, first + count)) for _ in range(3)]
    for child in children:
        child.start()
    pass_many(barrier, first)
    begin = clock()
    pass_many(barrier, count)
    seconds = clock() - begin
    for child in children:
        child.join()
    return count / seconds / 1e3
