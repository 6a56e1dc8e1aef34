"""JoinableQueue: what is not done with, who ends with it in hand, and who waits for it."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from typing import Any

import joining
import pytest

PATIENCE = 60


def start(ctx: Any, queue: Any, taken: Any, count: int, then: str) -> Any:
    process = ctx.Process(target=joining.take, args=(queue, taken, count, then))
    process.start()
    assert taken.get(timeout=PATIENCE) == count
    return process


def test_what_was_in_the_hands_of_the_killed_is_not_waited_for(ctx: Any) -> None:
    queue, taken = ctx.JoinableQueue(), ctx.Queue()
    for number in range(3):
        queue.put(number)
    process = start(ctx, queue, taken, 2, "sleep")
    thread = joining.joins(queue)
    process.kill()
    process.join()
    thread.join(0.05)
    assert thread.is_alive()  # one is in the queue still
    queue.get()
    queue.task_done()
    thread.join(PATIENCE)
    assert not thread.is_alive() and queue.tasks_lost == 2
    queue.task_done()  # a supervisor may say it for the dead
    queue.task_done()
    assert queue.tasks_lost == 0
    with pytest.raises(ValueError, match="too many times"):
        queue.task_done()


def test_who_waits_hears_of_the_death_at_once(ctx: Any) -> None:
    queue, taken = ctx.JoinableQueue(), ctx.Queue()
    queue.put(1)
    process = start(ctx, queue, taken, 1, "sleep")
    thread = joining.joins(queue)
    os.kill(process.os_pid, signal.SIGKILL)
    thread.join(PATIENCE)
    assert not thread.is_alive()
    process.join()


def test_done_and_then_gone_without_a_word(ctx: Any) -> None:
    queue, taken = ctx.JoinableQueue(), ctx.Queue()
    for _ in range(3):
        queue.put(1)
    process = start(ctx, queue, taken, 3, "done")
    process.join()
    queue.join()
    assert process.exitcode == 7 and queue.tasks_lost == 2


def test_who_ends_in_order_leaves_it_to_others(ctx: Any) -> None:
    queue, taken = ctx.JoinableQueue(), ctx.Queue()
    for _ in range(2):
        queue.put(1)
    process = start(ctx, queue, taken, 2, "end")
    process.join()
    thread = joining.joins(queue)
    queue.task_done()
    thread.join(0.05)
    assert thread.is_alive()
    queue.task_done()
    thread.join(PATIENCE)
    assert not thread.is_alive() and queue.tasks_lost == 0


def test_done_by_another_and_done_in_advance(ctx: Any) -> None:
    queue, taken = ctx.JoinableQueue(), ctx.Queue()
    queue.put(1)
    queue.task_done()  # as CPython's: nobody asks whether it was taken
    queue.join()
    with pytest.raises(ValueError, match="too many times"):
        queue.task_done()
    queue.get()
    queue.put(2)
    process = start(ctx, queue, taken, 1, "sleep")
    queue.task_done()  # for the other
    queue.join()
    process.kill()
    process.join()
    assert queue.tasks_lost == 0
    queue.put(3)
    queue.get()
    joining.finish_the_last(queue)


def test_a_task_that_gives_others(ctx: Any) -> None:
    queue = ctx.JoinableQueue()
    workers = [ctx.Process(target=joining.put_and_work_on, args=(queue,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for _ in range(20):
        queue.put(5)
        queue.join()
        assert queue.empty() and queue._tasks.unfinished(queue._channel) == 0
    for _ in workers:
        queue.put(None)
    for worker in workers:
        worker.join()


def test_more_in_hand_than_a_reference_counts(ctx: Any) -> None:
    queue, many = ctx.JoinableQueue(), 66_000
    for _ in range(many):
        queue.put(None)
        queue.get()
    assert queue._tasks.unfinished(queue._channel) == many
    for _ in range(many):
        queue.task_done()
    queue.join()
    with pytest.raises(ValueError, match="too many times"):
        queue.task_done()


def test_one_process_has_it_twice_and_drops_one_with_tasks_in_hand(ctx: Any) -> None:
    process = ctx.Process(target=joining.have_it_twice, args=(ctx,))  # what it drops stays until its end
    process.start()
    process.join(PATIENCE)
    assert process.exitcode == 0


def test_putters_are_killed_at_any_moment(ctx: Any) -> None:
    queue = ctx.JoinableQueue()
    for _ in range(10):
        putters = [ctx.Process(target=joining.put_for_ever, args=(queue,)) for _ in range(2)]
        for putter in putters:
            putter.start()
        seen = 0
        while seen < 50:
            queue.get(timeout=PATIENCE)
            queue.task_done()
            seen += 1
        for putter in putters:
            putter.kill()
        for putter in putters:
            putter.join()
        while not queue.empty():
            queue.get()
            queue.task_done()
        thread = joining.joins(queue)
        thread.join(PATIENCE)
        assert not thread.is_alive(), "join waits for what was never put"
    assert queue.tasks_lost == 0


def test_what_cannot_be_pickled_is_not_waited_for(ctx: Any) -> None:
    queue = ctx.JoinableQueue()
    with pytest.raises((TypeError, pickle.PicklingError)):
        queue.put(threading.Lock())
    queue.join()


def test_the_killed_had_more_in_hand_than_a_reference_counts(ctx: Any) -> None:
    many = 66_000
    queue, taken = ctx.JoinableQueue(), ctx.Queue()
    for _ in range(many + 2):
        queue.put(None)
    process = start(ctx, queue, taken, many, "sleep")
    queue.get()
    queue.get()
    queue.task_done()
    process.kill()
    process.join()
    joining.finish_the_last(queue)
    assert queue.tasks_lost == many


def test_many_in_hand_are_left_in_order(ctx: Any) -> None:
    many = 40_000
    queue, taken = ctx.JoinableQueue(), ctx.Queue()
    for _ in range(many):
        queue.put(None)
    process = start(ctx, queue, taken, many, "leave")
    process.join()
    for _ in range(many - 1):
        queue.task_done()
    joining.finish_the_last(queue)
    with pytest.raises(ValueError, match="too many times"):
        queue.task_done()
