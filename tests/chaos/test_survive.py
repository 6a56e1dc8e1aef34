"""A killed zygote costs its workers and no more; a killed worker hangs nobody."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess

import audit
import procs
import pytest

pytestmark = pytest.mark.timeout(180)
PROGRAMS = pathlib.Path(__file__).with_name("programs")
MODES = pytest.mark.parametrize("launcher", [True, False], ids=["launcher", "plain"])
SCENARIOS = [
    "lock",
    "rlock",
    "lock_waiter",
    "get",
    "put",
    "semaphore",
    "condition",
    "condition_lock",
    "event",
    "pipe",
    "sentinel",
    "parent_of_daemon",
]


@MODES
@pytest.mark.parametrize("victims", [("zygote",), ("worker", "zygote")], ids="+".join)
def test_a_killed_zygote_costs_its_workers_and_a_new_one_starts(tmp_path, victims, launcher):
    with audit.run(tmp_path, [PROGRAMS / "zygote.py"], launcher=launcher) as run:
        run.expect("ready")
        run.kill(*victims)
        run.expect("ended", within=5)
        assert run.wait(30) == 0
        lines = run.lines()
        assert "ended -9 -9 -9 -9" in lines
        assert "lock True" in lines
        assert "got 0 1 2" in lines
        assert "done 0 0 0" in lines


@MODES
def test_a_killed_worker_does_not_hang_a_pool(tmp_path, launcher):
    inner, outer = os.pipe()
    with audit.run(tmp_path, [PROGRAMS / "pool_worker.py"], launcher=launcher, stdin=inner) as run:
        os.close(inner)
        run.expect("all are known")
        victims = {int(word) for line in run.lines() if line.startswith("victim") for word in line.split()[1:]}
        run.kill(next(each for each in run.processes() if each.pid in victims))
        os.write(outer, b"\n")
        os.close(outer)
        assert run.wait(50) == 0
        words = dict(line.split(None, 1) for line in run.lines() if line.startswith(("map", "again")))
        assert words["again"] == "True"
        assert words["map"] != "hangs", run.out
        assert words["map"] == "whole" or words["map"].startswith("raised"), run.out


@MODES
def test_who_waits_with_the_dead_goes_on_within_a_second(tmp_path, launcher):
    """Every object with a victim that holds it or waits on it; see programs/objects.py."""
    with audit.run(tmp_path, [PROGRAMS / "objects.py"], launcher=launcher) as run:
        assert run.wait(120) == 0
        said = {words[0]: words[1:] for words in (line.split() for line in run.lines()) if words[0] in SCENARIOS}
        assert {name: " ".join(words[:-1]) for name, words in said.items()} == dict.fromkeys(SCENARIOS, "ok")
        slow = {name: float(words[-1]) for name, words in said.items() if float(words[-1]) > audit.GONE}
        assert not slow, f"seconds until the survivors went on: {slow}"


def test_a_killed_worker_does_not_disturb_the_others(tmp_path):
    """One of the fighters for a lock is killed; the run goes on until the launcher is told to end."""
    with audit.run(tmp_path, [PROGRAMS / "locks.py"], stdin=subprocess.DEVNULL) as run:
        run.expect("ready")
        run.until(lambda: len(busy(run)) == 4, "four workers fight")
        workers = busy(run)
        procs.send(workers[0], signal.SIGKILL)
        audit.await_ends(workers[:1], run.started + 30)
        others = [each for each in busy(run) if each.pid in {worker.pid for worker in workers}]
        assert len(others) == 3
        before = {each.pid: ticks(each.pid) for each in others}
        run.until(lambda: all(ticks(pid) > before[pid] for pid in before), "all others work on")
        run.process.send_signal(signal.SIGTERM)
        assert run.wait(5) == 128 + signal.SIGTERM


def busy(run: audit.Run) -> list[procs.Process]:
    """The workers that do something; not one that was forked ahead and waits for its task."""
    return [each for each in sorted(run.roles()["worker"], key=lambda one: one.pid) if ticks(each.pid) > 2]


def ticks(pid: int) -> int:
    """Processor time of a process, in clock ticks."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@MODES
def test_a_killed_manager_is_named_to_all_its_callers_at_once(tmp_path, launcher):
    with audit.run(tmp_path, [PROGRAMS / "managers.py"], launcher=launcher) as run:
        assert run.wait(50) == 0
        lines = run.lines()
        learnt = [line.split()[1:] for line in lines if line.startswith("learnt")]
        assert [named for _, named in learnt] == ["named"] * 3
        assert all(float(seconds) < audit.GONE for seconds, _ in learnt), learnt
        for said in ("the others go on", "gone -9 0 0 0", "another 1"):
            assert said in lines
