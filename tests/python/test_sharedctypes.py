"""Value, Array and the rest of sharedctypes."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing as mp
import os
import pathlib
import pickle
import subprocess
import sys
import threading
from multiprocessing import heap, sharedctypes
from multiprocessing.reduction import ForkingPickler
from typing import Any

import pytest
import targets
from dragon import _shm

PATIENCE = 60


@pytest.fixture
def chosen(ctx: Any) -> Any:
    """Dragon is the program's start method."""
    mp.set_start_method("dragon", force=True)
    yield ctx
    mp.set_start_method(None, force=True)


def test_values_outlive_their_maker_and_travel_by_queue(ctx: Any) -> None:
    queue = ctx.Queue()
    maker = ctx.Process(target=targets.make_and_send, args=(queue,))
    maker.start()
    value, point, array, letters, raw = queue.get()
    maker.join()
    assert value.value == 4.5 and (point.x, point.y) == (1, 2.5) and list(array) == [1, 2, 3]
    assert letters.value == b"abc" and raw.value == 1 << 40
    process = ctx.Process(target=targets.increment, args=(value, 10))
    process.start()
    process.join()
    assert value.value == 14.5


def test_an_increment_under_the_lock_is_never_lost(ctx: Any) -> None:
    value = ctx.Value("q", 0)
    processes = [ctx.Process(target=targets.increment, args=(value, 2000)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert value.value == 8000


def test_the_objects_are_ours_and_multiprocessings(ctx: Any) -> None:
    value, array, letters = ctx.Value("i", 5), ctx.Array("d", 3), ctx.Array("c", b"x", lock=True)
    assert type(value).__module__ == type(array).__module__ == type(letters).__module__ == "dragon.sharedctypes"
    assert isinstance(value, sharedctypes.Synchronized) and isinstance(letters, sharedctypes.SynchronizedString)
    assert repr(value) == "<Synchronized wrapper for c_int(5)>"
    assert type(value.get_lock()).__module__ == "dragon.synchronize"
    point = ctx.Value(targets.Point, 3, 4)
    assert type(point).__name__ == "SynchronizedPoint" and type(point) is type(ctx.Value(targets.Point))
    with pytest.raises(AssertionError, match="object already synchronized"):
        sharedctypes.synchronized(point)
    with pytest.raises(AttributeError, match="'navalue' has no method 'acquire'"):
        ctx.Value("i", 5, lock="navalue")


def test_locks_of_the_users_own(ctx: Any) -> None:
    lock = ctx.Lock()
    assert ctx.Value("i", lock=lock).get_lock() is lock
    assert not hasattr(ctx.Value("i", lock=False), "get_lock")


def test_memory_is_zero_though_it_was_used_before(ctx: Any) -> None:
    for _ in range(3):
        array = ctx.RawArray("B", 10000)
        assert not any(array)
        ctypes.memset(array, 255, 10000)
        del array
        gc.collect()


def test_a_copy_has_memory_of_its_own(chosen: Any) -> None:
    point = targets.Point(1, 2.5)
    made = sharedctypes.copy(point)
    point.x = 7
    assert (made.x, made.y) == (1, 2.5)
    assert type(made._wrapper).__module__ == "dragon.heap"


def test_module_level_names_follow_the_start_method(chosen: Any) -> None:
    assert type(sharedctypes.Value("i", 1)).__module__ == "dragon.sharedctypes"
    assert type(mp.Array("i", 1)).__module__ == "dragon.sharedctypes"
    assert type(heap.BufferWrapper(8)).__module__ == "dragon.heap"


def test_other_methods_keep_their_own(ctx: Any) -> None:
    program = """if 1:
        import multiprocessing as mp, dragon, pytest
        from multiprocessing import heap, sharedctypes
        from multiprocessing.reduction import ForkingPickler
        dragon.get_context()
        value = sharedctypes.Value("i", 1)
        assert type(value) is sharedctypes.Synchronized and type(value.get_obj()._wrapper) is heap.BufferWrapper
        for each in value, value.get_obj():
            with pytest.raises(RuntimeError, match="inheritance"):
                ForkingPickler.dumps(each)
        mp.set_start_method("dragon", force=True)
        assert type(mp.get_context("spawn").Value("i", 1)) is sharedctypes.Synchronized
        """
    path = str(pathlib.Path(_shm.__file__).parents[1])
    subprocess.run([sys.executable, "-c", program], check=True, timeout=PATIENCE, env={"PYTHONPATH": path})


def test_a_pickled_wrapper_is_the_same_memory(ctx: Any) -> None:
    raw = ctx.RawArray("i", 4)
    again = pickle.loads(ForkingPickler.dumps(raw._wrapper)).create_memoryview().cast("i")
    raw[2] = 42
    assert again[2] == 42


def test_pickle_itself_shares_or_refuses_and_never_copies(ctx: Any) -> None:
    value, array = ctx.Value("i", 1), ctx.Array("d", 3)
    again = pickle.loads(pickle.dumps([value, array]))
    again[0].value, again[1][2] = 5, 6.5
    assert (value.value, array[2]) == (5, 6.5)
    with pytest.raises(TypeError, match="would arrive as a copy"):
        pickle.dumps(ctx.RawValue("i", 1))


@pytest.mark.parametrize(("size", "error"), [(-1, ValueError), (1 << 63, OverflowError)])
def test_sizes_that_are_none(chosen: Any, size: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        heap.BufferWrapper(size)


def test_too_much_is_refused_with_reasons(ctx: Any) -> None:
    limit = _shm.info()["limit"]
    with pytest.raises(MemoryError, match=r"bytes more are needed.*of \d+ are left.*raise"):
        ctx.RawArray("B", limit * 2)
    assert ctx.RawValue("i", 3).value == 3


def test_a_forked_child_keeps_what_its_parent_lets_go(ctx: Any) -> None:
    array, queue = ctx.RawArray("B", b"kept" * 500), ctx.SimpleQueue()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.read(reader, 1)  # the parent has let go, and its memory would be used again by now
        queue.put(bytes(array[:8]))
        os._exit(0)
    del array
    gc.collect()
    others = [ctx.RawArray("B", b"else" * 500) for _ in range(200)]
    os.write(writer, b"!")
    assert queue.get() == b"keptkept"
    os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)
    assert len(others) == 200


def test_the_dead_leave_no_memory_behind(ctx: Any) -> None:
    before = _shm.info()["granted"]
    for _ in range(3):  # what the first ones left serves those after them
        go = ctx.Event()
        process = ctx.Process(target=targets.make_until_killed, args=(go,))
        process.start()
        assert go.wait(PATIENCE)
        threading.Event().wait(0.02)
        process.kill()
        process.join()
    assert _shm.info()["granted"] - before < 64 << 20
