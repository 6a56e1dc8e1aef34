"""A pool one of whose workers is killed in the middle of a map: the map ends, with all results or an error, and the pool works on."""

import multiprocessing as mp
import os
import sys
import time

import dragon  # noqa: F401


def work(number):
    time.sleep(0.1)
    return number, os.getpid()


if __name__ == "__main__":
    mp.set_start_method("dragon")
    with mp.Pool(3) as pool:
        victims = sorted({pid for _, pid in pool.map(work, range(12), chunksize=1)})
        result = pool.map_async(work, range(30), chunksize=1)
        print("victim", *victims, "\nall are known", flush=True)
        sys.stdin.readline()
        try:
            numbers = [number for number, _ in result.get(timeout=20)]
            print("map", "whole" if numbers == list(range(30)) else numbers, flush=True)
        except mp.TimeoutError:
            print("map hangs", flush=True)
        except Exception as problem:
            print("map raised", type(problem).__name__, problem, flush=True)
        print(
            "again",
            [number for number, _ in pool.map_async(work, range(6)).get(timeout=20)] == list(range(6)),
            flush=True,
        )
