"""A program runs the same wherever it is put: in a web server's threads, in pytest, in IPython and a notebook, under cron, as another user, in a container."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pathlib
import subprocess
import sys
import uuid

import audit
import pytest

PROGRAMS = pathlib.Path(__file__).with_name("programs")
MODES = pytest.mark.parametrize("launcher", [True, False], ids=["launcher", "plain"])
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make such a place")
PATH = f"PYTHONPATH={audit.ROOT / 'python'}"
NOTEBOOK = """
import nbformat, nbclient
cells = ["import dragon, multiprocessing as mp", "mp.set_start_method('dragon')", "def f(n): return n * n",
         "with mp.Pool(2) as pool: print('squares', *pool.map(f, range(4)))"]
book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
nbclient.NotebookClient(book, timeout=40, kernel_name="python3").execute()
print(book.cells[-1].outputs[0].text)
"""


def need(*modules):
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{missing} not installed; tests/places/run has them")


def program(launcher, interpreter=sys.executable):
    return [str(audit.DRAGON)] if launcher else [interpreter]


def check(run):
    assert run.end() == 0, run.err
    for line in ("squares 0 1 4 9", "negated 0 -1 -2 -3", "got hello", "shared {'a': 1}", "ended 0"):
        assert run.lines().count(line) == 1, run.out + run.err


@MODES
def test_threads_of_a_web_server(tmp_path, launcher):
    with audit.run(tmp_path, [PROGRAMS / "web.py"], launcher=launcher) as run:
        assert run.end() == 0, run.err
        assert run.lines()[0] == "0 1; 1 4; 4 9; 9 16"


@MODES
@pytest.mark.parametrize("words", [[], pytest.param(["-n", "2"], marks=need("xdist"))], ids=["alone", "xdist"])
def test_pytest(tmp_path, words, launcher):
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", tmp_path / "base", "-c", os.devnull, *words]
    with audit.run(tmp_path, [*words, PROGRAMS / "inside.py"], launcher=launcher) as run:
        assert run.end() == 0, run.out + run.err
        assert "3 passed" in run.out


@MODES
@need("IPython")
def test_ipython(tmp_path, launcher):
    words = ["-m", "IPython", "--simple-prompt", "--HistoryManager.enabled=False", "--colors=NoColor"]
    settings = {"IPYTHONDIR": str(tmp_path / "ipython")}
    with audit.run(tmp_path, words, launcher=launcher, terminal=True, env=settings) as run:
        run.expect("In [1]:")
        for line in ("import dragon, multiprocessing as mp", "mp.set_start_method('dragon')", "f = lambda n: n * n"):
            os.write(run.master, line.encode() + b"\n")
        os.write(run.master, b"with mp.Pool(2) as pool: print('squares', *pool.map(f, range(4)))\n\n")
        run.expect("squares 0 1 4 9")
        os.write(run.master, b"exit()\n")
        assert run.end() == 0


@need("nbclient", "ipykernel")
def test_notebook(tmp_path):
    settings = {"IPYTHONDIR": str(tmp_path / "ipython"), "JUPYTER_RUNTIME_DIR": str(tmp_path / "jupyter")}
    with audit.run(tmp_path, ["-c", NOTEBOOK], launcher=False, env=settings) as run:
        assert run.wait(60) == 0, run.err
        assert "squares 0 1 4 9" in run.out
        run.end()


@MODES
def test_under_cron(tmp_path, launcher):
    """No terminal, no HOME, hardly an environment, and a folder in which nobody may write."""
    bare = ["env", "-i", f"PATH={os.path.dirname(sys.executable)}:{os.defpath}", *([] if launcher else [PATH])]
    command = [*bare, "sh", "-c", 'cd /proc && exec "$@"', "sh", *program(launcher)]
    with audit.run(tmp_path, [PROGRAMS / "everything.py"], launcher=launcher, command=command) as run:
        check(run)


@MODES
@ROOT_ONLY
def test_as_another_user(tmp_path, launcher):
    """Whose HOME and TMPDIR he may not even see."""
    change = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    python = "/usr/bin/python3"
    for path in (python, audit.DRAGON, audit.ROOT / "build/lib/jvm.options"):
        if subprocess.run([*change, "test", "-r", path], stderr=subprocess.DEVNULL).returncode:
            pytest.skip(f"another user may not read {path}")
    command = [*change, "sh", "-c", 'cd / && exec "$@"', "sh", *program(launcher, python)]
    with audit.run(
        tmp_path, [PROGRAMS / "everything.py"], launcher=launcher, command=command, interpreter=python
    ) as run:
        check(run)


@MODES
@ROOT_ONLY
def test_in_a_container_with_a_small_shm(tmp_path, launcher):
    small = 'mount -t tmpfs -o size=64m none /dev/shm && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", small, "sh"]
    if subprocess.run([*command, "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no mount namespace can be made here")
    words = [PROGRAMS / "large.py", 200, 1]
    with audit.run(tmp_path, words, launcher=launcher, command=command + program(launcher)) as run:
        assert run.end() == 0, run.err
        assert run.lines()[:3] == ["got 200", "all went", "ended 0"]


def test_in_a_folder_that_was_deleted(tmp_path):
    """A worker is in it, too."""
    (tmp_path / "prog.py").write_text(
        "import dragon, multiprocessing as mp, os\n"
        "if __name__ == '__main__':\n"
        "    mp.set_start_method('dragon')\n"
        "    with mp.Pool(1) as pool:\n"
        "        print(pool.apply(os.readlink, ('/proc/self/cwd',)))\n"
    )
    command = ["sh", "-c", 'cd "$(mktemp -d -p "$0")" && rmdir "$PWD" && exec "$@"', tmp_path]
    with audit.run(tmp_path, [tmp_path / "prog.py"], launcher=False, command=command + program(False)) as run:
        assert run.end() == 0, run.err
        assert run.out.startswith(str(tmp_path)) and run.out.endswith(" (deleted)\n"), run.out
    with audit.run(tmp_path, [tmp_path / "prog.py"], launcher=True, command=command + program(True)) as run:
        assert run.end() == 2
        told = "dragon: the folder you are in was deleted, or may not be looked at; cd to another one"
        assert run.err.splitlines()[-1] == told, run.err


@MODES
@ROOT_ONLY
def test_on_a_file_system_without_execution(tmp_path, launcher):
    noexec = f'mount --bind "{audit.ROOT}" "{audit.ROOT}" && mount -o remount,bind,noexec "{audit.ROOT}" && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", noexec, "sh"]
    if subprocess.run([*command, "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no such mount can be made here")
    words = ["bash", str(audit.DRAGON)] if launcher else ["/usr/bin/python3"]
    with audit.run(tmp_path, [PROGRAMS / "everything.py"], launcher=launcher, command=command + words) as run:
        assert run.end() == (2 if launcher else 1)
        assert "(a file system mounted noexec?)" in run.err.splitlines()[-1], run.err


@MODES
@ROOT_ONLY
def test_as_the_first_process_of_a_container(tmp_path, launcher):
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*command, "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no pid namespace can be made here")
    words = [PROGRAMS / "everything.py"]
    with audit.run(tmp_path, words, launcher=launcher, command=command + program(launcher)) as run:
        check(run)


@contextlib.contextmanager
def memory_group(limit):
    """A control group of so many bytes; the test is skipped where none can be made."""
    unified, old = pathlib.Path("/sys/fs/cgroup"), pathlib.Path("/sys/fs/cgroup/memory")
    root, file = (old, "memory.limit_in_bytes") if old.is_dir() else (unified, "memory.max")
    group = root / f"dragon-test-{uuid.uuid4().hex}"
    try:
        group.mkdir()
        (group / file).write_text(str(limit))
    except OSError as error:
        with contextlib.suppress(OSError):
            group.rmdir()
        pytest.skip(f"no memory control group can be made here: {error}")
    try:
        yield group
    finally:
        group.rmdir()


@MODES
@ROOT_ONLY
def test_in_a_memory_control_group(tmp_path, launcher):
    """Half of the group's limit is the run's; what is more is refused in words, where a touch would be a SIGKILL."""
    with memory_group(512 << 20) as group:
        command = ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(group), *program(launcher)]
        words = [PROGRAMS / "large.py", 100, 300]
        with audit.run(tmp_path, words, launcher=launcher, command=command) as run:
            assert run.end() == 0, run.err
            got, refused, ended = run.lines()[:3]
            assert (got, ended) == ("got 100", "ended 0")
            assert refused.startswith("refused") and "control group" in refused, refused
