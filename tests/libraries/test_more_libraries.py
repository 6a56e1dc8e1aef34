"""Data frames, schedulers and samplers that take a pool, run on Dragon unmodified. `tests/libraries/run` installs them and runs this."""

from __future__ import annotations

import multiprocessing as mp
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import dragon
import pytest


@pytest.fixture(scope="module", autouse=True)
def method() -> Iterator[None]:
    mp.set_start_method("dragon", force=True)
    yield


def give_back(incoming: Any, outgoing: Any) -> None:
    while (thing := incoming.get()) is not None:
        outgoing.put(thing)


def total(frame: Any) -> Any:
    return frame.groupby("kind").sum()


def log_probability(x: Any) -> float:
    return -0.5 * float((x**2).sum())


def square(number: int) -> int:
    return number * number


def test_pandas_and_pyarrow() -> None:
    pandas = pytest.importorskip("pandas")
    pyarrow = pytest.importorskip("pyarrow")
    dates = pandas.date_range("2020", periods=4000)
    frame = pandas.DataFrame({"kind": list("abab") * 1000, "value": range(4000), "when": dates})
    frame["category"] = pandas.Categorical(frame["kind"])
    table = pyarrow.table({"number": range(50_000), "text": [str(number) for number in range(50_000)]})
    incoming, outgoing = mp.Queue(), mp.Queue()
    process = mp.Process(target=give_back, args=(incoming, outgoing))
    process.start()
    for thing in (frame, frame["category"], table, table["text"], table.slice(3, 5)):
        incoming.put(thing)
        assert outgoing.get(timeout=60).equals(thing)
    incoming.put(None)
    process.join()
    values = frame[["kind", "value"]]
    with mp.Pool(2) as pool:
        for result in pool.map(total, [values] * 4, chunksize=1):
            assert result.equals(total(values))


def test_dask_with_our_pools() -> None:
    dask = pytest.importorskip("dask")
    bag = pytest.importorskip("dask.bag")
    squares = bag.from_sequence(range(50), npartitions=5).map(square).sum()
    with dragon.ProcessPoolExecutor(2) as executor, dask.config.set(scheduler="processes", pool=executor):
        assert squares.compute() == sum(map(square, range(50)))
    with mp.Pool(2) as pool, dask.config.set(scheduler="processes", pool=pool):
        assert squares.compute() == sum(map(square, range(50)))
    with dask.config.set({"scheduler": "processes", "num_workers": 2, "multiprocessing.context": "dragon"}):
        assert squares.compute() == sum(map(square, range(50)))


def test_emcees_pool() -> None:
    emcee = pytest.importorskip("emcee")
    numpy = pytest.importorskip("numpy")
    begin = numpy.random.default_rng(0).normal(size=(16, 3))

    def chain(pool: Any) -> Any:
        sampler = emcee.EnsembleSampler(16, 3, log_probability, pool=pool)
        sampler.random_state = numpy.random.RandomState(1).get_state()
        sampler.run_mcmc(begin, 20)
        return sampler.get_chain()

    alone = chain(None)
    with mp.Pool(2) as pool:
        assert (chain(pool) == alone).all()
    with dragon.ProcessPoolExecutor(2) as executor:
        assert (chain(executor) == alone).all()


def test_lokys_executor_beside_ours_and_on_our_context() -> None:
    loky = pytest.importorskip("joblib.externals.loky")
    with loky.ProcessPoolExecutor(2, context=mp.get_context("loky")) as executor:
        assert list(executor.map(square, range(4))) == [0, 1, 4, 9]
    with loky.ProcessPoolExecutor(2, context=mp.get_context("dragon")) as executor:
        assert list(executor.map(square, range(4))) == [0, 1, 4, 9]


TESTS = """
import dragon, multiprocessing as mp, pytest

def square(number):
    return number * number

@pytest.fixture(autouse=True, scope="session")
def method():
    mp.set_start_method("dragon", force=True)

@pytest.mark.parametrize("number", range(4))
def test_pool(number):
    with mp.Pool(2) as pool:
        assert pool.map(square, range(number)) == [each * each for each in range(number)]
"""


def test_pytest_xdist(tmp_path: Any) -> None:
    pytest.importorskip("xdist")
    (tmp_path / "test_pools.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "test_pools.py"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "4 passed" in run.stdout, run.stdout + run.stderr
