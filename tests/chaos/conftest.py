"""Makes the shared helpers of tests/ importable, and gives every random test a seed that is printed and can be set (DRAGON_SEED)."""

from __future__ import annotations

import os
import pathlib
import random
import sys
import zlib

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]


@pytest.fixture
def dice(request):
    """A random generator; its seed is shown when the test fails, and DRAGON_SEED=N repeats it."""
    seed = int(os.environ.get("DRAGON_SEED") or int.from_bytes(os.urandom(4), "little"))
    print(f"seed: DRAGON_SEED={seed}")
    return random.Random(seed ^ zlib.crc32(request.node.nodeid.encode()))
