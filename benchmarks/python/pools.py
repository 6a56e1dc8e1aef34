"""Tasks a second of pools and executors on two workers, a round trip, arrays, and a pool's whole life; and what others have for it."""

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
    return _median_rate(lambda: list(run(range(count))), count)


def _median_rate(run: Callable[[], Any], count: int) -> float:
    rates = []
    for _ in range(5):
        time.sleep(0.1)
        begin = clock()
        run()
        rates.append(count / (clock() - begin))
    return median(rates)


def last(array: Any) -> float:
    return float(array[-1])


def _array_rate(run: Callable[[list[Any]], Any], give: Callable[[Any], Any] = lambda array: array) -> float:
    """Tasks a second that each take the same NumPy array of 1 MiB. ``give`` is called once with it, where that is how it gets to many."""
    import numpy  # type: ignore[import-not-found,unused-ignore]

    count = 64
    array = numpy.arange(float(1 << 17))
    arrays = [give(array)] * count
    if list(run(arrays)) != [float(array[-1])] * count:
        raise RuntimeError("wrong results")
    return _median_rate(lambda: list(run(arrays)), count)


def _first_result(make: Callable[[], Any]) -> float:
    """Milliseconds from the making of an executor or a pool, the first of its program, to the first results of both workers."""
    begin = clock()
    with make() as pool:
        if list(pool.map(square, range(WORKERS))) != [0, 1]:
            raise RuntimeError("wrong results")
        return (clock() - begin) * 1e3


def _each(run: Callable[[int], Any], count: int) -> float:
    """Calls a second, one after another."""

    def one_by_one(items: Iterable[int]) -> list[Any]:
        return [run(item) for item in items]

    return _rate(one_by_one, count)


def pool_map(mp: Any) -> float:
    with mp.Pool(WORKERS) as pool:
        return _rate(lambda items: pool.map(square, items, chunksize=1), 3000)


def pool_imap_unordered(mp: Any) -> float:
    with mp.Pool(WORKERS) as pool:
        return _rate(lambda items: sorted(pool.imap_unordered(square, items)), 3000)


def pool_apply(mp: Any) -> float:
    with mp.Pool(WORKERS) as pool:
        return _each(lambda item: pool.apply(square, (item,)), 1000)


def pool_life(mp: Any) -> dict[str, float]:
    """Milliseconds, the median of nine: Pool(2) made, to its first result; closed and joined."""
    first, end = [], []
    for _ in range(9):
        begin = clock()
        pool = mp.Pool(WORKERS)
        pool.map(square, range(WORKERS), chunksize=1)
        first.append((clock() - begin) * 1e3)
        begin = clock()
        pool.close()
        pool.join()
        end.append((clock() - begin) * 1e3)
        time.sleep(0.1)
    return {"first-result": median(first), "end": median(end)}


def pool_first_result(mp: Any) -> float:
    return _first_result(lambda: mp.Pool(WORKERS))


def _executor(mp: Any) -> Any:
    """Dragon's own, or the standard library's with another start method."""
    if mp.get_start_method() == "dragon":
        import dragon

        return dragon.ProcessPoolExecutor(WORKERS)
    import concurrent.futures

    return concurrent.futures.ProcessPoolExecutor(WORKERS)


def executor_map(mp: Any) -> float:
    with _executor(mp) as pool:
        return _rate(lambda items: pool.map(square, items, chunksize=1), 3000)


def executor_round_trip(mp: Any) -> float:
    """Microseconds."""
    with _executor(mp) as pool:
        return 1e6 / _each(lambda item: pool.submit(square, item).result(), 1000)


def executor_1m_numpy(mp: Any) -> float:
    with _executor(mp) as pool:
        return _array_rate(lambda arrays: pool.map(last, arrays, chunksize=1))


def executor_first_result(mp: Any) -> float:
    return _first_result(lambda: _executor(mp))


def executor_stock(mp: Any) -> float:
    """The standard library's executor on the start method's own objects."""
    import concurrent.futures

    with concurrent.futures.ProcessPoolExecutor(WORKERS) as pool:
        return _rate(lambda items: pool.map(square, items, chunksize=1), 1000)


# ---- others: each has what the executor has ----


def _futures(name: str, make: Callable[[], Any]) -> float:
    """What follows concurrent.futures."""
    if name == "executor-first-result":
        return _first_result(make)
    with make() as pool:
        if name == "executor-round-trip":
            return 1e6 / _each(lambda item: pool.submit(square, item).result(), 300)
        if name == "executor-1m-numpy":
            return _array_rate(lambda arrays: pool.map(last, arrays, chunksize=1))
        return _rate(lambda items: pool.map(square, items, chunksize=1), 1000)


def executor(name: str) -> float:
    import concurrent.futures
    import multiprocessing

    return _futures(name, lambda: concurrent.futures.ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")))


def loky(name: str) -> float:
    import loky  # type: ignore[import-not-found]

    return _futures(name, lambda: loky.ProcessPoolExecutor(WORKERS))


def ray(name: str) -> float:
    import ray  # type: ignore[import-not-found]

    begin = clock()
    ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="error")
    task, take = ray.remote(square), ray.remote(last)
    try:
        if name == "executor-first-result":
            ray.get([task.remote(item) for item in range(WORKERS)])
            return (clock() - begin) * 1e3
        if name == "executor-round-trip":
            return 1e6 / _each(lambda item: ray.get(task.remote(item)), 100)
        if name == "executor-1m-numpy":
            return _array_rate(lambda arrays: ray.get([take.remote(array) for array in arrays]), ray.put)
        return _rate(lambda items: ray.get([task.remote(item) for item in items]), 300)
    finally:
        ray.shutdown()


def dask(name: str) -> float:
    import dask.distributed  # type: ignore[import-not-found]

    begin = clock()
    with dask.distributed.Client(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as client:
        if name == "executor-first-result":
            client.gather(client.map(square, range(WORKERS), pure=False))
            return (clock() - begin) * 1e3
        if name == "executor-round-trip":
            return 1e6 / _each(lambda item: client.submit(square, item, pure=False).result(), 100)
        if name == "executor-1m-numpy":
            return _array_rate(
                lambda arrays: client.gather([client.submit(last, array, pure=False) for array in arrays]),
                lambda array: client.scatter(array, broadcast=True),
            )
        return _rate(lambda items: client.gather(client.map(square, items, pure=False)), 200)


def mpi(name: str) -> float:
    """To be run under mpiexec with one process more than there are workers, as ``-m mpi4py.futures``."""
    from mpi4py.futures import MPIPoolExecutor  # type: ignore[import-not-found]

    return _futures(name, lambda: MPIPoolExecutor(WORKERS))


PEERS: dict[str, Callable[[str], float]] = {"executor": executor, "loky": loky, "ray": ray, "dask": dask, "mpi": mpi}
