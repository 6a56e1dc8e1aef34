"""The executor, and what a worker's death costs it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import dragon
import pytest
import targets
import tasks
from dragon._books import Books
from dragon._crew import Worker

PATIENCE = 60


@pytest.fixture
def executor(ctx: Any) -> Iterator[dragon.ProcessPoolExecutor]:
    with dragon.ProcessPoolExecutor(2) as executor:
        yield executor


def test_the_ways_to_use_it(executor: dragon.ProcessPoolExecutor) -> None:
    assert isinstance(executor, concurrent.futures.ProcessPoolExecutor)
    squares = [number * number for number in range(200)]
    assert executor.submit(targets.square, 3).result(PATIENCE) == 9
    assert list(executor.map(targets.square, range(200))) == squares
    assert list(executor.map(targets.square, range(200), chunksize=7)) == squares
    assert list(executor.map(pow, [2, 3], [3, 2])) == [8, 9]
    futures = {executor.submit(targets.square, number): number for number in range(50)}
    for future in concurrent.futures.as_completed(futures, PATIENCE):
        assert future.result(0) == futures[future] ** 2
    assert list(executor.map(targets.square, [])) == []


def test_errors_come_back_whole(executor: dragon.ProcessPoolExecutor) -> None:
    error = executor.submit(targets.square_or_raise, 13).exception(PATIENCE)
    assert isinstance(error, ValueError) and "square_or_raise" in str(error.__cause__)
    with pytest.raises(SystemExit, match="3"):  # as the standard library's
        executor.submit(targets.end_with, 3).result(PATIENCE)
    with pytest.raises(ValueError, match="chunksize"):
        executor.map(targets.square, [1], chunksize=0)


def test_what_cannot_travel_is_told_and_nothing_else_suffers(executor: dragon.ProcessPoolExecutor) -> None:
    with pytest.raises(SystemExit):
        executor.submit(tasks.exiting_result).result(PATIENCE)
    for _ in range(2):  # whoever takes such a result in, this thread or the executor's
        future = executor.submit(tasks.exiting_result)
        concurrent.futures.wait([future], PATIENCE)
        assert isinstance(future.exception(0), SystemExit)
    with pytest.raises(TypeError, match="not to be pickled"):
        executor.submit(tasks.result_not_picklable).result(PATIENCE)
    with pytest.raises(TypeError, match="not to be pickled"):
        executor.submit(targets.nothing, tasks.NotPicklable()).result(PATIENCE)
    assert executor.submit(targets.square, 5).result(PATIENCE) == 25


def test_a_killed_worker_costs_its_task_alone(executor: dragon.ProcessPoolExecutor) -> None:
    futures = [executor.submit(targets.square_or_die, number) for number in range(40)]
    for number, future in enumerate(futures):
        if number == 13:
            with pytest.raises(dragon.WorkerDied, match="was killed by SIGKILL") as caught:
                future.result(PATIENCE)
            assert isinstance(caught.value, BrokenProcessPool)
            assert "targets.square_or_die(13)" in caught.value.task
        else:
            assert future.result(PATIENCE) == number * number
    assert executor.submit(targets.square, 5).result(PATIENCE) == 25


def test_a_lost_task_is_run_again_as_often_as_was_said(ctx: Any, tmp_path: Any) -> None:
    with dragon.ProcessPoolExecutor(2, retries=2) as executor:
        assert executor.submit(tasks.die_at_first, str(tmp_path / "twice"), 2).result(PATIENCE) == 2
        with pytest.raises(dragon.WorkerDied):
            executor.submit(tasks.die_at_first, str(tmp_path / "thrice"), 3).result(PATIENCE)
    with pytest.raises(ValueError, match="retries"):
        dragon.ProcessPoolExecutor(2, retries=-1)


@pytest.mark.parametrize("initializer", [targets.fail, tasks.leave])
def test_an_initializer_that_fails_breaks_it(ctx: Any, initializer: Any) -> None:
    with dragon.ProcessPoolExecutor(2, initializer=initializer) as executor:
        future = executor.submit(targets.square, 2)
        with pytest.raises(BrokenProcessPool) as caught:
            future.result(PATIENCE)
        assert isinstance(caught.value, dragon.InitializerFailed)
        if initializer is targets.fail:
            assert isinstance(caught.value.__cause__, ValueError)
        with pytest.raises(BrokenProcessPool):
            executor.submit(targets.square, 2)


def test_what_no_worker_has_can_be_cancelled(ctx: Any, tmp_path: Any) -> None:
    gate = ctx.Event()
    executor = dragon.ProcessPoolExecutor(1, initializer=tasks.keep, initargs=(gate,))
    futures = [executor.submit(tasks.wait_for_kept) for _ in range(20)]
    assert futures[0].running() and not futures[0].cancel()
    assert futures[19].cancel() and futures[19].cancelled()
    executor.shutdown(wait=False, cancel_futures=True)
    gate.set()
    executor.shutdown()
    done, cancelled = [each for each in futures if not each.cancelled()], [each for each in futures if each.cancelled()]
    assert 1 <= len(done) <= 3 and all(
        each.result(0) for each in done
    )  # one at work, and one or two more in the worker's hands
    assert len(cancelled) == 20 - len(done)
    concurrent.futures.wait(futures, 0)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(targets.square, 1)


def test_workers_come_as_they_are_needed_and_live_as_long_as_is_said(ctx: Any) -> None:
    with dragon.ProcessPoolExecutor(4) as executor:
        for number in range(5):
            assert executor.submit(targets.square, number).result(PATIENCE) == number * number
        assert len(executor._processes) == 1
    with dragon.ProcessPoolExecutor(2, max_tasks_per_child=3) as executor:
        pids = list(executor.map(targets.pid, range(30)))
    assert len(set(pids)) >= 10 and all(pids.count(pid) <= 3 for pid in set(pids))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="came with Python 3.11")
def test_the_standard_librarys_finds_its_workers_that_have_run_their_last_task(ctx: Any) -> None:
    with concurrent.futures.ProcessPoolExecutor(1, ctx, max_tasks_per_child=1) as executor:
        assert len({executor.submit(targets.pid, 0).result(PATIENCE) for _ in range(3)}) == 3


def test_one_that_is_dropped_does_what_it_has_and_ends(ctx: Any) -> None:
    executor = dragon.ProcessPoolExecutor(1)
    future = executor.submit(targets.square, 4)
    del executor
    assert future.result(PATIENCE) == 16


def test_asyncio_runs_tasks_in_it(executor: dragon.ProcessPoolExecutor) -> None:
    async def several() -> list[Any]:
        loop = asyncio.get_running_loop()
        tasks = [loop.run_in_executor(executor, targets.square_or_die, number) for number in range(12, 15)]
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = asyncio.run(several())
    assert (first, third) == (144, 196) and isinstance(second, dragon.WorkerDied)


def test_many_threads_use_it_at_once(executor: dragon.ProcessPoolExecutor) -> None:
    wrong: list[int] = []

    def use(start: int) -> None:
        for number in range(start, start + 50):
            if executor.submit(targets.square, number).result(PATIENCE) != number * number:
                wrong.append(number)

    threads = [threading.Thread(target=use, args=(start * 1000,)) for start in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_result_that_is_there_before_its_task_is_written_down() -> None:
    """Who sends a large task lets go of the interpreter's lock, and may get it again later than the thread that takes results in."""
    seen = []

    class Tasks:
        def send(self, data: bytes, timeout: float, flags: int) -> None:
            self.asker = threading.Thread(target=lambda: seen.append(books.has(1, (7, 0))))
            self.asker.start()
            self.asker.join(0.1)  # asks before this has returned, or waits until it has

    books = Books(0, wanted=lambda key: True, failed=lambda key, error: None)
    worker = Worker(1, None, Tasks())  # type: ignore[arg-type]
    books.expect(worker)
    books.joined(worker)
    books.give((7, 0, targets.square, (3,), {}))
    worker.tasks.asker.join(PATIENCE)  # type: ignore[attr-defined]
    assert seen == [worker]


def test_the_arguments_are_checked(ctx: Any) -> None:
    import multiprocessing

    with pytest.raises(ValueError, match="greater than 0"):
        dragon.ProcessPoolExecutor(0)
    with pytest.raises(TypeError, match="callable"):
        dragon.ProcessPoolExecutor(1, initializer=1)
    with pytest.raises(ValueError, match="not spawn"):
        dragon.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    with pytest.raises(ValueError, match=">= 1"):
        dragon.ProcessPoolExecutor(1, max_tasks_per_child=0)


def test_the_standard_librarys_own_works_and_breaks_promptly(ctx: Any) -> None:
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=ctx) as executor:
        assert list(executor.map(targets.square, range(20))) == [number * number for number in range(20)]
        victim = executor.submit(targets.pid, 0).result(PATIENCE)
        future = executor.submit(targets.sleep)
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(BrokenProcessPool):
            future.result(PATIENCE)
