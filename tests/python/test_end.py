"""How a process ended: `Popen.end` knows the signal, the kernel's shortage of memory, the zygote's end, and the last words on stderr."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dragon
import pytest
import targets
from dragon._end import End

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUPS = Path("/sys/fs/cgroup")


def end_of(ctx: Any, target: Any, *args: Any) -> End:
    process = ctx.Process(target=target, args=args)
    process.start()
    popen: Any = process._popen  # type: ignore[attr-defined]
    process.join()
    end: End = popen.end
    assert end.code == process.exitcode
    return end


def test_an_end_in_words(ctx: Any) -> None:
    assert end_of(ctx, targets.leave_with, 3) == End(3, False, False, "")
    assert end_of(ctx, targets.leave_with, 3).words == "ended with exit code 3"
    assert end_of(ctx, targets.die_of, signal.SIGSEGV).words == "killed by SIGSEGV"
    assert end_of(ctx, targets.die_of, signal.SIGRTMAX - 1).words == f"killed by signal {signal.SIGRTMAX - 1}"


def test_it_is_not_known_before(ctx: Any) -> None:
    ready = ctx.Event()
    process = ctx.Process(target=targets.live_on, args=(ready,))
    process.start()
    ready.wait()
    popen: Any = process._popen  # type: ignore[attr-defined]
    assert popen.end is None
    process.kill()
    process.join()
    assert popen.end.words == "killed by SIGKILL"


def test_the_last_lines_of_stderr(ctx: Any) -> None:
    assert end_of(ctx, targets.say_last_words, 2).last_words == "line 0\nline 1\nand a half"
    lines = end_of(ctx, targets.say_last_words, 3000).last_words.splitlines()
    assert lines == [f"line {number}" for number in range(2981, 3000)] + ["and a half"]


def test_killed_with_its_zygote(ctx: Any) -> None:
    ready = ctx.Event()
    process = ctx.Process(target=targets.live_on, args=(ready,))
    process.start()
    ready.wait()
    assert process.os_pid is not None
    parent = Path(f"/proc/{process.os_pid}/stat").read_text().rpartition(")")[2].split()[1]
    os.kill(int(parent), signal.SIGKILL)
    process.join()
    popen: Any = process._popen  # type: ignore[attr-defined]
    assert popen.end.code == -signal.SIGKILL
    assert "was killed, and its workers with it" in popen.end.words


def _group() -> Path:
    """This process's own memory control group."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, kind, path = line.split(":", 2)
        if "memory" in kind.split(","):
            return GROUPS / "memory" / path[1:]
        if not kind and (GROUPS / "cgroup.controllers").exists():
            return GROUPS / path[1:]
    pytest.skip("this machine has no memory control groups")


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group of 400 MB."""
    group = _group() / f"dragon-test-{os.getpid()}"
    try:
        group.mkdir()
        limit = "memory.max" if (group / "memory.max").exists() else "memory.limit_in_bytes"
        (group / limit).write_text("400M")
        swap = group / "memory.swap.max"
        if swap.exists():
            swap.write_text("0")
    except OSError as error:
        with contextlib.suppress(OSError):
            group.rmdir()
        pytest.skip(f"no control group can be made here: {error}")
    yield group
    end = time.monotonic() + 10  # the agent of a plain run ends a moment after its head
    while (group / "cgroup.procs").read_text():
        assert time.monotonic() < end, "processes are left in the group"
        time.sleep(0.005)
    group.rmdir()


GREEDY = """
import dragon, multiprocessing as mp, os, signal
def eat():
    held = []
    while True:
        held.append(bytearray(1 << 20))
def die():
    os.kill(os.getpid(), signal.SIGKILL)
if __name__ == "__main__":
    mp.set_start_method("dragon")
    for target in eat, die:
        process = mp.Process(target=target)
        process.start(); process.join()
        print(process._popen.end.words)
"""


def test_the_kernel_short_of_memory(small_group: Path, tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text(GREEDY)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DRAGON")}
    enter = f"echo $$ > {small_group}/cgroup.procs; exec {sys.executable} prog.py"
    environment["PYTHONPATH"] = str(Path(dragon.__file__).parent.parent)
    run = subprocess.run(
        ["sh", "-c", enter], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    assert run.stdout.splitlines() == [
        "killed by SIGKILL; the kernel's out-of-memory killer did it",
        "killed by SIGKILL",
    ]
