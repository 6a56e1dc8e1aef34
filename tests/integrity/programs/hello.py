"""A pool of two that says hello; the head says where it is."""

import multiprocessing as mp
import os

import dragon  # noqa: F401


def hello(payload):
    print(f"Hello from {mp.current_process().name} with payload={payload}", flush=True)
    return payload


if __name__ == "__main__":
    mp.set_start_method("dragon")
    with mp.Pool(2) as pool:
        assert pool.map(hello, range(4)) == [0, 1, 2, 3]
    print("head in", os.getcwd(), flush=True)
