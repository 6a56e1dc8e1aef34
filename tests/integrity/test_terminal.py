"""On a terminal: the head has it, Ctrl-C ends the run in order, and nothing is left."""

from __future__ import annotations

import os
import pathlib
import signal
import time

import audit
import procs
import pytest

PROGRAM = pathlib.Path(__file__).with_name("programs") / "terminal.py"
MODES = pytest.mark.parametrize("launcher", [True, False], ids=["launcher", "plain"])


def code_of(number: int, launcher: bool) -> int:
    return 128 + number if launcher else -number


@MODES
def test_the_head_has_the_terminal(tmp_path, launcher):
    with audit.run(tmp_path, [PROGRAM, "input"], launcher=launcher, terminal=True) as run:
        run.expect("ready")
        assert "isatty True True True" in run.out
        os.write(run.master, b"these words\n")
        run.expect("said these words")
        assert run.end() == 0


@MODES
def test_a_line_that_a_worker_has_begun_is_shown(tmp_path, launcher):
    """A progress bar, a question: somebody watches."""
    with audit.run(tmp_path, [PROGRAM.with_name("begun.py")], launcher=launcher, terminal=True) as run:
        run.expect("so much of it")
        os.write(run.master, b"\n")
        run.expect(", and the rest")
        assert run.end() == 0


@MODES
@pytest.mark.parametrize("how", ["join", "get", "map", "lock", "sleep", "input"])
def test_ctrl_c_ends_the_run(tmp_path, how, launcher):
    with audit.run(tmp_path, [PROGRAM, how], launcher=launcher, terminal=True) as run:
        run.expect("ready")
        run.control_c()
        assert run.wait(10) == code_of(signal.SIGINT, launcher)
        run.audit()
        assert run.out.count("Traceback (most recent call last)") <= 1, run.out
        assert "java.lang" not in run.out


POOLS = ["apply", "imap", "deaf", "left-open", "submit", "executor-map", "executor-left-open"]


@MODES
@pytest.mark.parametrize("how", [*POOLS, "pool-in-a-thread", "executor-in-a-thread"])
def test_ctrl_c_ends_pools_and_executors(tmp_path, how, launcher):
    """One traceback, the driver's, also where other threads wait or the workers do not listen; all gone within three seconds."""
    with audit.run(tmp_path, [PROGRAM, how], launcher=launcher, terminal=True) as run:
        run.expect("ready")
        run.control_c()
        watch = audit.Stopwatch()
        assert run.wait() == code_of(signal.SIGINT, launcher)
        assert watch.seconds() < 3
        run.audit()
        assert run.out.count("Traceback (most recent call last)") == 1, run.out
        assert "KeyboardInterrupt" in run.out


@MODES
def test_a_second_ctrl_c_ends_a_stubborn_program(tmp_path, launcher):
    """Plain Python has no such rule: there the program goes on after any number of them, and SIGQUIT ends it."""
    with audit.run(tmp_path, [PROGRAM, "stubborn"], launcher=launcher, terminal=True) as run:
        run.expect("ready")
        run.control_c()
        run.expect("not yet", within=5)
        time.sleep(0.3)  # a hand is no quicker; the launcher takes two signals at nearly the same time for one
        os.write(run.master, b"\x03" if launcher else b"\x1c")
        code = run.wait(5)
        assert code == code_of(signal.SIGINT if launcher else signal.SIGQUIT, launcher) or (launcher and code == 137)
        run.audit()


@MODES
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("how", ["map", "sleep"])
def test_a_signal_to_the_command_alone(tmp_path, how, number, launcher):
    """As `kill` sends it, with no terminal about."""
    with audit.run(tmp_path, [PROGRAM, how], launcher=launcher) as run:
        run.expect("ready")
        run.await_sleep()
        run.process.send_signal(number)
        assert run.wait(10) == code_of(number, launcher)
        run.audit()


@MODES
def test_a_terminal_that_is_closed(tmp_path, launcher):
    with audit.run(tmp_path, [PROGRAM, "sleep"], launcher=launcher, terminal=True) as run:
        run.expect("ready")
        run.hang_up()
        assert run.wait(10) == code_of(signal.SIGHUP, launcher)
        run.audit()


MOURNING = PROGRAM.with_name("mourning.py")


@MODES
@pytest.mark.parametrize("workers", ["daemons", "children"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_worker_says_that_the_run_was_ended(tmp_path, number, workers, launcher):
    """One traceback at most, the driver's, though they wait for it, for a manager and for each other."""
    with audit.run(tmp_path, [MOURNING, workers], launcher=launcher) as run:
        run.expect("ready")
        run.await_sleep()
        procs.send(run.roles()["head"][0], number)
        assert run.wait(10) == code_of(number, launcher)
        run.audit()
        assert run.err.count("Traceback (most recent call last)") == (number == signal.SIGINT), run.err
        assert "Process Process-" not in run.err
