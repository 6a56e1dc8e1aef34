"""How the agent makes workers and lets go of them: seen from outside, with whole programs."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Launcher

HEAD = "import dragon, multiprocessing as mp, os, resource, signal, subprocess, sys, time\n"
MAIN = "if __name__ == '__main__':\n    mp.set_start_method('dragon')\n"


def test_the_first_worker_has_the_first_id(dragon: Launcher) -> None:
    dragon.program(
        HEAD
        + "def work(): print(mp.current_process().pid)\n"
        + MAIN
        + "    p = mp.Process(target=work); p.start(); p.join()\n"
    )
    for words in (["prog.py"], ["python3", "prog.py"], ["sh", "-c", "python3 prog.py"]):
        assert dragon.run(*words).stdout == "4294967302\n"


def test_workers_of_workers_come_from_the_same_zygote(dragon: Launcher) -> None:
    dragon.program(
        HEAD
        + "def inner(): print(os.getppid())\n"
        + "def outer():\n    print(os.getppid())\n    p = mp.Process(target=inner); p.start(); p.join()\n"
        + MAIN
        + "    p = mp.Process(target=outer); p.start(); p.join()\n"
    )
    for words in (["prog.py"], ["sh", "-c", "python3 prog.py"]):
        one, other = dragon.run(*words).stdout.split()
        assert one == other


def test_large_arguments(dragon: Launcher) -> None:
    dragon.program(
        HEAD
        + "def work(data): print(len(data))\n"
        + MAIN
        + "    p = mp.Process(target=work, args=(bytes(100 << 20),)); p.start(); p.join(); print(p.exitcode)\n"
    )
    assert dragon.run("prog.py", timeout=60).stdout == "104857600\n0\n"


def test_limits_and_signals_are_the_users(dragon: Launcher) -> None:
    soft = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0]); print(open('/proc/self/status').read().split('SigIgn:')[1].split()[0])"
    ignored = 1 << 12 | 1 << 24  # CPython ignores SIGPIPE and SIGXFSZ
    run = dragon.run("sh", "-c", f'ulimit -Sn 345; exec dragon_python -c "{soft}"'.replace("dragon_python", "python3"))
    assert run.stdout.split()[0] == "345"
    run = dragon.run("python3", "-c", soft)
    assert int(run.stdout.split()[1], 16) == ignored


def test_a_zygote_that_cannot_start_shows_its_words(dragon: Launcher) -> None:
    dragon.program(
        HEAD
        + "def work(): pass\n"
        + MAIN
        + "    mp.set_executable('/bin/false')\n"
        + "    try:\n        mp.Process(target=work).start()\n    except OSError as error:\n        print(error)\n"
        + "    fake = os.path.abspath('fake'); open(fake, 'w').write('#!/bin/sh\\necho the words >&2; exit 3\\n'); os.chmod(fake, 0o755)\n"
        + "    mp.set_executable(fake)\n"
        + "    try:\n        mp.Process(target=work).start()\n    except OSError as error:\n        print(error)\n"
        + "    mp.set_executable('/no/such/python')\n"
        + "    try:\n        mp.Process(target=work).start()\n    except OSError as error:\n        print(error)\n"
    )
    run = dragon.run("prog.py")
    assert "exit code 1 before it was ready" in run.stdout
    assert "exit code 3 before it was ready; its words:\nthe words" in run.stdout
    assert "/no/such/python: execute: No such file or directory" in run.stdout


@pytest.mark.parametrize("how", ["signal.SIGKILL", "signal.SIGTERM"])
def test_daemons_of_a_dead_parent_end(dragon: Launcher, how: str) -> None:
    dragon.program(
        HEAD
        + "def daemon(): time.sleep(1000)\n"
        + "def parent(q):\n    d = mp.Process(target=daemon, daemon=True); d.start(); q.put(d._popen.os_pid); time.sleep(1000)\n"
        + MAIN
        + "    q = mp.Queue(); p = mp.Process(target=parent, args=(q,)); p.start(); pid = q.get()\n"
        + f"    os.kill(p._popen.os_pid, {how}); p.join()\n"
        + "    end = time.monotonic() + 5\n"
        + "    while os.path.exists(f'/proc/{pid}') and time.monotonic() < end: time.sleep(0.01)\n"
        + "    print(p.exitcode, os.path.exists(f'/proc/{pid}'))\n"
    )
    assert dragon.run("prog.py").stdout == f"-{int(eval(how))} False\n"


def test_workers_die_with_the_run_grandchildren_included(dragon: Launcher) -> None:
    dragon.program(
        HEAD
        + "def work(q):\n    subprocess.Popen(['setsid', 'sleep', '1000']); q.put(1); time.sleep(1000)\n"
        + MAIN
        + "    q = mp.Queue(); all = [mp.Process(target=work, args=(q,)) for _ in range(5)]\n"
        + "    for p in all: p.start()\n    for p in all: q.get()\n    os._exit(6)\n"
    )
    assert dragon.run("prog.py").returncode == 6
    dragon.await_gone()


@pytest.mark.parametrize(
    "parts",
    [
        ["launcher", "dragon._zygote"],
        ["dragon._zygote", "build/bin/keeper"],
        ["head", "dragon._zygote"],
        ["build/bin/keeper", "dragon._zygote"],
        ["head", "launcher"],
    ],
)
def test_two_parts_killed_at_once(dragon: Launcher, parts: list[str]) -> None:
    dragon.program(
        HEAD
        + "def work(q):\n    q.put(1); time.sleep(1000)\n"
        + MAIN
        + "    q = mp.Queue(); all = [mp.Process(target=work, args=(q,)) for _ in range(3)]\n"
        + "    for p in all: p.start()\n    for p in all: q.get()\n    print(os.getpid(), flush=True)\n"
        + "    for p in all: p.join()\n    time.sleep(1000)\n"
    )
    process = dragon.start("prog.py")
    assert process.stdout
    head = int(process.stdout.readline())
    pids = [
        head
        if part == "head"
        else process.pid
        if part == "launcher"
        else min(pid for pid, line in dragon.processes().items() if part in line)
        for part in parts
    ]
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # gone with the first one
    process.wait(5)
    dragon.await_gone()
