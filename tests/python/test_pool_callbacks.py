"""What a user's code may do to a pool or executor from within it: in callbacks, initializers and iterables. Nothing of it may wait without end."""

from __future__ import annotations

import os
import time
from typing import Any

import dragon
import pytest
import targets
import tasks

PATIENCE = 60


@pytest.fixture
def warm(ctx: Any) -> Any:
    """A pool whose results come so quickly that who waits for one takes it in itself, and its callback is called there."""
    with ctx.Pool(2) as pool:
        for _ in range(50):
            pool.apply(targets.square, (1,))
        yield pool


def call_back(pool: Any, act: Any) -> tuple[int, list[Any]]:
    """The result of a task whose callback acts, and what came of it; in whichever thread."""
    came: list[Any] = []

    def callback(value: int) -> None:
        try:
            came.append(act())
        except RuntimeError as error:
            came.append(str(error))

    return pool.apply_async(targets.square, (3,), callback=callback).get(PATIENCE), came


def test_a_callback_ends_the_pool(warm: Any) -> None:
    assert call_back(warm, warm.terminate) == (9, [None])
    warm.join()


def test_a_callback_cannot_join_the_pool_or_wait_for_a_result(warm: Any) -> None:
    value, (text,) = call_back(warm, lambda: warm.apply(targets.square, (2,)))
    assert value == 9 and "waits for a result of the same one" in text
    value, (text,) = call_back(warm, lambda: warm.close() or warm.join())
    assert value == 9 and "cannot join" in text
    warm.join()


def test_a_pool_that_only_its_result_keeps(ctx: Any) -> None:
    for _ in range(5):
        pool = ctx.Pool(1)
        for _ in range(50):
            pool.apply(targets.square, (1,))
        result = pool.apply_async(targets.square, (3,))
        with pytest.warns(ResourceWarning, match="unclosed running"):
            del pool
            assert result.get(PATIENCE) == 9


def test_an_iterable_that_exits_or_kills(warm: Any) -> None:
    results = warm.imap(targets.square, tasks.numbers_then_exit())
    assert [next(results), next(results)] == [1, 4]
    with pytest.raises(SystemExit, match="had enough"):
        results.next(PATIENCE)
    results = warm.imap(targets.square, tasks.numbers_then_death())
    assert next(results) == 1
    with pytest.raises(dragon.WorkerDied):
        results.next(PATIENCE)
    assert warm.apply(targets.square, (4,)) == 16


def test_an_imap_goes_on_past_a_map(ctx: Any) -> None:
    """The iterable is gone through again once there is room, also where the last thing that made room was the end of a map."""
    begin = ctx.Event()
    with ctx.Pool(1, tasks.keep, (begin,)) as pool:
        dispatcher = pool._dispatcher
        numbers = pool.imap(tasks.after_kept, range(1000))
        while len(dispatcher.books.pending) < 256:
            time.sleep(0.005)
        mapped = pool.map_async(tasks.after_kept, range(3))
        with dispatcher.books.lock:
            dispatcher.books.pending.insert(128, dispatcher.books.pending.pop())
        begin.set()
        assert [numbers.next(PATIENCE) for _ in range(1000)] == list(range(1000))
        assert mapped.get(PATIENCE) == [0, 1, 2]
    pool.join()


def test_polling_an_imap_keeps_nothing(warm: Any) -> None:
    results = warm.imap(targets.sleep, [3600])
    for _ in range(10):
        with pytest.raises(tasks.TimeoutError):
            results.next(0)
    assert not results._waiting


def test_an_initializer_whose_error_cannot_be_unpickled(ctx: Any) -> None:
    with ctx.Pool(1, initializer=tasks.fail_stubbornly) as pool:
        with pytest.raises(dragon.InitializerFailed) as error:
            pool.apply_async(targets.square, (1,)).get(PATIENCE)
        assert isinstance(error.value.__cause__, LookupError)
    pool.join()


def test_an_initializer_that_leaves_in_order(ctx: Any) -> None:
    with (
        ctx.Pool(1, initializer=tasks.leave_in_order) as pool,
        pytest.raises(dragon.InitializerFailed, match="exit code 0"),
    ):
        pool.apply_async(targets.square, (1,)).get(PATIENCE)
    pool.join()


def test_a_future_cancelled_by_shutdown_submits_another(ctx: Any) -> None:
    executor = dragon.ProcessPoolExecutor(1, ctx)
    said: list[str] = []

    def again(future: Any) -> None:
        try:
            executor.submit(targets.square, 1)
        except RuntimeError as error:
            said.append(str(error))

    futures = [executor.submit(targets.square, number) for number in range(500)]
    for future in futures:
        future.add_done_callback(lambda future: again(future) if future.cancelled() else None)
    executor.shutdown(cancel_futures=True)
    assert all(future.done() for future in futures)
    assert set(said) <= {"cannot schedule new futures after shutdown"}


def test_what_a_task_that_was_taken_back_referred_to_is_freed(ctx: Any) -> None:
    """One worker is held up, so that the other takes over what it was given and had not begun."""
    from dragon import _handle

    with ctx.Pool(2) as pool:
        for _ in range(200):
            pool.apply(targets.square, (1,))
        queue = ctx.Queue()
        before = _handle.exported
        pool.map(tasks.put_number, [(queue, number) for number in range(100)], chunksize=1)
        assert _handle.exported > before
        assert sorted(queue.get(timeout=PATIENCE) for _ in range(100)) == list(range(100))
        assert not pool._dispatcher.books.pins
    pool.join()


def test_no_task_waits_behind_a_long_one_while_a_worker_is_idle(ctx: Any) -> None:
    """All answers of the other worker are dealt with at once, while the tasks' end has not been seen: the callback before them holds them up."""
    event, told = ctx.Event(), ctx.Event()
    with ctx.Pool(2) as pool:
        intake = pool._dispatcher.intake
        first = pool.apply_async(targets.square, (1,), callback=lambda _: told.set() or intake.channel.poll(PATIENCE))
        assert told.wait(PATIENCE)
        held = pool.apply_async(tasks.wait_on, (event,))
        assert pool.map_async(targets.square, [3, 4], chunksize=1).get(PATIENCE / 4) == [9, 16]
        assert not held.ready()
        event.set()
        assert (held.get(PATIENCE), first.get(PATIENCE)) == (True, 1)
    pool.join()


def test_a_forked_child_cannot_use_its_parents_pool(ctx: Any, warm: Any) -> None:
    executor = dragon.ProcessPoolExecutor(1, ctx)
    assert executor.submit(targets.square, 3).result(PATIENCE) == 9
    pending = warm.apply_async(targets.sleep, (0.5,))
    child = os.fork()
    if child == 0:
        refused = 0
        asks = pending.get, lambda: warm.apply(targets.square, (1,)), lambda: list(warm.imap(targets.square, [1]))
        for ask in (*asks, lambda: executor.submit(targets.square, 1)):
            try:
                ask()
            except RuntimeError:
                refused += 1
        executor.shutdown()
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 4
    assert pending.get(PATIENCE) is None
    assert warm.map(targets.square, range(10)) == [number * number for number in range(10)]
    executor.shutdown()
