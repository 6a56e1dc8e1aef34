"""What workers print reaches the run's own streams: whole lines, in each process's order, stdout and stderr apart, the last words of the killed included."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Launcher

HEAD = "import dragon, multiprocessing as mp, os, sys, time, signal\n"
MAIN = "if __name__ == '__main__':\n    mp.set_start_method('dragon')\n"


def test_lines_stay_whole_and_in_order(dragon: Launcher) -> None:
    dragon.program(
        HEAD
        + "def work(n):\n    for i in range(500):\n        print(f'<{n} {i} ' + 'x' * (i % 150) + '>', flush=i % 7 == 0)\n"
        + "        print(f'[{n} {i}]', file=sys.stderr)\n"
        + MAIN
        + "    all = [mp.Process(target=work, args=(n,)) for n in range(24)]\n"
        + "    for p in all: p.start()\n    for p in all: p.join()\n"
    )
    run = dragon.run("prog.py", timeout=60)
    assert run.returncode == 0
    seen: dict[str, list[int]] = defaultdict(list)
    for line in run.stdout.splitlines():
        assert line.startswith("<") and line.endswith(">")
        number, count, rest = line[1:-1].split(" ")
        assert len(rest) == int(count) % 150
        seen[number].append(int(count))
    errors: dict[str, list[int]] = defaultdict(list)
    for line in run.stderr.splitlines()[:-1]:
        number, count = line[1:-1].split(" ")
        errors[number].append(int(count))
    assert all(counts == list(range(500)) for counts in [*seen.values(), *errors.values()])
    assert len(seen) == len(errors) == 24


def test_last_words_of_a_killed_process(dragon: Launcher) -> None:
    dragon.program(
        HEAD
        + "def work():\n    os.write(1, b'a line\\nand a half'); os.write(2, b'last words'); os.kill(os.getpid(), 9)\n"
        + MAIN
        + "    p = mp.Process(target=work); p.start(); p.join(); print(p.exitcode, flush=True)\n"
    )
    run = dragon.run("prog.py")
    assert sorted(run.stdout.replace("-9\n", "").splitlines()) == ["a line", "and a half"]
    assert "-9\n" in run.stdout
    assert run.stderr.startswith("last words")


def test_bytes_are_passed_as_they_are(dragon: Launcher) -> None:
    dragon.program(
        HEAD
        + "def work():\n    os.write(1, bytes(range(256)) + b'\\n')\n"
        + MAIN
        + "    p = mp.Process(target=work); p.start(); p.join()\n"
    )
    process = dragon.start("prog.py", stdout=subprocess.PIPE)
    assert process.stdout
    assert os.read(process.stdout.fileno(), 1000) == bytes(range(256)) + b"\n"
    assert process.wait(10) == 0


def test_a_slow_reader_loses_nothing(dragon: Launcher) -> None:
    dragon.program(
        HEAD
        + "def work():\n    for i in range(60000): print(f'{i:0100}')\n"
        + MAIN
        + "    p = mp.Process(target=work); p.start(); p.join()\n"
    )
    process = dragon.start("prog.py")
    assert process.stdout
    assert [int(line) for line in process.stdout] == list(range(60000))
    assert process.wait(10) == 0


def test_nobody_reads(dragon: Launcher) -> None:
    dragon.program(
        HEAD
        + "def work():\n    for i in range(100000): print('lost')\n"
        + MAIN
        + "    p = mp.Process(target=work); p.start(); p.join(); sys.exit(4)\n"
    )
    read, write = os.pipe()
    os.close(read)
    process = dragon.start("prog.py", stdout=write)
    os.close(write)
    assert process.wait(20) == 4
    dragon.await_gone()


PLAIN = (
    HEAD
    + "def work(n):\n    print('worker', n)\n"
    + MAIN
    + "    with mp.Pool(2) as pool: pool.map(work, range(4), 1)\n"
)


def plain(dragon: Launcher, program: str = "prog.py", **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        [sys.executable, program],
        cwd=dragon.folder,
        env=dragon.environment(PYTHONPATH=str(dragon.root / "python")),
        text=True,
        start_new_session=True,
        **options,
    )


def test_plain_python_through_a_pipe_ends_when_the_program_does(dragon: Launcher) -> None:
    dragon.program(PLAIN)
    process = plain(dragon, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=20)  # until the end of the pipe: nobody else holds it
    assert sorted(out.split("\n")[:4]) == [f"worker {n}" for n in range(4)]
    assert (process.returncode, err) == (0, "")
    dragon.await_gone()


def test_plain_python_killed(dragon: Launcher) -> None:
    dragon.program(
        HEAD
        + "def work(n):\n    os.write(1, b'begun'); time.sleep(1000)\n"
        + MAIN
        + "    p = mp.Process(target=work, args=(1,)); p.start(); time.sleep(1000)\n"
    )
    process = plain(dragon, stdout=subprocess.PIPE)
    assert process.stdout
    while len([line for line in dragon.processes().values() if "zygote" in line]) < 2:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    out, _ = process.communicate(timeout=5)
    assert out in ("begun", "")
    dragon.await_gone()


@pytest.mark.parametrize("part", ["dragon.agent.Main", "build/bin/keeper", "dragon._zygote"])
def test_plain_python_whose_parts_are_killed(dragon: Launcher, part: str) -> None:
    dragon.program(
        HEAD
        + "def work(n):\n    time.sleep(1000)\n"
        + MAIN
        + "    p = mp.Process(target=work, args=(1,)); p.start(); print('up', flush=True); p.join(); print(p.exitcode)\n"
    )
    process = plain(dragon, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    os.kill(min(pid for pid, line in dragon.processes().items() if part in line), signal.SIGKILL)
    out, err = process.communicate(timeout=5)
    assert out == "-9\n", err
    dragon.await_gone()


def test_a_killed_zygote_costs_its_workers_and_another_one_starts(dragon: Launcher) -> None:
    dragon.program(
        HEAD
        + "def work(n):\n    if n: time.sleep(1000)\n"
        + MAIN
        + "    all = [mp.Process(target=work, args=(1,)) for _ in range(4)]\n    for p in all: p.start()\n    print('up', flush=True)\n"
        + "    for p in all: p.join()\n    print([p.exitcode for p in all])\n"
        + "    p = mp.Process(target=work, args=(0,)); p.start(); p.join(); print(p.exitcode)\n"
    )
    process = dragon.start("prog.py")
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    os.kill(min(pid for pid, line in dragon.processes().items() if "dragon._zygote" in line), signal.SIGKILL)
    out, err = process.communicate(timeout=10)
    assert out == "[-9, -9, -9, -9]\n0\n", err
    assert "signal 9 (SIGKILL)" in err
    assert process.returncode == 0


def test_a_terminal_that_is_stopped_holds_up_workers_only(dragon: Launcher) -> None:
    dragon.program(
        HEAD
        + "def noisy():\n    for i in range(20000): print('x' * 80)\n"
        + "def quiet(q):\n    q.put('done')\n"
        + MAIN
        + "    p = mp.Process(target=noisy); p.start(); q = mp.Queue(); r = mp.Process(target=quiet, args=(q,)); r.start()\n"
        + "    os.write(2, q.get().encode() + b'\\n'); p.join()\n"
    )
    master, slave = pty.openpty()  # nobody reads it for now
    process = dragon.start("prog.py", stdout=slave)
    os.close(slave)
    assert process.stderr
    assert process.stderr.readline() == "done\n"
    assert process.poll() is None
    size = 0
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        size += part.count(b"x")
    assert size == 20000 * 80
    assert process.wait(10) == 0
    os.close(master)


@pytest.mark.parametrize("plain", [False, True], ids=["launcher", "plain"])
def test_what_a_full_disk_does_not_take_is_told_once(dragon: Launcher, plain: bool) -> None:
    """As a run's very last words, and once in all; nobody who writes is troubled by it."""
    dragon.program(
        HEAD
        + "def work(n):\n    for i in range(3):\n        print(n, 'to stdout', flush=True)\n        print(n, 'to stderr', file=sys.stderr, flush=True)\n"
        + MAIN
        + "    for n in range(2):\n        p = mp.Process(target=work, args=(n,)); p.start(); p.join(); assert p.exitcode == 0\n"
    )
    way = {"by": sys.executable, "env": {"PYTHONPATH": str(dragon.root / "python")}} if plain else {}
    with open("/dev/full", "w") as full:
        run = dragon.run("prog.py", stdout=full, **way)
    assert run.returncode == 0
    lines = [line for line in run.stderr.splitlines() if line.startswith("dragon: ")]
    assert len(lines) == 1 and "stdout are lost" in lines[0] and "No space left on device" in lines[0]
    assert run.stderr.count("to stderr") == 6
