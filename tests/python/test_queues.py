"""Queues."""

from __future__ import annotations

import multiprocessing as mp
import platform
import resource
import sys
import threading
import time
from queue import Empty, Full
from typing import Any

import pytest
import targets
from dragon.queues import JoinableQueue

PATIENCE = 60


def test_a_bounded_queue(ctx: Any) -> None:
    queue = ctx.Queue(2)
    assert queue.empty() and not queue.full() and queue.qsize() == 0
    queue.put(1)
    queue.put_nowait(2)
    assert queue.full() and queue.qsize() == 2
    for put in (
        lambda: queue.put(3, False),
        lambda: queue.put_nowait(3),
        lambda: queue.put(3, True, 0.01),
        lambda: queue.put(3, True, -1),
    ):
        with pytest.raises(Full):
            put()
    assert queue.get() == 1 and queue.get_nowait() == 2
    for get in (
        lambda: queue.get(False),
        queue.get_nowait,
        lambda: queue.get(True, 0.01),
        lambda: queue.get(timeout=-1),
    ):
        with pytest.raises(Empty):
            get()


def test_a_time_limit_is_kept(ctx: Any) -> None:
    begin = time.monotonic()
    with pytest.raises(Empty):
        ctx.Queue().get(timeout=0.2)
    assert 0.2 <= time.monotonic() - begin < 10


def test_a_put_that_waits_for_room(ctx: Any) -> None:
    queue = ctx.Queue(1)
    queue.put(0)
    thread = threading.Thread(target=queue.put, args=(1,))
    thread.start()
    assert [queue.get(), queue.get()] == [0, 1]
    thread.join()


def test_many_producers(ctx: Any) -> None:
    queue = ctx.Queue()
    processes = [ctx.Process(target=targets.count, args=(queue, start, start + 500)) for start in (0, 500, 1000)]
    for process in processes:
        process.start()
    got = [queue.get(timeout=PATIENCE) for _ in range(1500)]
    for process in processes:
        process.join()
    assert sorted(got) == list(range(1500))
    for start in (0, 500, 1000):
        mine = [number for number in got if start <= number < start + 500]
        assert mine == sorted(mine)  # each producer's in its order
    assert queue.empty()


def test_what_was_put_stays_when_its_process_is_gone(ctx: Any) -> None:
    queue = ctx.Queue()
    process = ctx.Process(target=targets.count, args=(queue, 0, 3))
    process.start()
    process.join()
    assert [queue.get(timeout=0) for _ in range(3)] == [0, 1, 2]


def test_what_cannot_be_pickled_raises_from_put(ctx: Any) -> None:
    queue = ctx.Queue()
    with pytest.raises(TypeError, match=r"cannot pickle .*\(obj"):
        queue.put(sys.stdout)
    queue.put("next")
    assert queue.get() == "next"


def test_a_queue_through_a_queue(ctx: Any) -> None:
    outer, inner = ctx.Queue(), ctx.Queue()
    process = ctx.Process(target=targets.relay, args=(outer, inner))
    process.start()
    other = ctx.SimpleQueue()
    outer.put(other)
    back = inner.get(timeout=PATIENCE)
    process.join()
    back.put(5)
    assert other.get() == 5


def test_closed(ctx: Any) -> None:
    for queue in (ctx.Queue(), ctx.JoinableQueue()):
        queue.close()
        queue.join_thread()
        queue.cancel_join_thread()
        with pytest.raises(ValueError, match="is closed"):
            queue.put(1)
        with pytest.raises(ValueError, match="is closed"):
            queue.get()
    simple = ctx.SimpleQueue()
    simple.close()
    simple.close()
    assert simple._reader.closed and simple._writer.closed


def test_joining(ctx: Any) -> None:
    queue, results = ctx.JoinableQueue(), ctx.Queue()
    processes = [ctx.Process(target=targets.take, args=(queue, results)) for _ in range(2)]
    for process in processes:
        process.start()
    for number in range(50):
        queue.put(number)
    queue.join()
    assert results.qsize() == 50
    for _ in processes:
        queue.put(None)
    for process in processes:
        process.join()
    assert sorted(results.get() for _ in range(50)) == list(range(50))


def test_done_too_often(ctx: Any) -> None:
    queue = ctx.JoinableQueue(1)
    queue.put(1)
    with pytest.raises(Full):
        queue.put(2, False)
    queue.get()
    queue.task_done()
    queue.join()
    with pytest.raises(ValueError, match="too many times"):
        queue.task_done()


def test_they_are_queues_of_multiprocessing(ctx: Any) -> None:
    assert isinstance(ctx.Queue(), mp.queues.Queue)
    assert isinstance(ctx.JoinableQueue(), mp.queues.JoinableQueue)
    assert isinstance(ctx.SimpleQueue(), mp.queues.SimpleQueue)


def test_a_bound_that_is_too_large_says_so(ctx: Any) -> None:
    with pytest.raises(OverflowError, match="at most 2147483647 items"):
        ctx.Queue(1 << 31)


@pytest.mark.parametrize("kind", ["Queue", "JoinableQueue"])
def test_a_bound_of_any_size(ctx: Any, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    getattr(ctx, kind)((1 << 31) - 1).put(1)
    monkeypatch.setattr("dragon.queues._LARGEST", 2)
    queue = getattr(ctx, kind)(3)
    process = ctx.Process(target=targets.count, args=(queue, 0, 2))
    process.start()
    process.join()
    queue.put(2)
    assert queue.full()
    with pytest.raises(Full):
        queue.put(3, False)
    with pytest.raises(Full):
        queue.put(3, timeout=0.01)
    assert queue.get() == 0
    with pytest.raises(AttributeError, match="not to be pickled"):
        queue.put(Unpicklable())
    queue.put(3)
    assert [queue.get() for _ in range(3)] == [1, 2, 3] and queue.empty()
    if kind == "JoinableQueue":  # which knows what is in this process's hands, as long as that is
        for _ in range(4):
            queue.task_done()


class Unpicklable:
    def __reduce__(self) -> str:
        raise AttributeError("not to be pickled")


def test_what_cannot_be_pickled_raises_and_takes_no_room(ctx: Any) -> None:
    """CPython's test_queue_feeder_donot_stop_onexc, where nothing is lost silently."""
    for queue in (ctx.Queue(maxsize=1), ctx.JoinableQueue(maxsize=1)):
        with pytest.raises(AttributeError, match="not to be pickled"):
            queue.put(Unpicklable())
        queue.put(True)
        assert queue.qsize() == 1
        assert queue.get(timeout=60)
        assert queue.empty()
        queue.close()


def test_a_subclass_can_ask_to_be_told_instead(ctx: Any) -> None:
    told = []

    class Telling(JoinableQueue):
        @staticmethod
        def _on_queue_feeder_error(error: Exception, thing: Any) -> None:
            told.append((type(error), type(thing)))

    queue = Telling(ctx=ctx)
    queue.put(Unpicklable())
    assert told == [(AttributeError, Unpicklable)]
    queue.join()  # it does not count
    assert queue.empty()


def test_a_simple_queue_never_holds_its_senders_up(ctx: Any) -> None:
    queue = ctx.SimpleQueue()
    for _ in range(40):
        queue.put(bytes(1 << 20))
    assert sum(len(queue.get()) for _ in range(40)) == 40 << 20


def _faults_a_message(queue: Any, thing: object, answers: Any) -> None:
    def faults() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    def pass_it(count: int) -> None:
        for _ in range(count):
            queue.put(thing)
            assert queue.get() == thing

    pass_it(10)
    before = faults()
    pass_it(40)
    answers.put((faults() - before) / 40)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what another malloc keeps is its own affair")
@pytest.mark.parametrize(
    "thing", ["x" * (1 << 20), (1, bytes(1 << 20)), bytearray(1 << 20)], ids=["str", "tuple", "bytearray"]
)
def test_large_messages_come_in_memory_that_is_kept(ctx: Any, thing: object) -> None:
    """Memory that is new each time is cleared by the kernel page by page: 256 pages for each copy."""
    answers = ctx.Queue()
    child = ctx.Process(target=_faults_a_message, args=(ctx.Queue(), thing, answers))
    child.start()
    faults = answers.get(timeout=PATIENCE)
    child.join()
    assert faults < 64
