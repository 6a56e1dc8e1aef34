"""Locks, semaphores, conditions, events, barriers."""

from __future__ import annotations

import pathlib
import threading
from typing import Any

import dragon
import pytest
import targets

PATIENCE = 60


def test_lock(ctx: Any) -> None:
    lock = ctx.Lock()
    assert repr(lock) == "<Lock(owner=None)>"
    assert lock.acquire() and not lock.acquire(False) and not lock.acquire(True, 0.01) and not lock.acquire(timeout=-1)
    assert repr(lock) == "<Lock(owner=MainProcess)>"
    lock.release()
    with pytest.raises(ValueError, match="semaphore or lock released too many times"):
        lock.release()
    with lock:
        assert not lock.acquire(block=False)


def test_any_thread_may_release_a_lock(ctx: Any) -> None:
    lock = ctx.Lock()
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    thread.join()
    assert repr(lock) in ("<Lock(owner=SomeOtherThread)>", "<Lock(owner=SomeOtherProcess)>")
    lock.release()
    assert lock.acquire(False)


def test_rlock(ctx: Any) -> None:
    lock = ctx.RLock()
    assert repr(lock) == "<RLock(None, 0)>"
    assert lock.acquire() and lock.acquire()
    assert repr(lock) == "<RLock(MainProcess, 2)>"
    lock.release()
    lock.release()
    with pytest.raises(AssertionError, match="attempt to release recursive lock not owned by thread"):
        lock.release()


def test_semaphores(ctx: Any) -> None:
    semaphore = ctx.Semaphore(2)
    assert repr(semaphore) == "<Semaphore(value=2)>"
    assert (
        semaphore.acquire()
        and semaphore.acquire()
        and not semaphore.acquire(False)
        and not semaphore.acquire(True, 0.01)
    )
    for value in (1, 2, 3):
        semaphore.release()
        assert semaphore.get_value() == value
    bounded = ctx.BoundedSemaphore(1)
    assert repr(bounded) == "<BoundedSemaphore(value=1, maxvalue=1)>"
    with pytest.raises(ValueError, match="semaphore or lock released too many times"):
        bounded.release()


def test_a_lock_excludes(ctx: Any) -> None:
    lock, counter = ctx.Lock(), ctx.RawValue("q", 0)
    processes = [ctx.Process(target=targets.add_up, args=(lock, counter, 2000)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert counter.value == 4000


@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_the_lock_of_a_killed_owner_is_given_on_with_the_news(ctx: Any, kind: str) -> None:
    lock, held = getattr(ctx, kind)(), ctx.Event()
    process = ctx.Process(target=targets.hold, args=(lock, held, True))
    process.start()
    assert held.wait(PATIENCE)
    assert lock.acquire(timeout=PATIENCE)
    assert lock.owner_died
    if kind == "RLock":
        with lock:
            assert lock.owner_died, "to take it once more loses the news"
        assert lock.owner_died
    lock.release()
    assert lock.acquire() and not lock.owner_died
    process.join()


@pytest.mark.parametrize("kind", [dragon.Lock, dragon.RLock])
@pytest.mark.parametrize(
    "enter", [lambda lock: lock.acquire(timeout=PATIENCE), lambda lock: lock.__enter__()], ids=["acquire", "with"]
)
def test_a_lock_that_raises_when_its_owner_was_killed(ctx: Any, kind: Any, enter: Any) -> None:
    lock, held = kind(on_death="raise"), ctx.Event()
    process = ctx.Process(target=targets.hold, args=(lock, held, True))
    process.start()
    assert held.wait(PATIENCE)
    with pytest.raises(dragon.OwnerDied, match="may be half done"):
        enter(lock)
    process.join()
    process = ctx.Process(target=targets.hold, args=(lock, held, True))  # it is free, and goes on as it was made
    held.clear()
    process.start()
    assert held.wait(PATIENCE)
    process.join()
    with pytest.raises(dragon.OwnerDied):
        enter(lock)
    assert lock.acquire(False)
    lock.release()
    with pytest.raises(ValueError, match="on_death must be"):
        kind(on_death="nothing")


def test_a_condition_waits_for_a_lock_whose_next_owner_is_killed(ctx: Any) -> None:
    condition, held = ctx.Condition(dragon.Lock(on_death="raise")), ctx.Event()
    with pytest.raises(dragon.OwnerDied, match="held by you"), condition:
        process = ctx.Process(target=targets.notify_and_die, args=(condition, held))
        process.start()
        condition.wait(PATIENCE)
    assert held.is_set()
    process.join()
    assert condition.acquire(False)
    condition.release()


def test_the_lock_of_an_owner_that_ended_in_order_stays(ctx: Any) -> None:
    lock, held = ctx.Lock(), ctx.Event()
    process = ctx.Process(target=targets.hold, args=(lock, held, False))
    process.start()
    process.join()
    assert held.is_set() and not lock.acquire(False)
    lock.release()
    assert lock.acquire(False)


def test_condition(ctx: Any) -> None:
    condition, sleeping, woken = ctx.Condition(), ctx.Semaphore(0), ctx.Queue()
    processes = [ctx.Process(target=targets.wait_for, args=(condition, sleeping, woken)) for _ in range(3)]
    for process in processes:
        process.start()
        assert sleeping.acquire(timeout=PATIENCE)
    with condition:
        assert repr(condition) == "<Condition(<RLock(MainProcess, 1)>, 3)>"
        condition.notify()
    assert woken.get(timeout=PATIENCE) is True
    assert woken.empty()
    with condition:
        condition.notify_all()
    assert [woken.get(timeout=PATIENCE) for _ in range(2)] == [True, True]
    for process in processes:
        process.join()
    with condition:
        assert condition.wait(0.01) is False
        assert condition.wait_for(lambda: True)
        assert not condition.wait_for(lambda: False, 0.01)


def test_a_condition_needs_its_lock(ctx: Any) -> None:
    condition = ctx.Condition(ctx.Lock())
    for use in (condition.wait, condition.notify, condition.notify_all):
        with pytest.raises(AssertionError):
            use()
    with pytest.raises(TypeError, match="one of its own locks"):
        ctx.Condition(threading.Lock())


def test_a_killed_sleeper_takes_no_notification_with_it(ctx: Any) -> None:
    condition, sleeping, woken = ctx.Condition(), ctx.Semaphore(0), ctx.Queue()
    processes = [ctx.Process(target=targets.wait_for, args=(condition, sleeping, woken)) for _ in range(2)]
    for process in processes:
        process.start()
        assert sleeping.acquire(timeout=PATIENCE)
    with condition:
        pass  # both sleep now
    processes[0].kill()
    processes[0].join()
    with condition:
        condition.notify(2)
    assert woken.get(timeout=PATIENCE) is True
    processes[1].join()


def test_event(ctx: Any) -> None:
    event = ctx.Event()
    assert not event.is_set() and not event.wait(0) and not event.wait(0.01)
    assert "unset" in repr(event)
    thread = threading.Timer(0.05, event.set)
    thread.start()
    assert event.wait(PATIENCE) and event.is_set() and event.wait()
    event.clear()
    assert not event.is_set()
    thread.join()


def test_barrier(ctx: Any) -> None:
    barrier, passed = ctx.Barrier(3), ctx.Queue()
    processes = [ctx.Process(target=targets.pass_barrier, args=(barrier, passed)) for _ in range(2)]
    for process in processes:
        process.start()
    mine = barrier.wait(PATIENCE)
    others = [passed.get(timeout=PATIENCE) for _ in range(2)]
    assert sorted([mine, *others]) == [0, 1, 2]
    for process in processes:
        process.join()
    barrier.abort()
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait()
    barrier.reset()
    assert not barrier.broken and barrier.n_waiting == 0


def test_who_is_killed_in_a_barrier_breaks_it(ctx: Any) -> None:
    for _ in range(3):
        barrier, results = ctx.Barrier(4), ctx.Queue()
        processes = [ctx.Process(target=targets.pass_until_broken, args=(barrier, results)) for _ in range(3)]
        for process in processes:
            process.start()
        for _ in range(3):
            barrier.wait(PATIENCE)
        while barrier.n_waiting < 3:
            threading.Event().wait(0.001)
        processes[0].kill()  # it waits for the fourth, which does not come
        assert abs(results.get(timeout=PATIENCE) - results.get(timeout=PATIENCE)) <= 1
        assert barrier.broken
        for process in processes:
            process.join()
        barrier.reset()
        assert barrier.n_waiting == 0 and not barrier.broken


def test_who_is_killed_elsewhere_breaks_no_barrier(ctx: Any) -> None:
    barrier, ready = ctx.Barrier(2), ctx.Queue()
    ends = [end for _ in range(2) for end in ctx.Pipe()]
    process = ctx.Process(target=targets.wait_on_several, args=(barrier, ready, ends[::2]))
    process.start()
    assert ready.get(timeout=PATIENCE) == 2
    state = ""
    while state != "S":  # it waits
        state = pathlib.Path(f"/proc/{process.os_pid}/stat").read_text().rpartition(") ")[2][0]
    process.kill()
    process.join()
    assert not barrier.broken


def test_killed_anywhere_on_the_way_nobody_waits_for_the_dead(ctx: Any) -> None:
    for delay in (0.0, 0.0005, 0.001, 0.002, 0.005):
        barrier, results = ctx.Barrier(3), ctx.Queue()
        processes = [ctx.Process(target=targets.pass_until_broken, args=(barrier, results)) for _ in range(3)]
        for process in processes:
            process.start()
        threading.Event().wait(delay + 0.02)
        processes[1].kill()
        processes[1].join()
        barrier.abort()  # it may have died outside
        results.get(timeout=PATIENCE)
        results.get(timeout=PATIENCE)
        for process in processes:
            process.join()


def test_how_a_generation_ended_is_told_to_each(ctx: Any) -> None:
    barrier, heard = ctx.Barrier(3), []

    def come() -> None:
        try:
            heard.append(barrier.wait(PATIENCE))
        except threading.BrokenBarrierError:
            heard.append("broken")

    for ending in ("reset", "abort"):
        heard.clear()
        thread = threading.Thread(target=come)
        thread.start()
        while barrier.n_waiting == 0:
            thread.join(0.001)
        getattr(barrier, ending)()
        thread.join()
        assert heard == ["broken"] and barrier.broken == (ending == "abort")
    barrier.reset()
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait(0.01)
    assert barrier.broken


def test_an_action_that_fails_breaks_the_barrier(ctx: Any) -> None:
    def fail() -> None:
        raise KeyError("action")

    barrier = ctx.Barrier(1, fail)
    with pytest.raises(KeyError, match="action"):
        barrier.wait()
    assert barrier.broken
    done: list[int] = []
    barrier = ctx.Barrier(1, lambda: done.append(1))
    assert barrier.wait() == barrier.wait() == 0 and done == [1, 1]
