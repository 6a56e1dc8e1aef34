"""A pool that nobody has any more is ended by the garbage collector, which runs in any thread at any moment: also where that thread has a lock of that very pool."""

from __future__ import annotations

import gc
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import targets
import tasks

PATIENCE = 60


@pytest.fixture
def quiet() -> Iterator[None]:
    """No collection but those that the test asks for, and no word of what is collected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
        gc.disable()
        yield
        gc.enable()


def garbage(ctx: Any) -> Any:
    """A pool that only a cycle keeps: its dispatcher."""
    pool = ctx.Pool(2)
    assert pool.apply(targets.square, (3,)) == 9
    pool.itself = pool
    return pool._dispatcher


def ended(dispatcher: Any) -> bool:
    for thread in dispatcher.threads:
        thread.join(PATIENCE)
    processes = dispatcher.crew.processes
    return not any(thread.is_alive() for thread in dispatcher.threads) and None not in [
        each.exitcode for each in processes
    ]


def collect_holding(lock: Any) -> None:
    with lock:
        assert gc.collect() > 0


@pytest.mark.parametrize("lock", ["books", "populating", "taking"])
def test_by_a_thread_that_holds_a_lock_of_the_pool(ctx: Any, quiet: None, lock: str) -> None:
    dispatcher = garbage(ctx)
    held = {
        "books": dispatcher.books.lock,
        "populating": dispatcher.crew._populating,
        "taking": dispatcher.intake._taking,
    }[lock]
    thread = threading.Thread(target=collect_holding, args=(held,), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive(), "the collector waits for a lock of its own thread"
    assert ended(dispatcher)


def test_by_a_callback_of_its_own(ctx: Any, quiet: None) -> None:
    pool = ctx.Pool(2)
    results: list[Any] = []
    cycle: list[Any] = [pool]
    cycle.append(cycle)

    def callback(value: int) -> None:
        results.append((value, gc.collect()))

    go = ctx.Event()
    for _ in range(3):
        pool.apply_async(tasks.wait_on, (go,), callback=callback)
    dispatcher = pool._dispatcher
    del pool, cycle
    go.set()
    for thread in dispatcher.threads:
        thread.join(PATIENCE)
    assert ended(dispatcher) and results


class Collects:
    """Is pickled, and collects."""

    def __reduce__(self) -> Any:
        gc.collect()
        return int, (3,)


def test_in_the_middle_of_calls_of_another(ctx: Any, quiet: None) -> None:
    with ctx.Pool(1) as pool:
        for _ in range(3):
            dispatcher = garbage(ctx)
            assert pool.apply(targets.square, (Collects(),)) == 9
            assert ended(dispatcher)


def test_of_which_something_is_still_waited_for(ctx: Any, quiet: None) -> None:
    pool = ctx.Pool(1)
    never = ctx.Event()
    result = pool.apply_async(tasks.wait_on, (never,))
    result._pool = None  # else it keeps the pool
    dispatcher = pool._dispatcher
    pool.itself = pool
    del pool
    gc.collect()
    with pytest.raises(Exception, match="was terminated before this was done"):
        result.get(PATIENCE)
    assert ended(dispatcher)
