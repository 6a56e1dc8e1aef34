"""A program runs the same however Python is given it: a module, a package, code, standard input, an interactive session; with `python` and with `dragon`."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys

import audit
import pytest

PROGRAMS = pathlib.Path(__file__).with_name("programs")
MODES = pytest.mark.parametrize("launcher", [True, False], ids=["launcher", "plain"])
GUARD = 'if __name__ == "__main__":'


@pytest.fixture
def folder(tmp_path):
    """Where the program is run from."""
    folder = tmp_path / "work"
    (folder / "package").mkdir(parents=True)
    for name in ("everything.py", "no_guard.py", "package/inner.py", "package/__main__.py"):
        shutil.copy(PROGRAMS / ("no_guard.py" if name == "no_guard.py" else "everything.py"), folder / name)
    (folder / "package" / "__init__.py").touch()
    return folder


def check(run):
    assert run.end() == 0, run.err
    lines = [line for line in run.lines() if not line.startswith("+++")]
    wanted = ["squares 0 1 4 9", "negated 0 -1 -2 -3", "got hello", "shared {'a': 1}", "ended 0"]
    assert lines == wanted, run.err


@MODES
@pytest.mark.parametrize("module", ["everything", "package.inner", "package"])
def test_module(tmp_path, folder, module, launcher):
    with audit.run(tmp_path, ["-m", module], launcher=launcher, cwd=folder) as run:
        check(run)


@MODES
def test_code(tmp_path, folder, launcher):
    text = (PROGRAMS / "everything.py").read_text()
    with audit.run(tmp_path, ["-c", text], launcher=launcher, cwd=folder) as run:
        check(run)


@MODES
def test_standard_input(tmp_path, folder, launcher):
    text = (PROGRAMS / "everything.py").read_text()
    program = folder / "input"
    program.write_text(text)
    command = [str(audit.DRAGON), "python3"] if launcher else [sys.executable]
    with (
        open(program) as file,
        audit.run(tmp_path, ["-"], launcher=launcher, command=command, cwd=folder, stdin=file.fileno()) as run,
    ):
        check(run)


@MODES
def test_interactive_session(tmp_path, launcher):
    command = [str(audit.DRAGON), "python3"] if launcher else [sys.executable]
    with audit.run(tmp_path, ["-q"], launcher=launcher, command=command, terminal=True) as run:
        run.expect(">>> ")
        for line in (
            "import dragon, multiprocessing as mp, operator",
            "mp.set_start_method('dragon')",
            "pool = mp.Pool(2)",
        ):
            os.write(run.master, line.encode() + b"\n")
        os.write(run.master, b"print('answer', *pool.map(operator.neg, range(3)))\n")
        run.expect("answer 0 -1 -2")
        os.write(run.master, b"f = lambda n: n * n\nprint('squares', *pool.map(f, range(4)))\n")
        run.expect("squares 0 1 4 9")
        os.write(run.master, b"exit()\n")
        run.wait()
        (run.folder / "home" / ".python_history").unlink(missing_ok=True)  # the interpreter's own
        assert run.end() == 0


@MODES
@pytest.mark.parametrize("words", [["no_guard.py"], ["-m", "no_guard"]], ids=["file", "module"])
def test_a_missing_guard_is_told_once_and_starts_nothing_more(tmp_path, folder, words, launcher):
    with audit.run(tmp_path, words, launcher=launcher, cwd=folder) as run:
        assert run.end() == 1
        told = 'no_guard.py, line 12 (mp.set_start_method("dragon"))'
        assert run.err.count(f"dragon: {told}") == 1, run.err
        assert run.err.count("Traceback (most recent call last)") == 1, run.err
        assert run.err.count(f"InitializerFailed: {told}") == 1 and GUARD in run.err, run.err
        assert "squares" not in run.out.replace("print(", "")


@MODES
def test_what_no_worker_imports_needs_no_guard(tmp_path, folder, launcher):
    with audit.run(tmp_path, ["-c", (folder / "no_guard.py").read_text()], launcher=launcher, cwd=folder) as run:
        assert run.end() == 0, run.err
        assert run.lines()[0] == "squares 0 1 4 9"
