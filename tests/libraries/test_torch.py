"""PyTorch on Dragon, unmodified: DataLoader, tensors through everything, its own start of processes. `tests/libraries/run --torch` installs it and runs this.

Each worker imports PyTorch, which takes seconds; so each test asks one set of workers for as much as it can.
"""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import dragon
import pytest

torch = pytest.importorskip("torch")
data = pytest.importorskip("torch.utils.data")
mp = pytest.importorskip("torch.multiprocessing")

LOOK = 5  # seconds between two looks of DataLoader's at its workers; it has no other way to see the end of a process that is not the OS's child of its own
mark = -1


@pytest.fixture(scope="module", autouse=True)
def method() -> Iterator[None]:
    mp.set_start_method("dragon", force=True)
    yield


@pytest.fixture(params=["dragon", "os"])
def pid_style(request: Any) -> Iterator[None]:
    dragon.set_pid_style(request.param)
    yield
    dragon.set_pid_style("dragon")


@pytest.fixture(params=["file_descriptor", "file_system"])
def sharing(request: Any) -> Iterator[str]:
    before = mp.get_sharing_strategy()
    mp.set_sharing_strategy(request.param)
    yield request.param
    mp.set_sharing_strategy(before)


class Marked(data.Dataset):  # type: ignore[misc]
    """Items that say which worker they are of; one of them is bad, if it is told so."""

    def __init__(self, bad: int = -1) -> None:
        self.bad = bad

    def __len__(self) -> int:
        return 64

    def __getitem__(self, item: int) -> Any:
        if item == self.bad:
            raise ValueError(f"item {item} is bad")
        return item, mark


class Stream(data.IterableDataset):  # type: ignore[misc]
    def __iter__(self) -> Iterator[int]:
        info = data.get_worker_info()
        return iter(range(info.id, 40, info.num_workers))


def set_mark(worker: int) -> None:
    global mark
    mark = worker


def loader(dataset: Any, **options: Any) -> Any:
    return data.DataLoader(dataset, num_workers=2, multiprocessing_context="dragon", **options)


def test_data_loader(pid_style: None) -> None:
    batches = loader(Marked(), batch_size=8, persistent_workers=True, worker_init_fn=set_mark)
    for _ in range(3):
        seen = [(int(item), int(worker)) for items, workers in batches for item, worker in zip(items, workers)]
        assert [item for item, _ in seen] == list(range(64))
        assert {worker for _, worker in seen} == {0, 1}
    victim = mp.active_children()[0]
    os.kill(victim.os_pid, signal.SIGKILL)
    victim.join()
    begin = time.monotonic()
    with pytest.raises(RuntimeError, match=rf"worker \(pid\(s\) {victim.pid}\) exited unexpectedly"):
        list(batches)
    assert time.monotonic() - begin < 2 * LOOK
    del batches
    gc.collect()
    assert mp.active_children() == []


def test_data_loader_of_a_stream() -> None:
    assert sorted(int(item) for items in loader(Stream(), batch_size=4) for item in items) == list(range(40))


def test_data_loaders_bad_item() -> None:
    with pytest.raises(ValueError, match="item 20 is bad"):
        list(loader(Marked(bad=20), batch_size=4))
    gc.collect()
    assert mp.active_children() == []


def work(incoming: Any, outgoing: Any, connection: Any, shared: dict[str, Any], strategy: str) -> None:
    mp.set_sharing_strategy(strategy)
    shared["tensor"][0] = 7
    tensor = incoming.get()
    tensor *= 2
    outgoing.put(tensor + 1)
    connection.send(("answer", connection.recv() + 1))
    outgoing.get()  # until the other end has taken all of it


def moments(tensor: Any) -> Any:
    return tensor.sum(), tensor * 2, torch.nn.Linear(2, 2)


def test_tensors(sharing: str) -> None:
    incoming, outgoing = mp.Queue(), mp.Queue()
    near, far = mp.Pipe()
    mine, queued = torch.zeros(3), torch.ones(1000, 300).share_memory_()
    process = mp.Process(target=work, args=(incoming, outgoing, far, {"tensor": mine}, sharing))
    process.start()
    incoming.put(queued)
    assert (outgoing.get(timeout=60) == 3).all()
    assert (queued == 2).all(), "a shared tensor is one and the same on both sides"
    near.send(torch.arange(4))
    word, tensor = near.recv()
    assert (word, tensor.tolist()) == ("answer", [1, 2, 3, 4])
    assert mine.tolist() == [7, 0, 0]
    outgoing.put(None)
    process.join()
    assert process.exitcode == 0


def test_tensors_through_a_pool(sharing: str) -> None:
    with mp.Pool(2, mp.set_sharing_strategy, (sharing,)) as pool:
        results = pool.map(moments, [torch.full((3, 3), float(number)) for number in range(6)], chunksize=1)
        for number, (total, double, layer) in enumerate(results):
            assert (float(total), double.tolist()) == (9 * number, [[2.0 * number] * 3] * 3)
            assert isinstance(layer, torch.nn.Linear)


def rank(number: int, tensor: Any, how: str) -> None:
    tensor[number] = number + 10
    if number == 1 and how == "raise":
        raise ValueError("rank 1 fails")
    if number == 1 and how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)


def test_torchs_own_spawn() -> None:
    tensor = torch.zeros(2).share_memory_()
    mp.start_processes(rank, (tensor, ""), nprocs=2, start_method="dragon")
    assert tensor.tolist() == [10, 11]
    with pytest.raises(mp.ProcessRaisedException, match="rank 1 fails"):
        mp.start_processes(rank, (tensor, "raise"), nprocs=2, start_method="dragon")
    with pytest.raises(mp.ProcessExitedException, match="process 1 terminated with signal SIGKILL"):
        mp.start_processes(rank, (tensor, "kill"), nprocs=2, start_method="dragon")
