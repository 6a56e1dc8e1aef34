"""Workers that use a manager's dict: one of them is killed, then the server. Says what the others and a caller in the middle of a call learn, and when."""

import multiprocessing as mp
import os
import pathlib
import signal
import sys
import threading
import time
from multiprocessing.managers import SyncManager

import dragon  # noqa: F401
from dragon.connection import ListenerGone

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

from procs import Stopwatch


class Blocking:
    def begin(self, event):
        event.set()
        threading.Event().wait()


class Manager(SyncManager):
    pass


Manager.register("Blocking", Blocking)


def use(shared, number, reports):
    """Changes the dict until the server is gone."""
    try:
        for count in range(1 << 60):
            shared[number] = count
            if count == 100:
                reports.put("busy")
    except ListenerGone as error:
        reports.put((time.monotonic(), str(error)))


def wait(blocking, begun, reports):
    """A call that never returns."""
    try:
        blocking.begin(begun)
    except ListenerGone as error:
        reports.put((time.monotonic(), str(error)))


if __name__ == "__main__":
    mp.set_start_method("dragon")
    manager = Manager()
    manager.start()
    server = manager._process.os_pid
    shared, blocking, begun, reports = manager.dict(), manager.Blocking(), mp.Event(), mp.Queue()
    workers = [mp.Process(target=use, args=(shared, number, reports)) for number in range(3)]
    workers.append(mp.Process(target=wait, args=(blocking, begun, reports)))
    for worker in workers:
        worker.start()
    for _ in range(3):
        assert reports.get() == "busy"
    workers[0].kill()
    workers[0].join()
    before = dict(shared)
    while any(shared[number] <= before[number] + 100 for number in (1, 2)):
        pass
    print("the others go on", flush=True)
    assert begun.wait()
    os.kill(server, signal.SIGKILL)
    killed = Stopwatch()
    for _ in range(3):
        when, what = reports.get()
        print("learnt", round(killed.seconds(when), 3), "named" if f"os pid {server}" in what else what, flush=True)
    for worker in workers:
        worker.join()
    try:
        shared[0]
    except ListenerGone:
        print("gone", *(worker.exitcode for worker in workers), flush=True)
    with mp.Manager() as another:
        print("another", another.dict(a=1)["a"], flush=True)
