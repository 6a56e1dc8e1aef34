"""multiprocessing's classes called by themselves, and a program's own that are derived from them: Dragon's where the context is, and whole after a journey."""

from __future__ import annotations

import multiprocessing as mp
import multiprocessing.connection
import multiprocessing.pool
import multiprocessing.queues
import multiprocessing.synchronize
import pickle
from typing import Any

import derived
import dragon
import pytest
import targets
from test_start_method import python

QUEUES = ("Queue", "JoinableQueue", "SimpleQueue")
LOCKS = ("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event")


@pytest.mark.parametrize(
    "module, name", [*(("queues", name) for name in QUEUES), *(("synchronize", name) for name in LOCKS)]
)
def test_a_class_by_itself_is_dragons(ctx: Any, module: str, name: str) -> None:
    kind = getattr(getattr(mp, module), name)
    assert type(kind(ctx=ctx)).__module__ == f"dragon.{module}"


@pytest.mark.parametrize(
    "name", ["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Simple", "Joinable"]
)
def test_a_derived_class_is_both_and_stays_so_on_its_way(ctx: Any, name: str) -> None:
    kind = getattr(derived, name)
    thing = kind(ctx=ctx)
    assert (
        isinstance(thing, kind)
        and type(thing).__name__ == name
        and type(thing).__mro__[2].__module__.startswith("dragon.")
    )
    again = pickle.loads(pickle.dumps(thing))
    assert type(again) is type(thing)


def test_a_derived_barrier(ctx: Any) -> None:
    barrier = derived.Barrier(1, ctx=ctx)
    assert barrier.wait() == 0 and type(barrier).__mro__[2].__module__ == "dragon.synchronize"


@pytest.mark.parametrize("kind", [derived.Counted, derived.Joinable, derived.Simple])
def test_a_derived_queue_and_lock_in_a_process(ctx: Any, kind: Any) -> None:
    queue, lock = kind(ctx=ctx), derived.Lock(ctx=ctx)
    child = ctx.Process(target=derived.fill, args=(queue, lock, [1, 2]), name="filler")
    child.start()
    assert [queue.get(), queue.get()] == [(kind.__name__, 1, "filler"), (kind.__name__, 2, "filler")]
    child.join()
    if kind is derived.Counted:
        assert queue.size.value == 2
    if kind is derived.Joinable:
        queue.task_done()
        queue.task_done()
        queue.join()


def test_a_derived_pool_survives_its_workers(ctx: Any) -> None:
    with derived.Pool(2, context=ctx) as pool:
        assert pool.twice(targets.square, [1, 2]) == [1, 4, 1, 4]
        with pytest.raises(dragon.WorkerDied):
            pool.apply(targets.kill_self)
        assert pool.map(targets.square, [3]) == [9]
    pool.join()


@pytest.mark.parametrize("chunksize", [1, 3])
def test_a_call_that_a_program_adds_to_the_pool(ctx: Any, chunksize: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mp.pool.Pool, "istarmap", derived.istarmap, raising=False)
    with ctx.Pool(2) as pool:
        assert list(pool.istarmap(pow, ((number, 2) for number in range(7)), chunksize)) == [n * n for n in range(7)]
    pool.join()


def test_results_are_of_multiprocessings_classes(ctx: Any) -> None:
    with ctx.Pool(1) as pool:
        assert isinstance(pool.map_async(targets.square, [1]), mp.pool.MapResult)  # type: ignore[attr-defined]
        assert isinstance(pool.imap_unordered(targets.square, [1]), mp.pool.IMapUnorderedIterator)
    pool.join()


def test_what_is_built_on_the_inside_of_multiprocessings_is_left_alone(ctx: Any) -> None:
    queue = derived.OnTheInside(ctx=ctx)
    assert queue.was_reset and type(queue) is derived.OnTheInside
    queue.close()
    queue._reader.close()
    queue._writer.close()


def test_without_a_context_the_default_one_decides() -> None:
    seen = python(
        "import multiprocessing as mp, multiprocessing.pool, multiprocessing.connection\n"
        "from multiprocessing.pool import Pool, ThreadPool\n"
        "import dragon\n"
        "mp.set_start_method('dragon')\n"
        "from multiprocessing.connection import Pipe\n"
        "spawn = mp.get_context('spawn')\n"
        "kinds = [type(Pool(1)), type(Pipe()[0]), type(ThreadPool(1)), type(spawn.Pipe()[0]), type(mp.synchronize.Lock(ctx=spawn))]\n"
        "print(*(kind.__module__ for kind in kinds))"
    )
    assert (
        seen
        == "dragon.pool dragon.connection multiprocessing.pool multiprocessing.connection multiprocessing.synchronize"
    )


def test_numbers_that_are_none(ctx: Any) -> None:
    with pytest.raises(TypeError, match="'float' object cannot be interpreted as an integer"):
        ctx.Pool(2.0)
    with pytest.raises(TypeError, match="'float' object cannot be interpreted as an integer"):
        ctx.Queue(1.5)


def test_a_time_that_is_no_number_is_refused(ctx: Any) -> None:
    nan = float("nan")
    condition, queue = ctx.Condition(), ctx.Queue()
    for wait in (queue.get, ctx.Event().wait, ctx.Lock().acquire, ctx.Pipe()[0].poll):
        with pytest.raises(ValueError, match="NaN"):
            wait(timeout=nan)
    with condition, pytest.raises(ValueError, match="NaN"):
        condition.wait_for(lambda: False, nan)


def test_more_notified_than_can_ever_wait(ctx: Any) -> None:
    condition = ctx.Condition()
    with condition:
        condition.notify(2**63)


def test_a_class_that_uses_the_inside_of_multiprocessings_keeps_to_it(ctx: Any) -> None:
    queue, lock = derived.ByItsParts(ctx=ctx), ctx.Lock()
    assert type(queue) is derived.ByItsParts
    child = ctx.Process(target=derived.fill, args=(queue, lock, [1]), name="filler")
    child.start()
    assert queue.get() == ("ByItsParts", 1, "filler")
    child.join()
    queue.close()
