"""Libraries on top of multiprocessing run on Dragon unmodified. `tests/libraries/run` installs them and runs this."""

from __future__ import annotations

import multiprocessing as mp
import os
from collections.abc import Iterator
from typing import Any

import dragon  # noqa: F401
import pytest


@pytest.fixture(scope="module", autouse=True)
def method() -> Iterator[None]:
    mp.set_start_method("dragon", force=True)
    yield


def square(number: Any) -> Any:
    return number * number


def double_all(incoming: Any, outgoing: Any) -> None:
    while (array := incoming.get()) is not None:
        outgoing.put(2 * array)


def rosenbrock(x: Any) -> float:
    return float(((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2).sum())


def test_numpy_arrays_through_queue_and_pool() -> None:
    numpy = pytest.importorskip("numpy")
    incoming, outgoing = mp.Queue(), mp.Queue()
    process = mp.Process(target=double_all, args=(incoming, outgoing))
    process.start()
    for array in (numpy.arange(10), numpy.ones((300, 400)), numpy.array(["a", "b"], dtype=object).repeat(2)):
        incoming.put(array)
        assert (outgoing.get(timeout=60) == 2 * array).all()
    incoming.put(None)
    process.join()
    with mp.Pool(2) as pool:
        grids = [numpy.full((200, 200), number) for number in range(8)]
        for grid, result in zip(grids, pool.imap(square, grids)):
            assert (result == grid * grid).all()


def test_scipys_workers() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    bounds = [(-2, 2)] * 3
    options = {"seed": 1, "maxiter": 30, "popsize": 5, "polish": False, "updating": "deferred"}
    alone = optimize.differential_evolution(rosenbrock, bounds, **options)
    with mp.Pool(2) as pool:
        by_map = optimize.differential_evolution(rosenbrock, bounds, workers=pool.map, **options)
    by_number = optimize.differential_evolution(rosenbrock, bounds, workers=2, **options)
    assert list(alone.x) == list(by_map.x) == list(by_number.x)


def test_joblib_and_scikit_learn() -> None:
    joblib = pytest.importorskip("joblib")
    with joblib.parallel_backend("multiprocessing", n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(square)(number) for number in range(20)) == [n * n for n in range(20)]
    ensemble = pytest.importorskip("sklearn.ensemble")
    datasets = pytest.importorskip("sklearn.datasets")
    selection = pytest.importorskip("sklearn.model_selection")
    things, kinds = datasets.make_classification(200, random_state=0)
    forest = ensemble.RandomForestClassifier(5, random_state=0)
    alone = selection.cross_val_score(forest, things, kinds, cv=3)
    with joblib.parallel_backend("multiprocessing", n_jobs=2):
        assert list(selection.cross_val_score(forest, things, kinds, cv=3)) == list(alone)


def test_tqdm() -> None:
    tqdm = pytest.importorskip("tqdm")
    with mp.Pool(2) as pool:
        bar = tqdm.tqdm(pool.imap(square, range(50)), total=50, file=open(os.devnull, "w"))  # noqa: SIM115
        assert list(bar) == [number * number for number in range(50)]
    concurrent = pytest.importorskip("tqdm.contrib.concurrent")
    assert concurrent.process_map(square, range(20), max_workers=2, chunksize=3, disable=True) == [
        number * number for number in range(20)
    ]
