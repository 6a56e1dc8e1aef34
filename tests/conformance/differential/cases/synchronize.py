"""Locks, semaphores, conditions, events, barriers."""

from __future__ import annotations

import pickle
import threading
from multiprocessing import synchronize
from typing import Any

from others import answer, code, nothing
from words import caught, told


def _named(ctx: Any) -> Any:
    return {name: getattr(ctx, name)() for name in ("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event")}


def _in_thread(function: Any, *args: Any) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(told(function, *args)), name="other")
    thread.start()
    thread.join()
    return found[0]


def _taken(lock: Any, times: int = 1) -> Any:
    for _ in range(times):
        lock.acquire()
    return lock


def _several(lock: Any, *calls: Any) -> Any:
    return [told(getattr(lock, name), *args) for name, *args in calls]


def _try(lock: Any) -> Any:
    return lock.acquire(False)


def _give(lock: Any) -> Any:
    return lock.release()


def _both(lock: Any) -> Any:
    return lock.acquire(), repr(lock), lock.release(), repr(lock)


def _sizeable(thing: Any) -> bool:
    return len(pickle.dumps(thing)) > 0


def locks_look_alike(ctx: Any) -> Any:
    return {name: repr(each) for name, each in _named(ctx).items()}


def locks_are_of_the_classes_of_synchronize(ctx: Any) -> Any:
    return {name: isinstance(each, getattr(synchronize, name)) for name, each in _named(ctx).items()}


def lock_taken_looks(ctx: Any) -> Any:
    return (repr(_taken(ctx.Lock())), repr(_taken(ctx.RLock(), 2)), repr(_taken(ctx.Semaphore(2))), repr(_taken(ctx.BoundedSemaphore(2))))


def lock_taken_by_thread_looks(ctx: Any) -> Any:
    lock, rlock, other = ctx.Lock(), ctx.RLock(), ctx.RLock()
    _taken(other)
    _in_thread(lock.acquire)
    ready, go = threading.Event(), threading.Event()

    def hold() -> None:
        with rlock:
            ready.set()
            go.wait()

    thread = threading.Thread(target=hold, name="holder")
    thread.start()
    ready.wait()
    seen = repr(lock), repr(rlock), _in_thread(repr, other)
    go.set()
    thread.join()
    return seen


def lock_in_child_looks(ctx: Any) -> Any:
    lock, rlock = _taken(ctx.Lock()), _taken(ctx.RLock())
    return answer(ctx, repr, lock), answer(ctx, repr, rlock)


def lock_released_by_child(ctx: Any) -> Any:
    lock = _taken(ctx.Lock())
    return answer(ctx, _give, lock), lock.acquire(False)


def rlock_released_by_child(ctx: Any) -> Any:
    return answer(ctx, _give, _taken(ctx.RLock()))


def lock_tried_by_child(ctx: Any) -> Any:
    return answer(ctx, _try, _taken(ctx.Lock())), answer(ctx, _both, ctx.RLock())


def lock_left_taken_by_child(ctx: Any) -> Any:
    lock = ctx.Lock()
    return code(ctx, _try, lock), lock.acquire(timeout=0.01), repr(lock)


def rlock_left_taken_by_child(ctx: Any) -> Any:
    lock = ctx.RLock()
    return code(ctx, _try, lock), lock.acquire(timeout=0.01), repr(lock)


def lock_released_by_thread(ctx: Any) -> Any:
    lock = _taken(ctx.Lock())
    return _in_thread(lock.release), repr(lock)


def lock_as_context(ctx: Any) -> Any:
    seen = []
    for each in _named(ctx).values():
        if not isinstance(each, synchronize.Event):
            with each as value:
                seen.append((value, repr(each)))
    return seen


def lock_as_context_that_is_released_inside(ctx: Any) -> Any:
    lock = ctx.Lock()
    with lock:
        lock.release()


def lock_pickled(ctx: Any) -> Any:
    return {name: told(_sizeable, each) for name, each in _named(ctx).items()}


def barrier_pickled(ctx: Any) -> Any:
    return told(_sizeable, ctx.Barrier(2))


def semaphore_from_zero(ctx: Any) -> Any:
    semaphore = ctx.Semaphore(0)
    return _several(semaphore, ("acquire", False), ("release",), ("get_value",), ("acquire", True, 0), ("get_value",))


def semaphore_by_children(ctx: Any) -> Any:
    semaphore = ctx.Semaphore(2)
    return code(ctx, _try, semaphore), answer(ctx, _try, semaphore), answer(ctx, _try, semaphore), semaphore.get_value()


def bounded_semaphore_by_child(ctx: Any) -> Any:
    return answer(ctx, _give, ctx.BoundedSemaphore(2))


def condition_with_lock(ctx: Any) -> Any:
    lock = ctx.Lock()
    condition = ctx.Condition(lock)
    with lock:
        return (repr(condition), told(condition.wait, 0), told(condition.notify), told(condition.release), told(condition.acquire))


def condition_with_semaphore(ctx: Any) -> Any:
    condition = ctx.Condition(ctx.Semaphore(1))
    with condition:
        return told(condition.wait, 0)


def condition_waits_with_rlock_taken_twice(ctx: Any) -> Any:
    condition = ctx.Condition()
    with condition, condition:
        return condition.wait(0), told(condition.release), told(condition.acquire)


def condition_wakes_so_many(ctx: Any) -> Any:
    condition = ctx.Condition()
    woken: list[int] = []
    asleep = threading.Semaphore(0)

    def sleep() -> None:
        with condition:
            asleep.release()
            condition.wait()
            woken.append(1)
            asleep.release()

    threads = [threading.Thread(target=sleep) for _ in range(3)]
    for each in threads:
        each.start()
    for _ in threads:
        asleep.acquire()
    with condition:
        condition.notify(2)
    asleep.acquire()
    asleep.acquire()
    with condition:
        seen = len(woken)
        condition.notify(1)
    for each in threads:
        each.join()
    return seen, len(woken)


def condition_wait_for(ctx: Any) -> Any:
    condition = ctx.Condition()
    with condition:
        return (
            condition.wait_for(lambda: 5),
            condition.wait_for(lambda: 0, timeout=0.01),
            condition.wait_for(lambda: "", 0),
            condition.wait_for(list, -1),
            told(condition.wait_for, lambda: 1 / 0),
        )


def condition_after_child(ctx: Any) -> Any:
    return answer(ctx, _use_condition, ctx.Condition())


def _use_condition(condition: Any) -> Any:
    with condition:
        return repr(condition), condition.wait(0.01), told(condition.notify, 1), told(condition.notify_all)


def event_states(ctx: Any) -> Any:
    event = ctx.Event()
    return [
        (event.is_set(), repr(event), event.wait(0), event.wait(-1), event.wait(0.01)),
        (event.set(), event.is_set(), repr(event), event.wait(), event.set(), event.wait(0)),
        (event.clear(), event.is_set(), event.clear(), repr(event)),
    ]


def event_set_by_child(ctx: Any) -> Any:
    event = ctx.Event()
    return answer(ctx, event.set), event.wait(), answer(ctx, event.is_set)


def barrier_of_one(ctx: Any) -> Any:
    said: list[str] = []
    barrier = ctx.Barrier(1, lambda: said.append("through"))
    return barrier.wait(), barrier.wait(0), said, barrier.n_waiting, barrier.broken, barrier.parties


def barrier_times_out(ctx: Any) -> Any:
    barrier = ctx.Barrier(2, timeout=0.01)
    return (told(barrier.wait), barrier.broken, told(barrier.wait), barrier.reset(), barrier.broken, barrier.n_waiting, told(barrier.wait, 0))


def barrier_aborted(ctx: Any) -> Any:
    barrier = ctx.Barrier(2)
    return barrier.abort(), barrier.broken, told(barrier.wait), barrier.reset(), barrier.broken


def barrier_whose_action_fails(ctx: Any) -> Any:
    barrier = ctx.Barrier(1, lambda: 1 / 0)
    return told(barrier.wait), barrier.broken, told(barrier.wait)


def barrier_with_threads(ctx: Any) -> Any:
    barrier = ctx.Barrier(3)
    came: list[int] = []
    threads = [threading.Thread(target=lambda: came.append(barrier.wait())) for _ in range(2)]
    for each in threads:
        each.start()
    came.append(barrier.wait())
    for each in threads:
        each.join()
    return sorted(came)


def barrier_with_child(ctx: Any) -> Any:
    barrier = ctx.Barrier(2)
    process = ctx.Process(target=barrier.wait)
    process.start()
    came = barrier.wait()
    process.join()
    return came in (0, 1), process.exitcode, barrier.n_waiting


def barrier_reset_while_one_waits(ctx: Any) -> Any:
    barrier = ctx.Barrier(2)
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(told(barrier.wait)))
    thread.start()
    while not barrier.n_waiting:
        pass
    barrier.reset()
    thread.join()
    return found, barrier.broken


def lock_subclass(ctx: Any) -> Any:
    class Mine(type(ctx.Lock())):  # type: ignore[misc]
        pass

    return repr(Mine(ctx=ctx.get_context()))


TABLE = {
    "release a lock that is free": lambda ctx: ctx.Lock().release(),
    "release an RLock that is free": lambda ctx: ctx.RLock().release(),
    "release an RLock of another thread": lambda ctx: _in_thread(_taken(ctx.RLock()).release),
    "release an RLock too often": lambda ctx: _several(_taken(ctx.RLock(), 2), ("release",), ("release",), ("release",)),
    "release a bounded semaphore too often": lambda ctx: ctx.BoundedSemaphore(2).release(),
    "release a semaphore above its value": lambda ctx: _several(ctx.Semaphore(1), ("release",), ("get_value",)),
    "acquire without waiting": lambda ctx: [_several(_taken(ctx.Lock()), ("acquire", False)), _several(_taken(ctx.RLock()), ("acquire", False))],
    "acquire with timeout 0": lambda ctx: _taken(ctx.Lock()).acquire(timeout=0),
    "acquire with a negative timeout": lambda ctx: _taken(ctx.Lock()).acquire(timeout=-1),
    "acquire a free lock with a negative timeout": lambda ctx: ctx.Lock().acquire(timeout=-1),
    "acquire with a timeout": lambda ctx: _taken(ctx.Lock()).acquire(True, 0.01),
    "acquire with no block and a timeout": lambda ctx: _taken(ctx.Lock()).acquire(False, 5),
    "acquire with timeout None": lambda ctx: ctx.Lock().acquire(True, None),
    "acquire with a timeout that is text": lambda ctx: ctx.Lock().acquire(True, "1"),
    "acquire with too many arguments": lambda ctx: caught(TypeError, ctx.Lock().acquire, True, 1, 2),
    "acquire by unknown keyword": lambda ctx: caught(TypeError, ctx.Lock().acquire, blocking=True),
    "acquire by keyword": lambda ctx: (ctx.Lock().acquire(block=True, timeout=1), ctx.Semaphore().acquire(block=False)),
    "acquire a semaphore with a negative timeout": lambda ctx: _taken(ctx.Semaphore()).acquire(True, -0.5),
    "acquire an RLock of another thread": lambda ctx: _in_thread(_taken(ctx.RLock()).acquire, False),
    "release with an argument": lambda ctx: caught(TypeError, ctx.Lock().release, 1),
    "a lock with an argument": lambda ctx: ctx.Lock(1),
    "a lock by the class without a context": lambda ctx: type(ctx.Lock())(),
    "semaphore of a negative value": lambda ctx: ctx.Semaphore(-1),
    "semaphore of a huge value": lambda ctx: caught(OverflowError, ctx.Semaphore, 1 << 40),
    "semaphore of a value that is text": lambda ctx: caught(TypeError, ctx.Semaphore, "1"),
    "semaphore of a float": lambda ctx: caught(TypeError, ctx.Semaphore, 1.5),
    "semaphore of True": lambda ctx: repr(ctx.Semaphore(True)),
    "bounded semaphore of a negative value": lambda ctx: ctx.BoundedSemaphore(-2),
    "bounded semaphore of 0": lambda ctx: _several(ctx.BoundedSemaphore(0), ("acquire", False), ("release",), ("get_value",)),
    "bounded semaphore of text": lambda ctx: caught(TypeError, ctx.BoundedSemaphore, "2"),
    "semaphore by keyword": lambda ctx: ctx.Semaphore(value=3).get_value(),
    "the largest value": lambda ctx: ctx.Semaphore(synchronize.SEM_VALUE_MAX).get_value(),
    "release at the largest value": lambda ctx: ctx.Semaphore(synchronize.SEM_VALUE_MAX).release(),
    "condition wait without the lock": lambda ctx: ctx.Condition().wait(0),
    "condition notify without the lock": lambda ctx: ctx.Condition().notify(),
    "condition notify_all without the lock": lambda ctx: ctx.Condition().notify_all(),
    "condition wait_for without the lock": lambda ctx: ctx.Condition().wait_for(lambda: False, 0),
    "condition wait_for true without the lock": lambda ctx: ctx.Condition().wait_for(lambda: True),
    "condition wait with a negative timeout": lambda ctx: _taken(ctx.Condition()).wait(-1),
    "condition wait with timeout by keyword": lambda ctx: _taken(ctx.Condition()).wait(timeout=0.01),
    "condition notify a negative number": lambda ctx: _taken(ctx.Condition()).notify(-1),
    "condition notify by keyword": lambda ctx: _taken(ctx.Condition()).notify(n=2),
    "condition release without the lock": lambda ctx: ctx.Condition().release(),
    "condition of a thread's lock": lambda ctx: ctx.Condition(threading.Lock()).wait(0),
    "condition taken looks": lambda ctx: repr(_taken(ctx.Condition(ctx.Lock()))),
    "event is_set with an argument": lambda ctx: ctx.Event().is_set(1),
    "event waited for with text": lambda ctx: ctx.Event().wait("1"),
    "event has no isSet": lambda ctx: ctx.Event().isSet(),
    "barrier of none": lambda ctx: ctx.Barrier(0),
    "barrier of less than none": lambda ctx: ctx.Barrier(-1),
    "barrier looks": lambda ctx: repr(ctx.Barrier(2)),
    "barrier parties cannot be set": lambda ctx: setattr(ctx.Barrier(2), "parties", 3),
    "barrier wait with timeout 0": lambda ctx: told(ctx.Barrier(2).wait, 0),
    "barrier wait with a negative timeout": lambda ctx: told(ctx.Barrier(2).wait, -1),
    "event target of a process": lambda ctx: code(ctx, ctx.Event().set),
    "lock is not hashable by value": lambda ctx: (hash(lock := ctx.Lock()) == hash(lock), lock == lock, ctx.Lock() == ctx.Lock()),
    "nothing in child": lambda ctx: code(ctx, nothing, ctx.Lock(), ctx.RLock(), ctx.Condition(), ctx.Event(), ctx.Semaphore(), ctx.Barrier(2)),
}  # fmt: skip
