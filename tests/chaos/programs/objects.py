"""Kills a process that waits on, holds, or is in the middle of each kind of object; the others go on within a second.

`python objects.py SCENARIO...` prints one line for each: its name, ok or what went wrong, and the seconds from the kill to the survivors' step.
"""

import multiprocessing as mp
import os
import pathlib
import signal
import sys
import time
from multiprocessing import connection

import dragon  # noqa: F401

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

from procs import Stopwatch

SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def parked(process):
    """Waits until the process sleeps in the kernel on a futex."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with open(f"/proc/{process.os_pid}/wchan") as file:
            if "futex" in file.read():
                return
        time.sleep(0.001)
    raise AssertionError(f"{process.name} does not wait")


def start(target, *args):
    process = mp.Process(target=target, args=args, name=target.__name__)
    process.start()
    return process


def kill(process):
    """Kills it; a stopwatch from that moment on."""
    moment = Stopwatch()
    os.kill(process.os_pid, signal.SIGKILL)
    return moment


def call(what, name, report, *args):
    """In a child: one operation, then word of it."""
    report.put((os.getpid(), getattr(what, name)(*args)))


def hold(lock, ready):
    lock.acquire()
    ready.set()
    time.sleep(1000)


def of_lock(lock):
    ready, report = mp.Event(), mp.Queue()
    owner = start(hold, lock, ready)
    ready.wait()
    waiters = [start(acquire_and_release, lock, report) for _ in range(3)]
    for each in waiters:
        parked(each)
    moment = kill(owner)
    for _ in waiters:
        report.get(timeout=10)
    return moment, [owner, *waiters]


def acquire_and_release(lock, report):
    with lock:
        report.put(os.getpid())


@scenario
def lock():
    return of_lock(mp.Lock())


@scenario
def rlock():
    return of_lock(mp.RLock())


@scenario
def lock_waiter():
    lock, report = mp.Lock(), mp.Queue()
    lock.acquire()
    victim, waiter = (start(acquire_and_release, lock, report) for _ in range(2))
    parked(victim)
    parked(waiter)
    moment = kill(victim)
    lock.release()
    assert report.get(timeout=10) == waiter.os_pid
    return moment, [victim, waiter]


@scenario
def get():
    queue, report = mp.Queue(), mp.Queue()
    victim, waiter = start(call, queue, "get", report), start(call, queue, "get", report)
    parked(victim)
    parked(waiter)
    moment = kill(victim)
    queue.put("message")
    assert report.get(timeout=10) == (waiter.os_pid, "message")
    return moment, [victim, waiter]


@scenario
def put():
    queue, report = mp.Queue(1), mp.Queue()
    queue.put("first")
    victim, waiter = start(call, queue, "put", report, "victim"), start(call, queue, "put", report, "waiter")
    parked(victim)
    parked(waiter)
    moment = kill(victim)
    assert queue.get(timeout=10) == "first"
    assert report.get(timeout=10) == (waiter.os_pid, None)
    assert queue.get(timeout=10) == "waiter"
    return moment, [victim, waiter]


@scenario
def semaphore():
    semaphore, report = mp.Semaphore(0), mp.Queue()
    victim, waiter = start(call, semaphore, "acquire", report), start(call, semaphore, "acquire", report)
    parked(victim)
    parked(waiter)
    moment = kill(victim)
    semaphore.release()
    assert report.get(timeout=10) == (waiter.os_pid, True)
    return moment, [victim, waiter]


def wait_on(condition, report):
    with condition:
        report.put(os.getpid())
        condition.wait()
    report.put(os.getpid())


@scenario
def condition():
    condition, report = mp.Condition(), mp.Queue()
    victim, waiter = start(wait_on, condition, report), start(wait_on, condition, report)
    assert {report.get(timeout=10), report.get(timeout=10)} == {victim.os_pid, waiter.os_pid}
    parked(victim)
    parked(waiter)
    moment = kill(victim)
    with condition:
        condition.notify(2)  # one may be spent on the dead; a death that is known costs none
    assert report.get(timeout=10) == waiter.os_pid
    return moment, [victim, waiter]


@scenario
def condition_lock():
    """Killed while it holds the condition's lock: a waiter can still be notified and take it."""
    condition, report, ready = mp.Condition(), mp.Queue(), mp.Event()
    waiter = start(wait_on, condition, report)
    report.get(timeout=10)
    parked(waiter)
    victim = start(hold, condition, ready)
    ready.wait()
    moment = kill(victim)
    with condition:
        condition.notify()
    report.get(timeout=10)
    return moment, [victim, waiter]


@scenario
def event():
    event, report = mp.Event(), mp.Queue()
    victim, waiter = start(call, event, "wait", report), start(call, event, "wait", report)
    parked(victim)
    parked(waiter)
    moment = kill(victim)
    event.set()
    assert report.get(timeout=10) == (waiter.os_pid, True)
    return moment, [victim, waiter]


def keep(end, ready):
    ready.set()
    time.sleep(1000)


@scenario
def pipe():
    ready = mp.Event()
    here, there = mp.Pipe()
    victim = start(keep, there, ready)
    there.close()
    ready.wait()
    moment = kill(victim)
    try:
        here.recv()
    except EOFError:
        return moment, [victim]
    raise AssertionError("recv gave something")


@scenario
def sentinel():
    victim = start(time.sleep, 1000)
    moment = kill(victim)
    assert connection.wait([victim.sentinel], timeout=10) == [victim.sentinel]
    return moment, [victim]


@scenario
def parent_of_daemon():
    """Its daemon ends with it; its other child goes on."""
    report, go = mp.Queue(), mp.Event()
    victim = start(have_children, report, go)
    daemon, child = report.get(timeout=10), report.get(timeout=10)
    moment = kill(victim)
    await_end(daemon)
    go.set()
    assert report.get(timeout=10) == child
    return moment, [victim]


def await_end(os_pid):
    try:
        fd = os.pidfd_open(os_pid)
    except ProcessLookupError:
        return
    assert connection.wait([fd], timeout=10), f"{os_pid} lives on"
    os.close(fd)


def have_children(report, go):
    daemon = mp.Process(target=time.sleep, args=(1000,), daemon=True)
    child = mp.Process(target=go_on, args=(report, go))
    daemon.start()
    child.start()
    report.put(daemon.os_pid)
    report.put(child.os_pid)
    time.sleep(1000)


def go_on(report, go):
    go.wait()
    report.put(os.getpid())


def main(names):
    for name in names or SCENARIOS:
        try:
            moment, processes = SCENARIOS[name]()
            took = moment.seconds()
            for each in processes:
                each.join(10)
            codes = [each.exitcode for each in processes]
            good = codes[0] == -signal.SIGKILL and not any(codes[1:])
            print(name, "ok" if good else f"exit codes {codes}", f"{took:.3f}", flush=True)
        except Exception as problem:
            print(name, f"{type(problem).__name__}: {problem}", "0", flush=True)
            for each in mp.active_children():
                each.kill()


if __name__ == "__main__":
    mp.set_start_method("dragon")
    main(sys.argv[1:])
