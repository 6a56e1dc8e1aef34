"""Named segments: SharedMemory, ShareableList, SharedMemoryManager."""

from __future__ import annotations

import glob
import multiprocessing as mp
import os
import pickle
import random
import signal
import threading
from multiprocessing import resource_tracker, shared_memory
from multiprocessing.managers import SharedMemoryManager
from multiprocessing.shared_memory import ShareableList, SharedMemory
from typing import Any

import pytest
import targets
from dragon import _shm

PATIENCE = 60


@pytest.fixture(autouse=True)
def chosen(ctx: Any) -> Any:
    """Dragon is the program's start method; no file and no tracker comes of it."""
    mp.set_start_method("dragon", force=True)
    files = set(glob.glob("/dev/shm/*"))
    yield ctx
    mp.set_start_method(None, force=True)
    assert not set(glob.glob("/dev/shm/psm_*")) - files
    assert resource_tracker._resource_tracker._fd is None  # type: ignore[attr-defined]


def run(ctx: Any, function: Any, *args: Any) -> Any:
    process = ctx.Process(target=function, args=args)
    process.start()
    return process


def await_gone(name: str) -> None:
    """Returns once nothing has the name."""
    for _ in range(PATIENCE * 100):
        try:
            SharedMemory(name).close()
        except FileNotFoundError:
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"{name} is still there")


def test_a_name_is_had_by_one_segment(ctx: Any) -> None:
    first = SharedMemory("unit", create=True, size=100)
    assert (first.name, first.size, len(first.buf), repr(first)) == ("unit", 100, 100, "SharedMemory('unit', size=100)")
    with pytest.raises(FileExistsError, match=r"\[Errno 17\] File exists: '/unit'"):
        SharedMemory("unit", create=True, size=100)
    second = SharedMemory("unit")
    second.buf[0] = 7
    assert first.buf[0] == 7
    second.close()
    first.unlink()
    with pytest.raises(FileNotFoundError, match=r"\[Errno 2\] No such file or directory: '/unit'"):
        SharedMemory("unit")
    with pytest.raises(FileNotFoundError):
        first.unlink()
    assert first.buf[0] == 7  # whoever has it keeps it
    SharedMemory("unit", create=True, size=10).unlink()
    first.close()
    assert first.buf is None


@pytest.mark.parametrize("arguments", [{"create": True, "size": -1}, {"create": True}, {"create": False}])
def test_arguments_that_make_no_sense(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        SharedMemory(**arguments)


def test_names_that_are_none() -> None:
    with pytest.raises(ValueError, match="embedded null"):
        SharedMemory("a\0b", create=True, size=1)
    with pytest.raises(OSError, match="too long"):
        SharedMemory("a" * 300, create=True, size=1)
    for name in ("", "/", "a/b", "..", "/."):
        with pytest.raises(OSError, match="Invalid argument"):
            SharedMemory(name, create=True, size=1)


def test_a_slash_before_a_name_says_nothing() -> None:
    segment = SharedMemory("/slash", create=True, size=8)
    segment.buf[0] = 3
    again = SharedMemory("slash")
    assert (segment.name, again.buf[0]) == ("/slash", 3)
    again.close()
    segment.close()
    segment.unlink()


def test_a_view_keeps_the_memory_and_forbids_to_close(ctx: Any) -> None:
    segment = SharedMemory(create=True, size=64)
    segment.unlink()
    view = memoryview(segment.buf)[:8].cast("q")
    with pytest.raises(BufferError):
        segment.close()
    view[0] = 5
    view.release()
    segment.close()


def test_derived_classes(ctx: Any) -> None:
    class Own(shared_memory.SharedMemory):
        _flags = os.O_CREAT | os.O_RDWR

    segment = Own("own", create=True, size=30)
    assert Own("own").size == 30
    segment.unlink()


def test_what_a_process_named_outlives_its_end_in_order(ctx: Any) -> None:
    queue = ctx.Queue()
    run(ctx, targets.name_segment, queue, None, False).join()
    name, sent = queue.get(), queue.get()
    by_name = SharedMemory(name)
    assert bytes(by_name.buf[:4]) == bytes(sent.buf[:4]) == b"kept"
    by_name.unlink()


def test_the_name_goes_with_the_last_process_that_is_killed(ctx: Any) -> None:
    queue = ctx.Queue()
    holder = run(ctx, targets.name_segment, queue, "held", True)
    mine = SharedMemory(queue.get())
    queue.get()
    holder.kill()
    holder.join()
    again = SharedMemory("held")  # this process has opened it
    assert bytes(again.buf[:4]) == b"kept"
    mine.unlink()
    holder = run(ctx, targets.name_segment, queue, "held", True)
    queue.get()
    holder.kill()
    holder.join()
    await_gone("held")


def test_a_forked_child_keeps_the_name_of_what_it_inherited(ctx: Any) -> None:
    queue = ctx.Queue()
    for kept in (True, False):
        reader, life = ctx.Pipe(duplex=False)
        holder = run(ctx, targets.fork_with_segment, life, queue, "inherited")
        life.close()
        child = queue.get(timeout=PATIENCE)
        holder.kill()
        holder.join()
        if kept:
            again = SharedMemory("inherited")
            assert bytes(again.buf[:4]) == b"kept"
            again.unlink()
        os.kill(child, signal.SIGKILL)
        with pytest.raises(EOFError):
            reader.recv()
    await_gone("inherited")


def test_killed_at_any_moment_they_leave_no_name_and_no_memory(ctx: Any) -> None:
    names = ["k0", "k1", "k2"]
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    before = _shm.info()["granted"]
    for _ in range(20):
        go = ctx.Event()
        process = run(ctx, targets.name_until_killed, go, names)
        assert go.wait(PATIENCE)
        threading.Event().wait(chance.random() * 0.01)
        process.kill()
        process.join()
        for name in names:
            await_gone(name)
    assert _shm.info()["granted"] - before < 64 << 20


def test_gigabytes_cost_nothing_until_they_are_used(ctx: Any) -> None:
    size = min(1 << 30, _shm.info()["limit"] // 4)
    segment = SharedMemory(create=True, size=size)
    segment.unlink()
    segment.buf[size - 1] = segment.buf[0] = 1
    segment.close()
    again = SharedMemory(create=True, size=size)
    again.unlink()
    assert again.buf[0] == again.buf[size - 1] == 0
    again.close()


def pages() -> int:
    """Bytes that the node's memory takes."""
    folder = f"/proc/{_shm.info()['agent_pid']}/fd"
    file = next(path for path in glob.glob(folder + "/*") if "memfd:" in os.readlink(path))
    return os.stat(file).st_blocks * 512


def test_what_a_large_one_took_goes_back(ctx: Any) -> None:
    size = 64 << 20
    segment = SharedMemory(create=True, size=size)
    segment.buf[:] = bytes(size)
    full = pages()  # with what else there is, which may go back meanwhile, too
    segment.unlink()
    segment.close()
    assert full >= size
    for _ in range(PATIENCE * 100):
        if pages() <= full - size // 2:
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"{pages()} bytes of {full} are still taken")


def test_too_much_is_refused_with_reasons() -> None:
    with pytest.raises(MemoryError, match=r"bytes more are needed.*of \d+ are left.*raise"):
        SharedMemory(create=True, size=_shm.info()["limit"] * 2)


def test_a_list(ctx: Any) -> None:
    shared = ShareableList(["howdy", 3, None, 2.5, True, b"x"])
    again = pickle.loads(pickle.dumps(shared))
    again[1] = 4
    assert list(shared) == ["howdy", 4, None, 2.5, True, b"x"]
    again.shm.close()
    shared.shm.close()
    shared.shm.unlink()


def test_a_manager_unlinks_what_it_made(ctx: Any) -> None:
    with SharedMemoryManager() as manager:
        segment = manager.SharedMemory(size=128)
        name = segment.name
        assert list(manager.ShareableList(range(5))) == [0, 1, 2, 3, 4]
        SharedMemory(name).close()
    with pytest.raises(FileNotFoundError):
        SharedMemory(name)
    segment.close()
