"""kill -9 of head, launcher and agent, keeper, zygote, worker, alone and in pairs: the whole run is gone within a second and leaves nothing.

The moments and the kind of program are random (DRAGON_SEED repeats them); DRAGON_CHAOS_ROUNDS=N tries each set of victims N times, with as many
programs. With the launcher, launcher and agent are one process, called agent here.
"""

from __future__ import annotations

import itertools
import os
import pathlib
import signal
import time

import audit
import procs
import pytest

PROGRAMS = pathlib.Path(__file__).with_name("programs")
KINDS = ["pools", "queues", "locks", "waiters", "nested", "foreign"]
PARTS = ["head", "agent", "keeper", "zygote", "worker"]
ROUNDS = int(os.environ.get("DRAGON_CHAOS_ROUNDS", "1"))

# Zygotes and workers can be killed without an end to the run; test_survive.py does that.
FATAL = [each for n in (1, 2) for each in itertools.combinations(PARTS, n) if set(each) & {"head", "agent", "keeper"}]
MODES = pytest.mark.parametrize("launcher", [True, False], ids=["launcher", "plain"])


@MODES
@pytest.mark.parametrize("attempt", range(ROUNDS))
@pytest.mark.parametrize("victims", FATAL, ids="+".join)
def test_the_run_ends_within_a_second_and_leaves_nothing(tmp_path, dice, victims, launcher, attempt):
    # The one documented exception: agent and keeper killed in the same instant may leave foreign grandchildren.
    kinds = [kind for kind in KINDS if kind != "foreign" or set(victims) != {"agent", "keeper"}]
    kind = dice.choice(kinds)
    print(f"program: {kind}.py")
    with audit.run(tmp_path, [PROGRAMS / f"{kind}.py"], launcher=launcher) as run:
        run.expect("ready")
        run.wait_roles(*PARTS)
        time.sleep(dice.uniform(0, 0.15))  # the moment, not a wait
        run.kill(*victims, pick=dice.randrange(100))
        run.gone()
        check_end(run, victims, launcher)
        run.audit()


def check_end(run, victims, launcher):
    """The exit code and the words for it."""
    code = run.wait()
    if launcher and "agent" in victims:
        assert code == -signal.SIGKILL  # that was the process we started
    elif not launcher and "head" in victims:
        assert code == -signal.SIGKILL
    elif launcher and victims == ("head",):
        assert code == 128 + signal.SIGKILL
        assert "+++ head proc exited, code 137" in run.out + run.err
        assert "SIGKILL" in run.out + run.err or "signal 9" in run.out + run.err
    elif launcher:
        assert code not in (0, None)
        assert "+++ head proc exited" in run.out + run.err or "keeper" in run.err
    else:
        assert code not in (0, None)
        assert "dragon" in run.err.lower() or "exit codes" in run.err, "a head that loses its run-time is told so"


@MODES
@pytest.mark.parametrize("attempt", range(4 * ROUNDS))
def test_killed_while_it_starts(tmp_path, dice, launcher, attempt):
    """Whoever is there at a random moment of the start is killed: a part of the run-time, or the head."""
    with audit.run(tmp_path, [PROGRAMS / "waiters.py"], launcher=launcher) as run:
        time.sleep(dice.uniform(0, 0.7))  # the moment, not a wait
        there = [each for name, those in run.roles().items() for each in those if name in ("head", "agent", "keeper")]
        if there:
            victim = dice.choice(there)
            print(f"killed: {victim}")
            procs.send(victim, signal.SIGKILL)
        else:
            procs.send(procs.look(run.process.pid), signal.SIGKILL)
        run.gone()
        run.audit()


@MODES
@pytest.mark.parametrize("kind", KINDS)
def test_a_program_that_is_terminated_leaves_nothing(tmp_path, dice, kind, launcher):
    """SIGTERM to the first process of the run, as a service manager sends it."""
    with audit.run(tmp_path, [PROGRAMS / f"{kind}.py"], launcher=launcher) as run:
        run.expect("ready")
        time.sleep(dice.uniform(0, 0.1))  # the moment, not a wait
        run.process.send_signal(signal.SIGTERM)
        code = run.wait(5)
        assert code == (128 + signal.SIGTERM if launcher else -signal.SIGTERM)
        run.audit()
