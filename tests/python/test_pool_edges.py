"""A pool at its edges: what is huge, empty, late, nested, shared by threads, or beside another start method. CPython's pool is the measure where it gives one."""

from __future__ import annotations

import itertools
import mmap
import multiprocessing as mp
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import dragon
import pytest
import targets
import tasks

PATIENCE = 60


@pytest.fixture
def pool(ctx: Any) -> Any:
    with ctx.Pool(2) as pool:
        yield pool
    pool.join()


@pytest.mark.parametrize("size", [1, 2, 7, 10, 11, 1 << 40])
def test_chunks_of_any_size(pool: Any, size: int) -> None:
    squares = [number * number for number in range(10)]
    assert pool.map(targets.square, range(10), size) == squares
    assert list(pool.imap(targets.square, range(10), size)) == squares
    assert sorted(pool.imap_unordered(targets.square, range(10), size)) == squares
    assert pool.starmap(pow, [(number, 2) for number in range(10)], size) == squares


def test_nothing_to_do(pool: Any) -> None:
    for nothing in ([], (), range(0), iter([])):
        assert pool.map(targets.square, nothing) == []
        assert list(pool.imap(targets.square, nothing)) == []
        assert pool.starmap(pow, nothing) == []
    done: list[Any] = []
    assert pool.map_async(targets.square, [], callback=done.append).get(PATIENCE) == []
    for size in (0, -1):
        with pytest.raises(ValueError, match=r"Chunksize must be 1\+"):
            pool.imap(targets.square, [1], size)
        with pytest.raises(ValueError, match=r"Chunksize must be 1\+"):
            pool.imap_unordered(targets.square, [1], size)


def test_a_time_limit_is_kept_and_costs_nothing(ctx: Any, pool: Any) -> None:
    go = ctx.Event()
    result, each = pool.apply_async(tasks.wait_on, (go,)), pool.imap(tasks.wait_on, [go])
    for ask in (result.get, each.next):
        for limit in (0, 0.05):
            begin = time.monotonic()
            with pytest.raises(mp.TimeoutError):
                ask(limit)
            assert time.monotonic() - begin < limit + 5
    result.wait(0.01)
    assert not result.ready()
    with pytest.raises(ValueError, match="not ready"):
        result.successful()
    go.set()
    assert result.get(PATIENCE) and each.next(PATIENCE) and result.successful()


def raising(count: int) -> Iterator[int]:
    yield from range(count)
    raise KeyError("the iterable's")


def test_an_iterable_that_raises(pool: Any) -> None:
    with pytest.raises(KeyError, match="the iterable's"):
        pool.map(targets.square, raising(3))
    for imap in (pool.imap, pool.imap_unordered):
        results = imap(targets.square, raising(3))
        with pytest.raises(KeyError, match="the iterable's"):
            while True:
                next(results)
        with pytest.raises(StopIteration):
            while True:
                next(results)
    assert pool.apply(targets.square, (3,)) == 9


def test_an_endless_iterable_is_taken_as_far_as_the_workers_go(ctx: Any) -> None:
    """CPython's imap takes all of it at once, until memory is used up."""
    taken = itertools.count()
    with ctx.Pool(2) as pool:
        results = pool.imap(targets.square, (next(taken) for _ in itertools.repeat(None)))
        assert list(itertools.islice(results, 500)) == [number * number for number in range(500)]
        assert pool.apply(targets.square, (3,)) == 9
    pool.join()


def test_results_and_arguments_of_a_hundred_megabytes(pool: Any) -> None:
    size = 100 << 20
    assert len(pool.apply(bytes, (size,))) == size
    assert pool.apply(len, (bytearray(size),)) == size
    assert [len(each) for each in pool.map(bytearray, [size // 4] * 4, 1)] == [size // 4] * 4


def test_locks_queues_and_pipes_go_with_a_task(ctx: Any, pool: Any) -> None:
    """CPython refuses them there: they "should only be shared between processes through inheritance"."""
    queue, simple, joinable = ctx.Queue(), ctx.SimpleQueue(), ctx.JoinableQueue()
    near, far = ctx.Pipe()
    lock, event, value = ctx.Lock(), ctx.Event(), ctx.Value("i", 3)
    assert pool.apply(tasks.use_all, (queue, simple, joinable, far, lock, event, value)) == 4
    assert queue.get(timeout=PATIENCE) == simple.get() == joinable.get() == near.recv() == "used"
    joinable.task_done()
    joinable.join()
    assert event.is_set() and value.value == 4 and lock.acquire(False)
    lock.release()
    near.close()
    far.close()
    simple.close()


def test_terminate_in_the_midst_of_a_hundred_thousand(ctx: Any) -> None:
    pool = ctx.Pool(2)
    each = pool.imap(targets.square, range(100_000))
    assert next(each) == 0
    results = [pool.map_async(targets.square, range(100_000), chunksize=1) for _ in range(2)]
    singles = [pool.apply_async(targets.square, (number,)) for number in range(1000)]
    begin = time.monotonic()
    pool.terminate()
    pool.join()
    assert time.monotonic() - begin < 10
    for result in (*results, singles[-1]):
        if not result.ready() or not result.successful():
            with pytest.raises(mp.ProcessError, match="terminated before this was done"):
                result.get(PATIENCE)
    with pytest.raises((mp.ProcessError, StopIteration)):
        while True:
            each.next(PATIENCE)
    assert not mp.active_children()


def test_threads_share_one_pool(pool: Any) -> None:
    failures: list[Any] = []

    def use(base: int) -> None:
        try:
            for number in range(base, base + 40):
                assert pool.apply(targets.square, (number,)) == number * number
                assert pool.map(targets.square, [number] * 5, 1) == [number * number] * 5
                assert list(pool.imap_unordered(targets.square, [number] * 5)) == [number * number] * 5
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=use, args=(100 * index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not failures and not any(thread.is_alive() for thread in threads)


def test_threads_share_one_manager(ctx: Any) -> None:
    with ctx.Manager() as manager:
        shared, lock = manager.dict(), manager.Lock()
        shared["sum"] = 0

        def add() -> None:
            for _ in range(30):
                with lock:
                    shared["sum"] += 1

        threads = [threading.Thread(target=add) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert shared["sum"] == 240


def test_a_pool_of_a_thread_that_ends_without_it(ctx: Any) -> None:
    pools: list[Any] = []

    def make() -> None:
        pools.append(ctx.Pool(2))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join(PATIENCE)
    (pool,) = pools
    assert pool.map(targets.square, range(5)) == [0, 1, 4, 9, 16]
    pool.close()
    pool.join()


def test_pools_within_pools(ctx: Any) -> None:
    """CPython refuses them: daemonic processes are not allowed to have children. So do we; of an executor's workers it allows them."""
    with (
        ctx.Pool(1) as pool,
        pytest.raises(AssertionError, match="daemonic processes are not allowed to have children"),
    ):
        pool.apply(tasks.inner_pool, (3,))
    pool.join()
    with dragon.ProcessPoolExecutor(2) as executor:
        assert list(executor.map(tasks.inner_pool, [2, 3])) == [[0, 1], [0, 1, 4]]


def test_a_child_that_user_code_forks_makes_a_pool_of_its_own(ctx: Any, pool: Any) -> None:
    assert pool.apply(targets.square, (3,)) == 9
    child = os.fork()
    if child == 0:
        try:
            with ctx.Pool(1) as own:
                right = own.map(targets.square, [2, 3]) == [4, 9]
            own.join()
            os._exit(0 if right else 1)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert pool.apply(targets.square, (3,)) == 9


def test_callbacks_that_raise(pool: Any, capfd: Any) -> None:
    def fail(value: Any) -> None:
        raise LookupError(f"callback of {value}")

    assert pool.apply_async(targets.square, (3,), callback=fail).get(PATIENCE) == 9
    assert pool.map_async(targets.square, [1, 2], callback=fail).get(PATIENCE) == [1, 4]
    with pytest.raises(ValueError, match="unlucky"):
        pool.apply_async(targets.square_or_raise, (13,), error_callback=fail).get(PATIENCE)
    assert pool.apply(targets.square, (3,)) == 9
    assert capfd.readouterr().err.count("LookupError: callback of") == 3


def test_an_answer_that_can_neither_be_sent_nor_shown(pool: Any) -> None:
    """It costs no worker: an object that is too large to be pickled may be too large for a repr, too."""
    workers = [worker.pid for worker in pool._pool]
    with pytest.raises(mp.pool.MaybeEncodingError, match=r"<tasks\.Unshown object at .*not to be sent"):
        pool.apply(tasks.Unshown)
    assert pool.map(abs, [-1, 2]) == [1, 2] and [worker.pid for worker in pool._pool] == workers


def test_its_context_is_there_as_cpythons(ctx: Any, pool: Any) -> None:
    assert pool._ctx.get_start_method() == "dragon"
    with dragon.pool.Pool(1) as bare:
        assert bare.apply(abs, (-3,)) == 3
    bare.join()


@pytest.mark.parametrize("chunksize", [0, -1, 1.5])
def test_a_map_in_chunks_of_none_is_refused_and_harms_nothing(ctx: Any, chunksize: Any) -> None:
    pool = ctx.Pool(1)
    for call in (pool.map, pool.starmap_async, pool.imap, pool.imap_unordered):
        with pytest.raises((ValueError, TypeError), match=r"Chunksize must be 1\+|cannot be interpreted as an integer"):
            call(targets.square, [1, 2], chunksize=chunksize)
    assert pool.map(targets.square, [2]) == [4] and pool.map(targets.square, [], chunksize=chunksize) == []
    pool.terminate()
    pool.join()


def test_a_large_task_and_its_answer_are_copied_only_once_on_their_way_out(ctx: Any) -> None:
    """Into the pickle. Each more takes so much more memory: of a task of gigabytes that is what a process may not have."""
    size = 40 << 20  # more than malloc keeps for the next
    pages = size // mmap.PAGESIZE
    with ctx.Pool(1) as pool:
        for _ in range(2):  # what is in use for the first time is counted, too
            tasks.faults()
            assert pool.apply(len, ([tasks.ones(size)],)) == 1
            sent = tasks.faults()
            pool.apply(tasks.faults)
            assert len(pool.apply(tasks.ones, (size,))[0]) == size
            answered = pool.apply(tasks.faults)
        assert 0 < sent < 1.5 * pages and 0 < answered < 1.5 * pages
    pool.join()


def test_a_task_without_a_name_that_its_worker_died_of(ctx: Any) -> None:
    with ctx.Pool(2) as pool, pytest.raises(dragon.WorkerDied, match=r"this task: tasks\.Unfriendly\(\)"):
        pool.apply_async(tasks.Unfriendly()).get(PATIENCE / 4)
    pool.join()
