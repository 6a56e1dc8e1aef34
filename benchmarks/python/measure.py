"""One measurement in an interpreter of its own:  measure.py BENCHMARK SIDE  prints lines of JSON.

SIDE is a start method of multiprocessing ("dragon" needs the package on the path), or a peer of pools.py.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys

# Name -> module: each worker imports this file, so it imports nothing that its benchmark does not need.
BENCHMARKS = {
    "pipe-round-trip": "messages",
    "queue-round-trip": "messages",
    "queue-8": "messages",
    "queue-1m-bytes": "messages",
    "queue-1m-bytearray": "messages",
    "queue-1m-array": "messages",
    "queue-1m-numpy": "messages",
    "queue-1m-str": "messages",
    "queue-1m-tuple": "messages",
    "queue-4-to-1": "messages",
    "lock-free": "locks",
    "lock-4": "locks",
    "value-4": "shared",
    "event-round-trip": "shared",
    "barrier-4": "shared",
    "start-join": "processes",
    "start-join-16": "processes",
    "start-join-first": "processes",
    "pool-map": "pools",
    "pool-imap-unordered": "pools",
    "pool-apply": "pools",
    "pool-life": "pools",
    "pool-first-result": "pools",
    "executor-map": "pools",
    "executor-round-trip": "pools",
    "executor-1m-numpy": "pools",
    "executor-first-result": "pools",
    "executor-stock": "pools",
    "manager-dict": "managers",
    "worker-memory": "idle",
    "idle": "idle",
}
MARK = "DRAGON_BENCHMARK_RUN"  # in the environment of every process of this run, see idle.py


def run(name: str, side: str) -> dict[str, float]:
    """The parts of the benchmark and their values; one without parts has the name ""."""
    module = importlib.import_module(BENCHMARKS[name])
    if side in getattr(module, "PEERS", {}):
        return {"": module.PEERS[side](name)}
    os.environ[MARK] = os.urandom(8).hex()
    if side == "dragon":
        importlib.import_module("dragon")
    multiprocessing.set_start_method(side)
    result = getattr(module, name.replace("-", "_"))(multiprocessing)
    return result if isinstance(result, dict) else {"": result}


def main(name: str, side: str) -> None:
    for part, value in run(name, side).items():
        row = f"python/{name}/{part}" if part else f"python/{name}"
        print(f'{{"row": "{row}", "side": "{side}", "value": {value}}}', flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
