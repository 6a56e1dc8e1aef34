"""Tests of the Python package, in this process: it is the head of a run that lasts as long as the session. After each test, nothing may be left of it here,
and when the next one begins, or the last has ended, nothing in the node's memory."""

from __future__ import annotations

import gc
import multiprocessing as mp
import os
import pathlib
import sys
import threading
import time
from collections.abc import Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))  # workers import `targets` from here
sys.path.insert(1, str(pathlib.Path(__file__).parents[1]))

import dump

PATIENCE = 60.0  # seconds after which an awaited thing is called hung


@pytest.fixture(scope="session")
def run() -> Iterator[mp.context.BaseContext]:
    """The context of the start method "dragon", with a run that has begun."""
    import dragon

    context = dragon.get_context()
    context.Event()
    yield context
    await_no_blocks()
    from multiprocessing import util

    util._exit_function()


@pytest.fixture
def ctx(run: mp.context.BaseContext, request: pytest.FixtureRequest) -> Iterator[mp.context.BaseContext]:
    """The context; what a test leaves behind here fails it."""
    await_no_blocks()
    before = left_here()
    yield run
    request.node.funcargs.clear()  # pytest itself lets go of what fixtures made only after the end of all, the run too
    deadline = time.monotonic() + PATIENCE
    while (left := left_here()) != before and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.005)
    assert left == before


def left_here() -> dict[str, object]:
    """What this process holds."""
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "children": mp.active_children(),
    }


def await_no_blocks() -> None:
    """Returns once nobody has anything in the node's memory."""
    from dragon import _shm, popen

    mp.active_children()  # which forgets those that have ended
    memory = dump.Memory(_shm.info()["agent_pid"])
    deadline = time.monotonic() + PATIENCE / 4
    while (left := memory.in_use()) and time.monotonic() < deadline:
        gc.collect()
        popen._exits.clear()
        time.sleep(0.005)
    assert not left, f"blocks of the node's memory, by size, that an earlier test has left: {left}"
    memory.map.close()
