"""The programs of README.md and examples/, as a newcomer runs them: with ./dragon, with plain python, under every CPython installed here."""

from __future__ import annotations

import glob
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
HELLO = re.compile(r"Hello World from (\d+) with payload=(\d+) ")
ENDED = "+++ head proc exited, code 0"


def pythons() -> list[str]:
    """One interpreter of each minor version from 3.9 on that is installed in a usual place."""
    found = {}
    places = [
        "/usr/bin",
        "/usr/local/bin",
        *glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin")),
        *glob.glob("/opt/*/bin"),
    ]
    for place in places:
        for path in sorted(glob.glob(f"{place}/python3.*")):
            match = re.fullmatch(r"python3\.(\d+)", os.path.basename(path))
            if match and 9 <= int(match[1]) <= 13:
                found.setdefault(int(match[1]), path)
    return [found[minor] for minor in sorted(found)]


def run(command, cwd=ROOT, **environment):
    """What a program printed to stdout and stderr; its exit code must be 0."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"exit code {done.returncode}\nstdout: {done.stdout}\nstderr: {done.stderr}"
    return done.stdout, done.stderr


def check_hello(stdout: str) -> None:
    hellos = [HELLO.fullmatch(line) for line in stdout.splitlines() if line != ENDED]
    assert all(hellos), stdout
    count = len(hellos)
    assert sorted(int(each[2]) for each in hellos) == list(range(count))
    assert all(int(each[1]) >= 1 << 32 for each in hellos), "ids are those of the run-time"


def check_lines(stdout: str) -> None:
    assert sorted(line for line in stdout.splitlines() if line != ENDED) == [
        f"line {n} from worker {n}" for n in range(4)
    ]


PROGRAMS = [
    pytest.param("hello_world.py", check_hello, id="hello_world"),
    pytest.param("queue_lines.py", check_lines, id="queue_lines"),
]


@pytest.mark.parametrize(("program", "check"), PROGRAMS)
def test_with_the_launcher(program, check):
    stdout, stderr = run([ROOT / "dragon", EXAMPLES / program])
    check(stdout)
    assert (stdout + stderr).count("head proc exited") == 1
    assert (stderr or stdout).splitlines()[-1] == ENDED


@pytest.mark.parametrize("python", pythons(), ids=os.path.basename)
@pytest.mark.parametrize(("program", "check"), PROGRAMS)
def test_with_plain_python(program, check, python):
    stdout, stderr = run([python, EXAMPLES / program], PYTHONPATH=str(ROOT / "python"))
    check(stdout)
    assert stderr == ""


@pytest.mark.parametrize("python", pythons(), ids=os.path.basename)
def test_the_launcher_under(python):
    check_hello(run([ROOT / "dragon", python, EXAMPLES / "hello_world.py"])[0])


def test_from_a_folder_with_blanks(tmp_path):
    folder = tmp_path / "a folder with blanks"
    folder.mkdir()
    program = folder / "hello world.py"
    program.write_text((EXAMPLES / "hello_world.py").read_text())
    check_hello(run([ROOT / "dragon", program.name], cwd=folder)[0])
    check_hello(run([sys.executable, program.name], cwd=folder, PYTHONPATH=str(ROOT / "python"))[0])


def test_through_links_on_the_path(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "checkout").symlink_to(ROOT)
    (tmp_path / "one").symlink_to("checkout/dragon")
    (tmp_path / "bin/dragon").symlink_to("../one")
    stdout, _ = run(
        ["dragon", EXAMPLES / "queue_lines.py"],
        cwd=tmp_path,
        PATH=f"{tmp_path}/bin:{os.environ['PATH']}",
        CDPATH="/usr",
    )
    check_lines(stdout)


@pytest.mark.parametrize("before", [["setsid", "--wait"], ["nohup"]], ids=lambda before: before[0])
def test_without_a_terminal(before):
    check_hello(run([*before, ROOT / "dragon", EXAMPLES / "hello_world.py"])[0])


def test_with_standard_input_closed():
    check_hello(run(["sh", "-c", "./dragon examples/hello_world.py <&-"])[0])


def test_two_runs_at_a_time():
    command = [ROOT / "dragon", EXAMPLES / "hello_world.py"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(2)]
    for each in both:
        stdout, _ = each.communicate(timeout=60)
        assert each.returncode == 0
        check_hello(stdout)


def test_the_readme_shows_the_example():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert (EXAMPLES / "hello_world.py").read_text() in blocks
