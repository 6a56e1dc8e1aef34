"""One measurement in an interpreter of its own:  measure.py BENCHMARK SIDE  prints lines of JSON.

SIDE is a start method of multiprocessing ("dragon" needs the package on the path), or a peer of pools.py.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import sys
import uuid
from collections.abc import Callable
from typing import Any

import idle
import locks
import messages
import pools
import processes

BENCHMARKS: dict[str, Callable[[Any], float]] = {
    "pipe-round-trip": messages.pipe_round_trip,
    "queue-round-trip": messages.queue_round_trip,
    "queue-8": messages.queue_8,
    "queue-1m-bytes": messages.queue_1m_bytes,
    "queue-1m-bytearray": messages.queue_1m_bytearray,
    "queue-1m-array": messages.queue_1m_array,
    "queue-1m-numpy": messages.queue_1m_numpy,
    "queue-4-to-1": messages.queue_4_to_1,
    "lock-free": locks.lock_free,
    "lock-4": locks.lock_4,
    "start-join": processes.start_join,
    "start-join-16": processes.start_join_16,
    "pool-map": pools.pool_map,
    "worker-memory": idle.worker_memory,
}


def run(name: str, side: str) -> dict[str, float]:
    """The parts of the benchmark and their values."""
    if side in pools.PEERS:
        return {"": pools.PEERS[side]()}
    os.environ[idle.MARK] = str(uuid.uuid4())
    if side == "dragon":
        importlib.import_module("dragon")
    multiprocessing.set_start_method(side)
    if name == "idle":
        return idle.idle(multiprocessing)
    return {"": BENCHMARKS[name](multiprocessing)}


def main(name: str, side: str) -> None:
    for part, value in run(name, side).items():
        row = f"python/{name}/{part}" if part else f"python/{name}"
        print(json.dumps({"row": row, "side": side, "value": value}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
