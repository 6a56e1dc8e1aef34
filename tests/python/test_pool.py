"""The pool, and what a worker's death costs it."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
import targets

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
    with pytest.raises(Exception, match=r"Can.t (pickle|get local)"):
        pool.apply(lambda: None)
    assert pool.apply(targets.square, (2,)) == 4


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
