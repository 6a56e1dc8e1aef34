"""Many processes at once on one node: started, all heard through one queue, all reached by a broadcast, ended, and nothing left.

    benchmarks/many_processes 1000            that many live workers
    benchmarks/many_processes 1000 pool       Pool(1000): created to the end of its first map
    benchmarks/many_processes 1000 producers  that many processes put 100 messages each into one queue

Prints one line for each step. `--template`: this module is imported once, for all workers. `--method spawn` does the same with the stock objects.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing as mp
import os
import resource
import time
from typing import Any

clock = time.perf_counter
MESSAGES = 100


def live(number: int, up: Any, told: Any, go: Any) -> None:
    """Says that it lives, waits for the broadcast, and answers it."""
    up.put(number)
    go.wait()
    told.put((number, "told"))


def produce(number: int, queue: Any, go: Any) -> None:
    """Puts its messages, in order."""
    go.wait()
    for message in range(MESSAGES):
        queue.put((number, message))


def pid_of(_: int) -> int:
    """A task of the pool."""
    return os.getpid()


class Steps:
    """Prints what each step took."""

    def __init__(self) -> None:
        self._began = self._last = clock()

    def done(self, what: str) -> None:
        """A step is over."""
        now = clock()
        print(f"{what:<44} {now - self._last:8.2f} s   {now - self._began:8.2f} s in all", flush=True)
        self._last = now


def unshared(pids: list[int]) -> float:
    """Memory that each of these processes has for itself, in MiB: the mean of at most 50 of them."""
    pids = pids[:: max(1, len(pids) // 50)]
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as rollup:
            total += sum(int(line.split()[1]) for line in rollup if line.startswith(("Private_Clean", "Private_Dirty")))
    return total / len(pids) / 1024


def available() -> float:
    """Memory that the machine has left, in MiB."""
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable")) / 1024


def workers(count: int) -> None:
    """`count` live workers."""
    before, steps = available(), Steps()
    up, told, go = mp.Queue(), mp.Queue(), mp.Event()
    processes = [mp.Process(target=live, args=(number, up, told, go)) for number in range(count)]
    for process in processes:
        process.start()
    steps.done(f"{count} processes started")
    assert sorted(up.get(timeout=300) for _ in processes) == list(range(count))
    steps.done("each was heard through one queue")
    pids = [getattr(process, "os_pid", process.pid) for process in processes]
    print(
        f"memory a worker: {unshared(pids):.2f} MiB of its own; {(before - available()) / count:.2f} MiB less available",
        flush=True,
    )
    steps.done("(looked at the memory)")
    go.set()
    assert {told.get(timeout=300) for _ in processes} == {(number, "told") for number in range(count)}
    steps.done("each answered a broadcast")
    for process in processes:
        process.join(300)
    assert {process.exitcode for process in processes} == {0}
    steps.done("all joined")


def pool(count: int) -> None:
    """A pool of `count` workers."""
    steps = Steps()
    with mp.Pool(count) as workers:
        workers.map(pid_of, range(count), chunksize=1)
        steps.done(f"Pool({count}): created, first map of {count} tasks done")
        workers.map(pid_of, range(count * 10), chunksize=1)
        steps.done(f"a map of {count * 10} tasks")
        workers.close()
        workers.join()
    steps.done("closed and joined")


def producers(count: int) -> None:
    """`count` producers on one queue."""
    steps = Steps()
    queue, go = mp.Queue(), mp.Event()
    processes = [mp.Process(target=produce, args=(number, queue, go)) for number in range(count)]
    for process in processes:
        process.start()
    steps.done(f"{count} processes started")
    go.set()
    following = [0] * count
    for _ in range(count * MESSAGES):
        number, message = queue.get(timeout=300)
        assert message == following[number], f"producer {number}: {message} came instead of {following[number]}"
        following[number] += 1
    steps.done(f"{count * MESSAGES} messages of {count} producers, each one's in order")
    for process in processes:
        process.join(300)
    steps.done("all joined")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks/many_processes", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("count", type=int)
    parser.add_argument("what", nargs="?", choices=["workers", "pool", "producers"], default="workers")
    parser.add_argument("--method", default="dragon")
    parser.add_argument("--template", action="store_true")
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.method == "dragon":
        importlib.import_module("dragon")
    mp.set_start_method(options.method)
    if options.template:
        mp.set_forkserver_preload(["__main__"])
    {"workers": workers, "pool": pool, "producers": producers}[options.what](options.count)


if __name__ == "__main__":
    main()
