"""Lines that begin with who wrote them: `dragon --label`, DRAGON_LABEL."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Launcher

PROGRAM = """
import dragon, multiprocessing as mp, os, sys
def work(n):
    for i in range(50):
        print(f"out {n} {i}")
    print(f"err {n}", file=sys.stderr)
    os.system(f"echo other {n}")
    os.write(1, f"half {n}".encode())
if __name__ == "__main__":
    mp.set_start_method("dragon")
    all = [mp.Process(target=work, args=(n,), name=f"job-{n}") for n in range(8)]
    for p in all: p.start()
    for p in all: p.join()
    print("head", *(p.pid for p in all))
"""


def check(out: str, err: str) -> None:
    lines = out.splitlines()
    (head,) = (line for line in lines if line.startswith("head "))
    ids = head.split()[1:]
    for n, number in enumerate(ids):
        label = f"job-{n} {number}: "
        assert [line for line in lines if line.startswith(label)] == [
            *(f"{label}out {n} {i}" for i in range(50)),
            f"{label}half {n}",
        ]
        assert f"{label}err {n}" in err.splitlines()
        assert any(re.fullmatch(rf"pid \d+: other {n}", line) for line in lines)
    assert len(lines) == 8 * 52 + 1


def test_the_option(dragon: Launcher) -> None:
    dragon.program(PROGRAM)
    run = dragon.run("--label", "prog.py")
    assert run.returncode == 0
    check(run.stdout, run.stderr)


def test_the_setting_in_plain_mode(dragon: Launcher) -> None:
    dragon.program(PROGRAM)
    environment = dragon.environment(DRAGON_LABEL="1", PYTHONPATH=str(dragon.root / "python"))
    run = subprocess.run(
        [sys.executable, "prog.py"],
        cwd=dragon.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    check(run.stdout, run.stderr)
    dragon.await_gone()


def test_without_them_lines_are_as_they_were_written(dragon: Launcher) -> None:
    dragon.program(PROGRAM)
    run = dragon.run("prog.py", env={"DRAGON_LABEL": "0"})
    assert "out 3 7" in run.stdout.splitlines()
