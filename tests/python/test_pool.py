"""The pool, and what a worker's death costs it."""

from __future__ import annotations

import mmap
import multiprocessing
import os
import pickle
import signal
import threading
from typing import Any

import pytest
import targets
import tasks

PATIENCE = 60


@pytest.fixture
def pool(ctx: Any) -> Any:
    with ctx.Pool(2) as pool:
        yield pool
    pool.join()


def be_full(pool: Any, size: int) -> None:
    """Waits until the pool has all of its workers."""
    while len(pool._pool) < size:
        pool.apply(targets.pid, (0,))


def test_the_ways_to_use_it(pool: Any) -> None:
    squares = [number * number for number in range(200)]
    assert pool.map(targets.square, range(200)) == squares
    assert pool.map(targets.square, range(200), chunksize=1) == squares
    assert list(pool.imap(targets.square, range(200))) == squares
    assert sorted(pool.imap_unordered(targets.square, range(200), chunksize=7)) == squares
    assert pool.apply(targets.square, (3,)) == 9
    assert pool.starmap(pow, [(2, 3), (3, 2)]) == [8, 9]
    assert pool.map_async(targets.square, [5]).get(PATIENCE) == [25]
    assert pool.map(targets.square, []) == []


def test_errors_come_back(pool: Any) -> None:
    with pytest.raises(ValueError, match="unlucky") as error:
        pool.map(targets.square_or_raise, range(20), chunksize=1)
    assert "square_or_raise" in str(error.value.__cause__)
    with pytest.raises(TypeError, match=r"cannot pickle '_thread.lock' object \(args\[0\]"):
        pool.apply(targets.square, (threading.Lock(),))
    assert pool.apply(targets.square, (2,)) == 4


def test_callbacks_that_fail_hurt_nobody_else(pool: Any, capfd: Any) -> None:
    told: list[Any] = []

    def fail(value: Any) -> None:
        told.append(value)
        raise ValueError("of a callback")

    results = [pool.apply_async(targets.square, (number,), callback=fail) for number in (1, 2, 3)]
    assert [result.get(PATIENCE) for result in results] == [1, 4, 9]
    assert sorted(told) == [1, 4, 9]
    assert pool.apply(targets.square, (5,)) == 25
    assert capfd.readouterr().err.count("ValueError: of a callback") == 3


def test_large_arguments_and_results(pool: Any) -> None:
    numpy = pytest.importorskip("numpy")
    grid = numpy.ones((500, 500))
    assert (pool.apply(numpy.add, (grid, grid)) == 2 * grid).all()


def test_a_killed_worker_costs_its_task_alone(ctx: Any) -> None:
    from dragon import WorkerDied

    with ctx.Pool(2) as pool:
        results = [pool.apply_async(targets.square_or_die, (number,)) for number in range(40)]
        for number, result in enumerate(results):
            if number == 13:
                with pytest.raises(WorkerDied, match="was killed by SIGKILL while it ran this task"):
                    result.get(PATIENCE)
            else:
                assert result.get(PATIENCE) == number * number
        be_full(pool, 2)
    pool.join()


def test_the_error_says_all_there_is_to_say(pool: Any) -> None:
    from dragon import WorkerDied

    with pytest.raises(WorkerDied) as caught:
        pool.map(targets.square_or_die, range(12, 15), chunksize=1)
    error = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(error, multiprocessing.ProcessError)
    assert (error.exitcode, error.signal) == (-signal.SIGKILL, signal.SIGKILL)
    assert error.host == os.uname().nodename and error.id > 1 << 32 and error.os_pid > 0
    assert error.task == "targets.square_or_die(13) (task 1 of its job, counted from 0)"
    assert f"(id {error.id}, pid {error.os_pid} on {error.host})" in str(error)


def test_its_last_words_are_told(pool: Any) -> None:
    from dragon import WorkerDied

    with pytest.raises(WorkerDied) as caught:
        pool.apply(targets.say_last_words, (3,))
    assert caught.value.stderr == "line 0\nline 1\nline 2\nand a half"
    assert str(caught.value).endswith(caught.value.stderr)


def test_a_lost_task_is_run_again_as_often_as_was_said(ctx: Any, tmp_path: Any) -> None:
    from dragon import WorkerDied

    with ctx.Pool(2, retries=2) as pool:
        assert pool.apply(tasks.die_at_first, (str(tmp_path / "twice"), 2)) == 2
        with pytest.raises(WorkerDied):
            pool.apply(tasks.die_at_first, (str(tmp_path / "thrice"), 3))
        assert pool.map(targets.square, range(20), chunksize=1) == [number * number for number in range(20)]
    pool.join()


def test_a_task_that_is_run_again_is_what_it_was(ctx: Any, tmp_path: Any) -> None:
    with ctx.Pool(1, retries=2) as pool:
        pool.apply(targets.square, (1,))
        queue, array, box = ctx.Queue(), bytearray(b"a" * 10_000), [1]
        go = ctx.Event()
        args = [go, str(tmp_path / "book"), queue, array, box]
        result = pool.apply_async(tasks.put_or_die, args)
        box.append(2)
        array[:] = b"b" * 10_000
        args[2] = None
        go.set()
        assert result.get(PATIENCE) == 1  # how often it died
        assert queue.get(timeout=PATIENCE) == [b"a", [1]]


@pytest.mark.parametrize(("size", "error"), [(1 << 39, MemoryError), (1 << 44, ValueError)])
def test_an_argument_that_memory_has_no_room_for_costs_no_worker(ctx: Any, size: int, error: type[Exception]) -> None:
    huge = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)  # MAP_NORESERVE
    with ctx.Pool(1) as pool:
        for _ in range(3):
            with pytest.raises(error):
                pool.apply(len, (pickle.PickleBuffer(huge),))
            with pytest.raises(error):
                pool.apply(tasks.huge, (size,))
            assert pool.apply(targets.square, (3,)) == 9


@pytest.mark.parametrize("initializer", [targets.fail, tasks.leave, targets.kill_self])
def test_an_initializer_that_fails_is_told(ctx: Any, initializer: Any) -> None:
    from dragon import InitializerFailed

    with ctx.Pool(2, initializer) as pool:
        with pytest.raises(InitializerFailed) as caught:
            pool.map(targets.square, range(5))
        if initializer is targets.fail:
            assert isinstance(caught.value.__cause__, ValueError)
        with pytest.raises(InitializerFailed):
            pool.apply_async(targets.square, (1,)).get(PATIENCE)
        with pytest.raises(InitializerFailed):
            list(pool.imap(targets.square, range(5)))
    pool.join()


def test_imap_goes_on_after_an_error(pool: Any) -> None:
    for chunksize in (1, 4):
        results = pool.imap(targets.square_or_raise, range(20), chunksize=chunksize)
        got = []
        while True:
            try:
                got.append(next(results))
            except ValueError:
                got.append("unlucky")
            except StopIteration:
                break
        lost = range(13, 14) if chunksize == 1 else range(12, 16)
        wanted: list[Any] = [number * number for number in range(20)]
        wanted[lost[0] : lost[-1] + 1] = ["unlucky"]
        assert got == wanted


def test_terminate_does_not_wait_for_a_users_iterable(ctx: Any) -> None:
    gate = threading.Event()

    def things() -> Any:
        yield 1
        gate.wait()

    pool = ctx.Pool(1)
    results = pool.imap(targets.square, things())
    assert next(results) == 1
    pool.terminate()
    pool.join()
    gate.set()


class Alarmed(Exception):
    pass


def test_a_signal_handler_may_raise_at_any_moment(pool: Any) -> None:
    """The thread that waits takes results in itself; whatever interrupts it loses none, and none comes twice."""

    def ring(*_: Any) -> None:
        raise Alarmed

    before = signal.signal(signal.SIGALRM, ring)
    jobs: list[Any] = []
    interrupted = 0
    try:
        for number in range(400):
            result = pool.map_async(targets.square, range(number, number + 20), chunksize=1)
            jobs.append((number, result))
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0001 + (number % 40) * 0.00002)
                result.get(PATIENCE)
            except Alarmed:
                interrupted += 1
            try:
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Alarmed:
                interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupted
    for number, result in jobs:
        assert result.get(PATIENCE) == [each * each for each in range(number, number + 20)]


def test_an_idle_worker_that_is_killed_is_replaced(pool: Any) -> None:
    before = {process.os_pid for process in pool._pool}
    victim = pool._pool[0]
    os.kill(victim.os_pid, signal.SIGKILL)
    victim.join()
    assert pool.map(targets.square, range(50), chunksize=1) == [number * number for number in range(50)]
    be_full(pool, 2)
    assert {process.os_pid for process in pool._pool} != before


def test_a_worker_that_leaves(ctx: Any) -> None:
    from dragon import WorkerDied

    with ctx.Pool(1) as pool:
        with pytest.raises(WorkerDied, match="ended with exit code 3"):
            pool.apply(targets.end_with, (3,))
        assert pool.apply(targets.square, (2,)) == 4
    pool.join()


def test_workers_of_limited_life(ctx: Any) -> None:
    with ctx.Pool(2, maxtasksperchild=3) as pool:
        pids = pool.map(targets.pid, range(30), chunksize=1)
        pool.close()
        pool.join()
    assert len(set(pids)) >= 10 and all(pids.count(pid) <= 3 for pid in set(pids))


def test_close_does_what_is_left(ctx: Any) -> None:
    pool = ctx.Pool(2)
    result = pool.map_async(targets.square, range(100), chunksize=1)
    pool.close()
    with pytest.raises(ValueError, match="Pool not running"):
        pool.apply(targets.square, (1,))
    pool.join()
    assert result.get(0) == [number * number for number in range(100)]


def test_terminate_gives_up_what_is_left(ctx: Any) -> None:
    pool = ctx.Pool(2)
    pool.map_async(targets.sleep, range(1000, 2000), chunksize=1)
    pool.terminate()
    pool.join()
    assert all(process.exitcode is not None for process in pool._pool)


def test_the_arguments_are_checked(ctx: Any) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ctx.Pool(0)
    with pytest.raises(TypeError, match="callable"):
        ctx.Pool(1, initializer=1)
    with pytest.raises(ValueError, match="positive int"):
        ctx.Pool(1, maxtasksperchild=0)


def test_a_pool_that_is_dropped_warns_and_ends(ctx: Any) -> None:
    pool = ctx.Pool(1)
    with pytest.warns(ResourceWarning, match="unclosed running multiprocessing pool"):
        del pool
