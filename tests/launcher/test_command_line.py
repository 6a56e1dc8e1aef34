"""What can be typed after `dragon`, and what is answered when it is wrong."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Launcher

LAST = "+++ head proc exited, code {}\n"


def test_help_tells_the_options(dragon: Launcher) -> None:
    run = dragon.run("--help")
    assert run.returncode == 0
    assert run.stdout.startswith("Usage: dragon [options] PROG [ARG...]")
    assert run.stderr == ""


def test_version(dragon: Launcher) -> None:
    run = dragon.run("--version")
    assert run.returncode == 0
    assert run.stdout.startswith("dragon ")


@pytest.mark.parametrize(
    ("words", "code", "culprit", "mend"),
    [
        ([], 2, "no program given", "dragon --help"),
        (["--bogus"], 2, "--bogus", "dragon --help"),
        (["-m"], 2, "-m", "dragon -m MODULE"),
        (["-c"], 2, "-c", "dragon -c CODE"),
        (["missing.py"], 2, "missing.py", "give the path"),
        (["no-such-command"], 127, "no-such-command", "PATH"),
        (["./missing"], 127, "./missing", "give the path"),
        (["./text"], 126, "./text", "chmod +x"),
        (["text"], 127, "text", "dragon ./text"),
        (["."], 126, ".", "__main__.py"),
        (["folder"], 126, "folder", "__main__.py"),
        (["./folder"], 126, "./folder", "__main__.py"),
        (["missing.zip"], 2, "missing.zip", "give the path"),
        (["./script"], 127, "./script", "interpreter"),
        (["./garbage"], 126, "./garbage", "#!"),
    ],
)
def test_what_cannot_be_run_is_one_line_with_culprit_and_mend(
    dragon: Launcher, words: list[str], code: int, culprit: str, mend: str
) -> None:
    dragon.program("hello", "text")
    (dragon.folder / "folder").mkdir()
    dragon.program("#!/no/such/interpreter\n", "script").chmod(0o755)
    dragon.program("no program", "garbage").chmod(0o755)
    run = dragon.run(*words)
    assert run.returncode == code
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert line.startswith("dragon: ")
    assert culprit in line
    assert mend in line


def test_without_python_it_says_so(dragon: Launcher) -> None:
    dragon.program("")
    tools = dragon.folder / "tools"
    tools.mkdir()
    for tool in ("env", "bash", "find"):
        found = shutil.which(tool)
        assert found
        (tools / tool).symlink_to(found)
    run = dragon.run("prog.py", env={"PATH": str(tools), "VIRTUAL_ENV": ""})
    assert run.returncode == 2
    (line,) = run.stderr.splitlines()
    assert "python3" in line


def test_a_virtual_environment_comes_first(dragon: Launcher) -> None:
    (dragon.folder / "venv" / "bin").mkdir(parents=True)
    (dragon.folder / "venv" / "bin" / "python3").symlink_to(sys.executable)
    dragon.program("import sys; print(sys.executable)")
    run = dragon.run("prog.py", env={"VIRTUAL_ENV": str(dragon.folder / "venv")})
    assert run.stdout == f"{dragon.folder}/venv/bin/python3\n"


def test_a_shim_of_pyenv_is_seen_through_where_that_is_plain(dragon: Launcher) -> None:
    for name in ("shims", "versions/3.99.1/bin"):
        (dragon.folder / "pyenv" / name).mkdir(parents=True)
    (dragon.folder / "pyenv/versions/3.99.1/bin/python3").symlink_to(sys.executable)
    shim = dragon.folder / "pyenv/shims/python3"
    shim.write_text("#!/bin/sh\necho the shim\n")
    shim.chmod(0o755)
    dragon.program("import os, sys; print(sys.executable, os.environ.get('PYENV_VERSION'))")
    path = {"PATH": f"{shim.parent}:{os.environ['PATH']}", "VIRTUAL_ENV": "", "PYENV_VERSION": ""}
    behind = f"{dragon.folder}/pyenv/versions/3.99.1/bin/python3 3.99.1\n"
    (dragon.folder / ".python-version").write_text("3.99.1\n")
    assert dragon.run("prog.py", env=path).stdout == behind
    assert dragon.run("python3", "prog.py", env=path).stdout == behind
    assert dragon.run("prog.py", env={**path, "PYENV_VERSION": "3.98:3.99.1"}).stdout == "the shim\n"


def test_a_broken_virtual_environment_is_named(dragon: Launcher) -> None:
    dragon.program("")
    run = dragon.run("prog.py", env={"VIRTUAL_ENV": "/no/such/venv"})
    assert run.returncode == 2
    assert "/no/such/venv" in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_a_program_gets_its_arguments_as_they_are(dragon: Launcher) -> None:
    dragon.program("import sys; print(sys.argv)")
    run = dragon.run("prog.py", "-v", "--help", "two words", "", "ä€", env={"LC_ALL": "C.UTF-8"})
    assert run.stdout == "['prog.py', '-v', '--help', 'two words', '', 'ä€']\n"


def test_bytes_that_are_no_text_arrive_in_any_locale(dragon: Launcher) -> None:
    dragon.program("import os, sys; print([os.fsencode(each) for each in sys.argv[1:]], os.environb[b'ODD'])")
    run = dragon.run("prog.py", os.fsdecode(b"\xff\xe4"), env={"LC_ALL": "C", "ODD": os.fsdecode(b"\xfe")})
    assert run.stdout == "[b'\\xff\\xe4'] b'\\xfe'\n"


def test_code_and_modules_run_as_with_python(dragon: Launcher) -> None:
    assert dragon.run("-c", "import sys; print(sys.argv)", "a").stdout == "['-c', 'a']\n"
    dragon.program("import sys; print(__name__, sys.argv[1:])", "mod.py")
    assert dragon.run("-m", "mod", "b").stdout == "__main__ ['b']\n"


def test_folders_and_archives_run_as_with_python(dragon: Launcher) -> None:
    for name in ("folder", "echo"):
        (dragon.folder / name).mkdir()
        dragon.program("import sys; print(__name__, sys.argv)", f"{name}/__main__.py")
    shutil.make_archive(str(dragon.folder / "packed"), "zip", dragon.folder / "folder")
    assert dragon.run("folder", "a").stdout == "__main__ ['folder', 'a']\n"
    assert dragon.run("./echo").stdout == "__main__ ['./echo']\n"
    assert dragon.run("echo", "a").stdout == "a\n"  # a program on the PATH comes first, as in a shell
    assert dragon.run("packed.zip").stdout == "__main__ ['packed.zip']\n"


def test_an_executable_runs_as_it_is(dragon: Launcher) -> None:
    dragon.program("#!/bin/sh\necho $0 $1; exit 7\n", "prog").chmod(0o755)
    run = dragon.run("./prog", "x")
    assert (run.stdout, run.stderr, run.returncode) == ("./prog x\n", LAST.format(7), 7)


def test_two_dashes_end_the_options(dragon: Launcher) -> None:
    assert dragon.run("--", "echo", "-v").stdout == "-v\n"


def test_the_head_can_import_dragon(dragon: Launcher) -> None:
    run = dragon.run(
        "-c",
        "import dragon, os; print(os.path.basename(os.path.dirname(dragon.__file__)))",
        env={"PYTHONPATH": "/elsewhere"},
    )
    assert run.stdout == "dragon\n"
    run = dragon.run("-c", "import os; print(os.environ['PYTHONPATH'])", env={"PYTHONPATH": "/elsewhere"})
    assert run.stdout.strip().endswith("/python:/elsewhere")


def test_standard_input_is_the_programs(dragon: Launcher) -> None:
    process = dragon.start("-c", "print(input()[::-1])", stdin=-1)
    out, _ = process.communicate("hello\n", timeout=30)
    assert out == "olleh\n"


def test_standard_input_is_the_program(dragon: Launcher) -> None:
    process = dragon.start("-", "one", stdin=-1)
    out, _ = process.communicate("import sys, dragon\nprint(sys.argv)\n", timeout=30)
    assert out == "['-', 'one']\n"


def test_closed_streams_are_no_trouble(dragon: Launcher) -> None:
    process = dragon.start(
        "-c", "import os; os._exit(5)", stdin=None, stdout=None, stderr=None, preexec_fn=lambda: os.closerange(0, 3)
    )
    assert process.wait(30) == 5


def test_verbose_tells_what_is_started(dragon: Launcher) -> None:
    run = dragon.run("-v", "true")
    assert "keeper pid" in run.stderr
    assert run.stderr.endswith(LAST.format(0))
