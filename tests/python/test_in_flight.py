"""Handles that are never bound: what carried them is dropped, or who had them is killed. What they refer to goes, too: after each test nothing may be left in the node's memory."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing.reduction import ForkingPickler
from typing import Any

import pytest

PATIENCE = 60


def run(ctx: Any, function: Any, *args: Any) -> int:
    """The exit code of a process that does it."""
    process = ctx.Process(target=function, args=args)
    process.start()
    process.join(PATIENCE)
    code: int = process.exitcode
    return code


@pytest.mark.parametrize("weight", [0, 100_000])
def test_a_queue_is_dropped_with_others_in_it(ctx: Any, weight: int) -> None:
    outer, inner = ctx.Queue(), ctx.Queue()
    inner.put([ctx.Event(), bytes(weight)])
    outer.put([ctx.Lock(), inner, bytes(weight)])
    outer.put(outer)


def test_more_handles_than_most(ctx: Any) -> None:
    queue = ctx.Queue()
    events = [ctx.Event() for _ in range(2000)]
    queue.put(events)
    queue.put(events)
    for mine, other in zip(events, queue.get()):
        other.set()
        assert mine.is_set()


def test_the_end_of_a_pipe_that_was_lost_is_told(ctx: Any) -> None:
    here, there = ctx.Pipe()
    queue = ctx.Queue()
    queue.put(there)
    there.close()
    assert not here.poll(0)
    del queue
    with pytest.raises(EOFError):
        here.recv()
    here.close()


def put_and_die(queue: Any) -> None:
    queue.put({"event": queue_event()})
    os.kill(os.getpid(), signal.SIGKILL)


def queue_event() -> Any:
    import dragon

    return dragon.get_context().Event()


def test_what_a_killed_process_has_sent_arrives(ctx: Any) -> None:
    queue = ctx.Queue()
    for _ in range(3):
        assert run(ctx, put_and_die, queue) == -signal.SIGKILL
        event = queue.get()["event"]
        event.set()
        assert event.is_set()


def pickle_and_die() -> None:
    ForkingPickler.dumps([queue_event() for _ in range(3)])
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_process_only_pickled_goes_with_it(ctx: Any) -> None:
    assert run(ctx, pickle_and_die) == -signal.SIGKILL


def start_and_die(queue: Any) -> None:
    import dragon

    ctx = dragon.get_context()
    ctx.Process(target=wait_and_answer, args=(ctx.Event(), queue)).start()
    os.kill(os.getpid(), signal.SIGKILL)


def wait_and_answer(event: Any, queue: Any) -> None:
    event.set()
    queue.put(event.is_set())


def test_the_arguments_of_a_process_outlive_its_killed_parent(ctx: Any) -> None:
    queue = ctx.Queue()
    assert run(ctx, start_and_die, queue) == -signal.SIGKILL
    assert queue.get(timeout=PATIENCE)


def give(_number: int) -> Any:
    return queue_event()


def sleep(_queue: Any) -> None:
    time.sleep(PATIENCE)


def test_a_pool_is_terminated_with_handles_on_both_ways(ctx: Any) -> None:
    with ctx.Pool(1) as pool:
        pool.map(give, range(3))
        pool.map_async(give, range(100))
        for _ in range(5):
            pool.apply_async(sleep, (ctx.Queue(),))


def fail() -> None:
    raise ValueError("no worker is made ready")


def test_a_broken_executor_that_is_dropped_is_collected(ctx: Any) -> None:
    import dragon

    with dragon.ProcessPoolExecutor(1, initializer=fail) as executor, pytest.raises(dragon.InitializerFailed):
        executor.submit(give, 1).result(PATIENCE)
