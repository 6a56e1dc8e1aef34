"""Large pages: what a process has made is moved into them, and nothing else changes."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import textwrap

import pytest

PACKAGE = pathlib.Path(__file__).parents[2] / "python"
ENABLED = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")
START = """
import ctypes, mmap, os
from dragon import _shm

def moved():
    "Bytes that were: nothing else here asks the kernel to leave memory as it is."
    size = total = 0
    for line in open("/proc/self/smaps"):
        if line.startswith("Size:"):
            size = int(line.split()[1]) << 10
        elif line.startswith("VmFlags:") and "nh" in line.split():
            total += size
    return total
"""


def run(program: str) -> str:
    """What a program says in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", START + textwrap.dedent(program)],
        env={"PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(not ENABLED.exists() or "[never]" in ENABLED.read_text(), reason="the system has no large pages")
def test_what_was_moved_is_what_it_was(tmp_path: pathlib.Path) -> None:
    program = """
        things = [str(number) * 7 for number in range(100_000)]
        block = bytearray(os.urandom(3 << 20))
        copy = bytes(block)
        for _ in range(2):
            _shm.use_large_pages()
            assert things == [str(number) * 7 for number in range(100_000)] and block == copy
        assert moved() > 8 << 20, moved()
        child = os.fork()
        things[5] = "mine" if child else "the child's"
        block[:] = bytes(len(block))
        assert things[4:6] == ["4444444", things[5]] and not any(block)
        if not child:
            os._exit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5 and things[5] == "mine"
        more = [bytearray(1 << 16) for _ in range(200)]
        assert len(more) == 200
        print("done")
    """
    assert run(program) == "done"


def test_memory_of_other_kinds_stays_where_it_is(tmp_path: pathlib.Path) -> None:
    program = """
        size = 4 << 20
        private = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        shared = mmap.mmap(-1, size)
        private.madvise(mmap.MADV_DONTFORK)
        private[:] = shared[:] = b"x" * size
        _shm.use_large_pages()
        child = os.fork()
        if not child:
            shared[:5] = b"child"
            ctypes.string_at(ctypes.addressof(ctypes.c_char.from_buffer(private)))  # it has none of it
            os._exit(0)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == 11
        print(shared[:6].decode(), private[:3].decode())
    """
    assert run(program) == "childx xxx"
