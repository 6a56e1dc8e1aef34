"""Pool.map with chunksize 1 on two workers, and what others have for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from slices import median

clock = time.perf_counter
WORKERS = 2


def square(x: int) -> int:
    return x * x


def _rate(run: Callable[[Iterable[int]], Any], count: int) -> float:
    """Tasks a second: the median of five runs; the first one, which starts the workers, does not count."""
    if list(run(range(50))) != [x * x for x in range(50)]:
        raise RuntimeError("wrong results")
    rates = []
    for _ in range(5):
        time.sleep(0.1)
        begin = clock()
        list(run(range(count)))
        rates.append(count / (clock() - begin))
    return median(rates)


def pool_map(mp: Any) -> float:
    with mp.Pool(WORKERS) as pool:
        return _rate(lambda items: pool.map(square, items, chunksize=1), 3000)


def executor() -> float:
    import concurrent.futures
    import multiprocessing

    with concurrent.futures.ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as pool:
        return _rate(lambda items: pool.map(square, items, chunksize=1), 1000)


def loky() -> float:
    import loky  # type: ignore[import-not-found]

    with loky.ProcessPoolExecutor(WORKERS) as pool:
        return _rate(lambda items: pool.map(square, items, chunksize=1), 1000)


def ray() -> float:
    import ray  # type: ignore[import-not-found]

    ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="error")
    task = ray.remote(square)
    try:
        return _rate(lambda items: ray.get([task.remote(item) for item in items]), 300)
    finally:
        ray.shutdown()


def dask() -> float:
    import dask.distributed  # type: ignore[import-not-found]

    with dask.distributed.Client(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as client:
        return _rate(lambda items: client.gather(client.map(square, items, pure=False)), 200)


def mpi() -> float:
    """To be run under mpiexec with one process more than there are workers, as ``-m mpi4py.futures``."""
    from mpi4py.futures import MPIPoolExecutor  # type: ignore[import-not-found]

    with MPIPoolExecutor(WORKERS) as pool:
        return _rate(lambda items: pool.map(square, items, chunksize=1), 1000)


PEERS: dict[str, Callable[[], float]] = {"executor": executor, "loky": loky, "ray": ray, "dask": dask, "mpi": mpi}
