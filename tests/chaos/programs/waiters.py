"""Processes parked on an Event that is never set, on a Condition, on a Semaphore, on a Pipe and at a Barrier that is never full."""

import multiprocessing as mp

import dragon  # noqa: F401


def on_event(ready, event):
    ready.release()
    event.wait()


def on_condition(ready, condition):
    with condition:
        ready.release()
        while True:
            condition.wait()


def on_semaphore(ready, semaphore):
    ready.release()
    semaphore.acquire()


def on_pipe(ready, end):
    ready.release()
    end.recv()


def at_barrier(ready, barrier):
    ready.release()
    barrier.wait()


if __name__ == "__main__":
    mp.set_start_method("dragon")
    ready = mp.Semaphore(0)
    condition, event = mp.Condition(), mp.Event()
    here, there = mp.Pipe()
    parts = [
        (on_event, event),
        (on_event, event),
        (on_condition, condition),
        (on_condition, condition),
        (on_semaphore, mp.Semaphore(0)),
        (on_pipe, there),
        (at_barrier, mp.Barrier(3)),
    ]
    everyone = [mp.Process(target=target, args=(ready, what)) for target, what in parts]
    for each in everyone:
        each.start()
    for _ in everyone:
        ready.acquire()
    print("ready", flush=True)
    while True:
        with condition:
            condition.notify()
            condition.wait(0.05)
