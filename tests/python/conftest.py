"""Tests of the Python package, in this process: it is the head of a run that lasts as long as the session. After each test, nothing may be left of it here."""

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

PATIENCE = 60.0  # seconds after which an awaited thing is called hung


@pytest.fixture(scope="session")
def run() -> Iterator[mp.context.BaseContext]:
    """The context of the start method "dragon", with a run that has begun."""
    import dragon

    context = dragon.get_context()
    context.Event()
    yield context
    from multiprocessing import util

    util._exit_function()


@pytest.fixture
def ctx(run: mp.context.BaseContext) -> Iterator[mp.context.BaseContext]:
    """The context; what a test leaves behind here fails it."""
    gc.collect()
    before = left_here()
    yield run
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
