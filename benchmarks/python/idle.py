"""What waiting costs: the memory of an idle worker and the processor time of those who wait."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

MARK = "DRAGON_BENCHMARK_RUN"  # as in measure.py

SECONDS = 2.0


def wait_for_message(pids: Any, queue: Any) -> None:
    pids.put(os.getpid())
    queue.get()


def wait_for_lock(pids: Any, lock: Any) -> None:
    pids.put(os.getpid())
    with lock:
        pass


def own_pid(_: int) -> int:
    return os.getpid()


def worker_memory(mp: Any) -> float:
    """Megabytes that belong to one idle worker alone (private pages)."""
    pids, queue = mp.SimpleQueue(), mp.Queue()
    children = [mp.Process(target=wait_for_message, args=(pids, queue)) for _ in range(4)]
    for child in children:
        child.start()
    workers = [pids.get() for _ in children]
    time.sleep(0.3)  # until all have come to rest
    private = []
    for pid in workers:
        with open(f"/proc/{pid}/smaps_rollup") as rollup:
            private.append(sum(int(line.split()[1]) for line in rollup if line.startswith("Private_")) / 1000)
    for _ in children:
        queue.put(None)
    for child in children:
        child.join()
    return sorted(private)[len(private) // 2]


def idle(mp: Any) -> dict[str, float]:
    """Microseconds of processor time per second: of the workers that wait, and of the run's own processes beside them."""
    pids, queue, lock = mp.SimpleQueue(), mp.Queue(), mp.Lock()
    result = {}
    getters = [mp.Process(target=wait_for_message, args=(pids, queue)) for _ in range(2)]
    for child in getters:
        child.start()
    getting = [pids.get() for _ in getters]
    result["blocked-get"] = _spent(getting)
    lock.acquire()
    lockers = [mp.Process(target=wait_for_lock, args=(pids, lock)) for _ in range(2)]
    for child in lockers:
        child.start()
    locking = [pids.get() for _ in lockers]
    result["held-lock"] = _spent(locking)
    with mp.Pool(2) as pool:
        workers = set(pool.map(own_pid, range(8), chunksize=1))
        head = os.getpid()
        result["pool"] = _spent([*workers, head])
        result["agent"] = _spent([pid for pid in _run() if pid not in {*workers, *getting, *locking, head}])
    lock.release()
    for _ in getters:
        queue.put(None)
    for child in getters + lockers:
        child.join()
    return result


def _spent(pids: list[int]) -> float:
    time.sleep(0.5)  # until all have come to rest
    before, begin = [_nanos(pid) for pid in pids], time.monotonic()
    time.sleep(SECONDS)
    seconds = time.monotonic() - begin
    after = [_nanos(pid) for pid in pids]
    return (sum(after) - sum(before)) / 1000 / seconds


def _nanos(pid: int) -> int:
    """Processor time of all threads of a process, but for the thread that looks."""
    total = 0
    for thread in set(os.listdir(f"/proc/{pid}/task")) - {str(threading.get_native_id())}:
        with open(f"/proc/{pid}/task/{thread}/schedstat") as times:
            total += int(times.read().split()[0])
    return total


def _run() -> list[int]:
    """All processes of this run but this one, found by the mark in their environment."""
    mark, found = f"{MARK}={os.environ[MARK]}".encode(), []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/environ", "rb") as environment:
                if name.isdigit() and mark in environment.read().split(b"\0"):
                    found.append(int(name))
        except OSError:  # no process, or it has ended, or is another user's
            continue
    return [pid for pid in found if pid != os.getpid()]
