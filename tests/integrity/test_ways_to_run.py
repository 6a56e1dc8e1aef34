"""The same program under setsid and nohup, without stdin, from other folders, under every Python that is installed."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import audit
import pytest

PROGRAMS = pathlib.Path(__file__).with_name("programs")
MODES = pytest.mark.parametrize("launcher", [True, False], ids=["launcher", "plain"])
WAYS = {
    "setsid": ["setsid", "--wait"],
    "nohup": ["nohup"],
    "stdin closed": ["sh", "-c", 'exec "$@" <&-', "sh"],
    "all but stdout closed": ["sh", "-c", 'exec "$@" <&- 2>&-', "sh"],
    "a background job": ["sh", "-c", '"$@" & wait $!', "sh"],
    "ignored signals": ["sh", "-c", 'trap "" INT QUIT HUP; exec "$@"', "sh"],
    "umask": ["sh", "-c", 'umask 777; exec "$@"', "sh"],
    "few descriptors": ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh"],
}


def program(launcher: bool) -> list[str]:
    return [str(audit.DRAGON)] if launcher else [sys.executable]


def check(run: audit.Run) -> None:
    assert run.end() == 0, run.err
    lines = run.lines()
    assert sorted(each.rpartition("=")[2] for each in lines if each.startswith("Hello from")) == list("0123")
    assert f"head in {run.cwd}" in lines


@MODES
@pytest.mark.parametrize("way", WAYS)
def test_way(tmp_path, way, launcher):
    with audit.run(tmp_path, [PROGRAMS / "hello.py"], launcher=launcher, command=WAYS[way] + program(launcher)) as run:
        check(run)


@MODES
def test_from_a_folder_with_blanks(tmp_path, launcher):
    folder = tmp_path / "a folder with blanks, 'quotes' and ü"
    folder.mkdir()
    shutil.copy(PROGRAMS / "hello.py", folder / "my program.py")
    with audit.run(tmp_path, ["my program.py"], launcher=launcher, cwd=folder) as run:
        check(run)


@MODES
def test_from_the_root_folder_with_a_path_through_a_link(tmp_path, launcher):
    link = tmp_path / "link"
    link.symlink_to(PROGRAMS)
    with audit.run(tmp_path, [link / "hello.py"], launcher=launcher) as run:
        check(run)


def pythons() -> list[str]:
    """One interpreter of each version from 3.9 on that can be found, on the PATH or beside the running one's installation."""
    names = [f"python3.{minor}" for minor in range(9, 14)]
    beside = pathlib.Path(sys.base_prefix).parent
    found = {}
    for name in names:
        places = [shutil.which(name), *map(str, beside.glob(f"{name[6:]}*/bin/{name}"))]
        for place in filter(None, places):
            real = subprocess.run([place, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True)
            if real.returncode == 0 and os.access(real.stdout.strip(), os.X_OK):
                found[name] = real.stdout.strip()
    return list(found.values())


@MODES
@pytest.mark.parametrize("interpreter", pythons())
def test_every_python(tmp_path, interpreter, launcher):
    with audit.run(tmp_path, [PROGRAMS / "hello.py"], launcher=launcher, interpreter=interpreter) as run:
        check(run)


@MODES
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise SystemExit(7)", 7),
        ("1/0", 1),
        ("import os; os._exit(300 % 256)", 44),
        ("import os, signal; os.kill(os.getpid(), signal.SIGUSR1)", -10),
    ],
)
def test_exit_code(tmp_path, code, expected, launcher):
    """The program's own; with the launcher, 128 and the signal's number, in words too."""
    text = f"import dragon, multiprocessing as mp\nmp.set_start_method('dragon')\nmp.Event().set()\n{code}\n"
    file = tmp_path / "ends.py"
    file.write_text(text)
    with audit.run(tmp_path, [file], launcher=launcher) as run:
        code = run.end()
        if not launcher:
            assert code == expected
            return
        expected = expected if expected >= 0 else 128 - expected
        assert code == expected
        last = (run.out + run.err).splitlines()[-1]
        assert (run.out + run.err).count("+++ head proc exited") == 1
        assert last.startswith(f"+++ head proc exited, code {expected}"), last
