"""kill -9 of head, launcher and agent, keeper, zygote, worker, alone and in pairs: the whole run is gone within a second and leaves nothing.

The moments and the kind of program are random (DRAGON_SEED repeats them); DRAGON_CHAOS_ROUNDS=N tries each set of victims N times, with as many
programs.
"""

from __future__ import annotations

import os
import signal
import time

import audit
import pytest
import whole

ROUNDS = int(os.environ.get("DRAGON_CHAOS_ROUNDS", "1"))
MODES = pytest.mark.parametrize("launcher", [True, False], ids=["launcher", "plain"])


@MODES
@pytest.mark.parametrize("attempt", range(ROUNDS))
@pytest.mark.parametrize("victims", whole.FATAL, ids="+".join)
def test_the_run_ends_within_a_second_and_leaves_nothing(tmp_path, dice, victims, launcher, attempt):
    whole.kill_parts(tmp_path, dice, victims, launcher)


@MODES
@pytest.mark.parametrize("attempt", range(4 * ROUNDS))
def test_killed_while_it_starts(tmp_path, dice, launcher, attempt):
    whole.kill_starting(tmp_path, dice, launcher)


@MODES
@pytest.mark.parametrize("attempt", range(3 * ROUNDS))
def test_told_to_end_at_any_moment(tmp_path, dice, launcher, attempt):
    whole.tell(tmp_path, dice, launcher)


@MODES
@pytest.mark.parametrize("attempt", range(3 * ROUNDS))
def test_workers_and_zygotes_one_after_another(tmp_path, dice, launcher, attempt):
    whole.wound(tmp_path, dice, launcher)


@MODES
@pytest.mark.parametrize("kind", whole.KINDS)
def test_a_program_that_is_terminated_leaves_nothing(tmp_path, dice, kind, launcher):
    """SIGTERM to the first process of the run, as a service manager sends it."""
    with audit.run(tmp_path, [whole.PROGRAMS / f"{kind}.py"], launcher=launcher) as run:
        run.expect("ready")
        time.sleep(dice.uniform(0, 0.1))  # the moment, not a wait
        run.process.send_signal(signal.SIGTERM)
        code = run.wait(5)
        assert code == (128 + signal.SIGTERM if launcher else -signal.SIGTERM)
        run.audit()
