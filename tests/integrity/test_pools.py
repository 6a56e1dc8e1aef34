"""Programs with pools, whole: what they print, how they end, and that nothing of them is left."""

from __future__ import annotations

import os
import pathlib
import signal
import sys
import time

import audit
import pytest

PROGRAMS = pathlib.Path(__file__).with_name("programs")
MODES = pytest.mark.parametrize("launcher", [True, False], ids=["launcher", "plain"])


@MODES
@pytest.mark.parametrize("what", ["beside", "unjoined", "forked", "limited"])
def test_a_program_ends_and_leaves_nothing(tmp_path, what, launcher):
    with audit.run(tmp_path, [PROGRAMS / "pools.py", what], launcher=launcher) as run:
        assert run.end() == 0, run.err
        assert run.lines()[-1] == "done" and "Traceback" not in run.err


@MODES
@pytest.mark.parametrize("flags", [["-X", "dev"], ["-W", "error"], ["-X", "dev", "-W", "error"]], ids=" ".join)
def test_no_warning_is_ours(tmp_path, flags, launcher):
    words = [*([sys.executable] if launcher else []), *flags, PROGRAMS / "pools.py", "everything"]
    with audit.run(tmp_path, words, launcher=launcher) as run:
        assert run.end() == 0, run.err
        said = [line for line in run.err.splitlines() if not line.startswith("+++ head proc exited")]
        assert (run.lines(), said) == (["done"], [])


@MODES
@pytest.mark.parametrize("which", ["pool", "executor"])
def test_ctrl_c_under_pytest(tmp_path, which, launcher):
    words = ["-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "-c", os.devnull, PROGRAMS / "interrupted.py"]
    words += ["-k", f"test_{which} or never"]
    with audit.run(tmp_path, words, launcher=launcher, terminal=True) as run:
        run.expect("ready")
        run.control_c()
        watch = audit.Stopwatch()
        assert run.wait() == 2  # pytest's code for an interruption
        assert watch.seconds() < 3
        run.audit()
        assert "KeyboardInterrupt" in run.out and "failed" not in run.out


@MODES
def test_ctrl_c_under_pytest_while_nothing_is_waited_for(tmp_path, launcher):
    words = ["-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "-c", os.devnull, PROGRAMS / "interrupted.py"]
    with audit.run(tmp_path, [*words, "-k", "test_late"], launcher=launcher, terminal=True) as run:
        run.expect("ready")
        run.control_c()
        run.expect("ending")
        run.control_c()
        run.wait(10)
        run.audit()


@MODES
@pytest.mark.parametrize("how", ["deaf", "deaf-left-open"])
def test_a_second_ctrl_c_with_a_pool(tmp_path, how, launcher):
    """The workers do not listen, and the second comes while the first is being dealt with: ended at once. What of it is no statement of the program's shows no second traceback."""
    with audit.run(tmp_path, [PROGRAMS / "terminal.py", how], launcher=launcher, terminal=True) as run:
        run.expect("ready")
        run.control_c()
        time.sleep(0.3)  # a hand is no quicker; the launcher takes two signals at nearly the same time for one
        os.write(run.master, b"\x03")
        watch = audit.Stopwatch()
        code = run.wait()
        assert watch.seconds() < 1
        assert code in ((128 + signal.SIGINT, 128 + signal.SIGKILL) if launcher else (-signal.SIGINT,))
        run.audit()
        assert run.out.count("Traceback") <= (2 if how == "deaf" else 1)
