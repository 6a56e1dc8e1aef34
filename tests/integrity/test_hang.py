"""The tests' own guard: a test that hangs is named, with its stacks, and the others go on, however pytest was started."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys

import procs
import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]

HANGS = """
import pathlib, signal, subprocess, time
import pytest

def forgotten(folder):  # in a session of its own, and with a pipe to wait for
    process = subprocess.Popen(["sleep", "1000"], stdout=subprocess.PIPE, start_new_session=True)
    (folder / "forgotten").write_text(str(process.pid))
    return process

@pytest.fixture
def waits_at_the_end(tmp_path):
    yield
    forgotten(tmp_path).communicate()

@pytest.mark.timeout(1.2)
def test_that_fails_before_it_hangs(waits_at_the_end):
    assert False

@pytest.mark.timeout(1.2)
def test_that_sleeps():
    time.sleep(1000)

def test_of_signals():
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGHUP) == signal.getsignal(signal.SIGTERM) == signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
"""

DEAF = """
import os, signal
import pytest

@pytest.mark.timeout(1.2)
def test_that_does_not_react():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    os.read(os.pipe()[0], 1)
"""


def odd_signals() -> None:
    """As a service may start the tests: signals blocked, and ignored."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)


def run(folder: pathlib.Path, text: str) -> tuple[int, str]:
    (folder / "test_it.py").write_text(text)
    (folder / "conftest.py").write_text((TESTS / "conftest.py").read_text())
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-v",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(folder),
        "--basetemp",
        str(folder / "t"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    done = subprocess.run(
        words, cwd=folder, env=environment, preexec_fn=odd_signals, capture_output=True, text=True, timeout=30
    )
    return done.returncode, done.stdout + done.stderr


def test_hung_tests_are_named_and_the_others_go_on(tmp_path):
    code, said = run(tmp_path, HANGS)
    assert code == pytest.ExitCode.TESTS_FAILED
    for name in ("test_that_fails_before_it_hangs", "test_that_sleeps"):
        assert f"HUNG test_it.py::{name}: not done after 1 s" in said, said
    assert "in forgotten" not in said and "in waits_at_the_end" in said, said
    assert "test_of_signals PASSED" in said, said
    assert "2 failed, 1 passed, 1 error" in said, said
    (pid,) = [int(file.read_text()) for file in tmp_path.rglob("forgotten")]
    forgotten = procs.look(pid)
    assert forgotten is None or forgotten.dead


def test_a_test_that_does_not_react_ends_all_with_its_name(tmp_path):
    code, said = run(tmp_path, DEAF)
    assert code == 1
    assert "HUNG test_it.py::test_that_does_not_react: the test process itself does not react" in said, said
