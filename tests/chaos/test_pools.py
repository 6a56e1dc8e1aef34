"""Pools and executors whose workers, zygote or agent die: each call ends within a second, with its result or a clear error."""

from __future__ import annotations

import pathlib
import re

import audit
import pytest

pytestmark = pytest.mark.timeout(180)
PROGRAMS = pathlib.Path(__file__).with_name("programs")
MODES = pytest.mark.parametrize("launcher", [True, False], ids=["launcher", "plain"])


@MODES
def test_killed_workers_cost_the_tasks_in_their_hands(tmp_path, dice, launcher):
    with audit.run(
        tmp_path, [PROGRAMS / "pool_storm.py", 25, dice.randrange(1 << 32), audit.PATIENCE], launcher=launcher
    ) as run:
        assert run.wait(120) == 0, run.out + run.err
        assert "result: 25 kills" in run.out
        run.audit()


@MODES
def test_a_killed_zygote_costs_each_worker_the_task_in_its_hands(tmp_path, launcher):
    """Workers are killed in the middle of tasks by the death of what they were forked from; new ones come from a new one."""
    with audit.run(tmp_path, [PROGRAMS / "pool_zygote.py"], launcher=launcher) as run:
        assert run.wait(60) == 0, run.out + run.err
        words = dict(line.split(" ", 1) for line in run.lines() if line.startswith(("pool", "executor")))
        for kind in ("pool", "executor"):
            assert re.match(r"WorkerDied .* again \[0, 1, 4, 9\]", words[kind]), run.out
        run.audit()


@pytest.mark.parametrize("victim", ["agent", "keeper"])
def test_every_call_ends_when_the_run_dies(tmp_path, victim):
    """Without the launcher the head outlives its run-time, and each of its calls tells so within a second."""
    with audit.run(tmp_path, [PROGRAMS / "pool_calls.py", tmp_path / "book"], launcher=False) as run:
        run.expect("ready")
        run.kill(victim)
        watch = audit.Stopwatch()
        run.expect("all ended")
        assert watch.seconds() < audit.GONE
        run.wait()
        ended = dict(line.split(" ended with ") for line in run.lines() if " ended with " in line)
        assert ended.pop("join") == ended.pop("shutdown") == "nothing"
        assert len(ended) == 10, run.out
        for name, error in ended.items():
            assert error.startswith("RunOver"), f"{name} ended with {error}"
        run.audit()
