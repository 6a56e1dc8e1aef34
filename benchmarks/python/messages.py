"""Pipe and Queue: round trips and one way."""

from __future__ import annotations

import array
import time
from collections.abc import Callable
from typing import Any

import slices

clock = time.perf_counter


def echo(receive: Any, send: Any) -> None:
    """Answers each message until None comes. A bound method travels as its object; so the objects come, and what they have is used."""
    slices.urgent()
    get, put = _ends(receive, send)
    while (message := get()) is not None:
        put(message)


def sink(queue: Any, answers: Any) -> None:
    """For each number that comes, takes so many messages and confirms the last; until None comes."""
    slices.urgent()
    while (count := queue.get()) is not None:
        for _ in range(count):
            last = queue.get()
        answers.put(len(last))


def source(queue: Any, payload: bytes, count: int, ready: Any, go: Any) -> None:
    ready.release()
    go.acquire()
    for _ in range(count):
        queue.put(payload)


def _ends(receive: Any, send: Any) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    return getattr(receive, "recv", None) or receive.get, getattr(send, "send", None) or send.put


def _round_trips(mp: Any, near_in: Any, near_out: Any, far_in: Any, far_out: Any) -> float:
    """Microseconds of one trip there and back: the median of slices of 100."""
    child = mp.Process(target=echo, args=(far_in, far_out))
    child.start()
    get, put = _ends(near_in, near_out)
    payload, trips = bytes(8), 100

    def one_slice() -> float:
        begin = clock()
        for _ in range(trips):
            put(payload)
            get()
        return (clock() - begin) / trips * 1e6

    result = slices.of(one_slice, 25, warm_up=5)
    put(None)
    child.join()
    return result


def pipe_round_trip(mp: Any) -> float:
    near, far = mp.Pipe()
    return _round_trips(mp, near, near, far, far)


def queue_round_trip(mp: Any) -> float:
    forth, back = mp.Queue(), mp.Queue()
    return _round_trips(mp, back, forth, forth, back)


def _one_way(mp: Any, payload: Any, count: int) -> float:
    """Messages a second: the median of slices of ``count`` messages, each slice confirmed by the receiver."""
    queue, answers = mp.Queue(), mp.Queue()
    child = mp.Process(target=sink, args=(queue, answers))
    child.start()

    def one_slice() -> float:
        begin = clock()
        queue.put(count)
        for _ in range(count):
            queue.put(payload)
        answers.get()
        return count / (clock() - begin)

    result = slices.of(one_slice, 7, warm_up=3)
    queue.put(None)
    child.join()
    return result


def queue_8(mp: Any) -> float:
    return _one_way(mp, bytes(8), 10_000) / 1e3


def queue_1m_bytes(mp: Any) -> float:
    return _one_way(mp, bytes(1 << 20), 64)


def queue_1m_bytearray(mp: Any) -> float:
    return _one_way(mp, bytearray(1 << 20), 64)


def queue_1m_array(mp: Any) -> float:
    return _one_way(mp, array.array("d", bytes(1 << 20)), 64)


def queue_1m_numpy(mp: Any) -> float:
    import numpy  # type: ignore[import-not-found,unused-ignore]

    return _one_way(mp, numpy.zeros(1 << 17), 64)


def queue_1m_str(mp: Any) -> float:
    return _one_way(mp, "x" * (1 << 20), 64)


def queue_1m_tuple(mp: Any) -> float:
    return _one_way(mp, (1, bytes(1 << 20)), 64)


def queue_4_to_1(mp: Any) -> float:
    """Thousands of messages a second, of four senders together: one burst, in which all that is in the queue is there for the first time."""
    count, queue, ready, go = 10_000, mp.Queue(), mp.Semaphore(0), mp.Semaphore(0)
    children = [mp.Process(target=source, args=(queue, bytes(1024), count, ready, go)) for _ in range(4)]
    for child in children:
        child.start()
    for _ in children:
        ready.acquire()
    begin = clock()
    for _ in children:
        go.release()
    for _ in range(4 * count):
        queue.get()
    rate = 4 * count / (clock() - begin) / 1e3
    for child in children:
        child.join()
    return rate
