"""What a program meets that is not in the run it should be in. Each program is one of its own, without the launcher."""

from __future__ import annotations

import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
from typing import Callable

import pytest

TESTS = pathlib.Path(__file__).parents[1]
PACKAGE = TESTS.parent / "python"


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PYTHONPATH": str(PACKAGE), "PATH": os.environ["PATH"], **environment}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)


def test_a_handle_of_another_run_says_so(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "queue"
    setup = "import dragon, multiprocessing as mp, pickle; mp.set_start_method('dragon')\n"
    done = python(setup + f"open({str(file)!r}, 'wb').write(pickle.dumps(mp.Queue()))")
    assert done.returncode == 0, done.stderr
    done = python(setup + f"pickle.load(open({str(file)!r}, 'rb'))")
    assert done.returncode == 1
    assert "belongs to another run" in done.stderr and "only within the run that made it" in done.stderr
    assert file.stat().st_size < 300


@pytest.mark.parametrize("sent", [b"", b"\x09", b"\x09\0\0\0", b"\x09\0\0\0\x08"])
def test_an_agent_that_dies_in_the_middle_of_an_answer_is_gone(sent: bytes) -> None:
    from dragon import _agent, _shm
    from dragon._control import Flush

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0dragon-test-{os.getpid()}")
        server.listen()
        connection = _agent.Connection(f"dragon-test-{os.getpid()}")
        agent, _ = server.accept()
        agent.sendall(sent)
        agent.shutdown(socket.SHUT_WR)
        with pytest.raises(_shm.RunOver, match="the run has ended, or its agent was killed"):
            connection.call(Flush(), ())
        agent.close()


def test_a_run_that_ends_is_joined_by_nobody(tmp_path: pathlib.Path) -> None:
    """Its agent lives on until the keeper has ended everything: here, until the test lets it."""
    file = tmp_path / "queue"
    setup = "import dragon, multiprocessing as mp, os, pickle; mp.set_start_method('dragon')\n"
    done = python(
        f"import sys; sys.path.insert(0, {str(TESTS)!r}); import procs\n{setup}"
        f"open({str(file)!r}, 'wb').write(pickle.dumps(mp.Queue()))\n"
        "agent = dragon._shm.info()['agent_pid']\n"
        "(keeper,) = [each.pid for each in procs.everybody() if each.parent == agent and 'keeper' in each.program]\n"
        "os.kill(keeper, 19); print(agent, keeper)"
    )
    agent, keeper = map(int, done.stdout.split())
    end = os.pidfd_open(agent)
    try:
        done = python(setup + f"pickle.load(open({str(file)!r}, 'rb'))")
    finally:
        os.kill(keeper, signal.SIGCONT)
    assert done.returncode == 1
    assert "belongs to another run" in done.stderr and "the run is ending" in done.stderr, done.stderr
    assert select.select([end], [], [], 10)[0]
    os.close(end)


def test_an_agent_that_is_gone_is_named() -> None:
    done = python(
        "import dragon, multiprocessing as mp; mp.set_start_method('dragon'); mp.Queue()", DRAGON_AGENT="dragon-gone"
    )
    assert done.returncode == 1
    assert "cannot reach the run's agent (socket @dragon-gone): Connection refused; has the run ended?" in done.stderr


def test_when_the_agent_is_killed_everyone_hears_of_it() -> None:
    done = python(
        "import dragon, multiprocessing as mp, os, time\n"
        "mp.set_start_method('dragon')\n"
        "queue, process = mp.Queue(), mp.Process(target=time.sleep, args=(1000,)); process.start()\n"
        "os.kill(dragon._shm.info()['agent_pid'], 9)\n"
        "process.join(); print(process.exitcode)\n"
        "try: queue.get()\n"
        "except OSError as error: print(error)\n"
    )
    assert done.stdout == "-9\nthe node's agent died, and the run with it\n", done.stderr


def test_a_program_that_only_joins_says_that_its_agent_was_killed() -> None:
    done = python(
        "import dragon, multiprocessing as mp, os, time\n"
        "mp.set_start_method('dragon')\n"
        "process = mp.Process(target=time.sleep, args=(1000,)); process.start()\n"
        "os.kill(dragon._shm.info()['agent_pid'], 9)\n"
        "process.join()\n"
    )
    (line,) = done.stderr.splitlines()
    assert line.startswith("dragon: this program's run-time (pid ") and "was killed before the program ended" in line
    assert done.returncode == 0


def test_a_pool_that_lost_its_agent_fails_what_comes_later_too() -> None:
    done = python(
        "import dragon, multiprocessing as mp, os\n"
        "mp.set_start_method('dragon')\n"
        "pool = mp.Pool(2); print(sum(pool.map(abs, range(10))))\n"
        "os.kill(dragon._shm.info()['agent_pid'], 9)\n"
        "for process in pool._pool[:]: process.join()\n"
        "for ask in (pool.map_async, pool.starmap_async):\n"
        "    try: ask(max, [(1, 2)] * 3).get(30)\n"
        "    except OSError as error: print(error)\n"
        "try: print(pool.apply(abs, (1,)))\n"
        "except OSError as error: print(error)\n"
        "pool.terminate()\n"
    )
    assert done.stdout == "45\n" + 3 * "the node's agent died, and the run with it\n", done.stderr


START = (
    "import dragon._runtime as runtime\ntry: runtime.private_agent()\nexcept OSError as error: print(error.strerror)\n"
)


@pytest.fixture
def other(tmp_path: pathlib.Path) -> pathlib.Path:
    """A checkout that holds nothing but the package."""
    folder = tmp_path / "checkout" / "python" / "dragon"
    shutil.copytree(PACKAGE / "dragon", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder.parent.parent


def words(checkout: pathlib.Path, code: str = START) -> str:
    """What the code prints with the package of that checkout."""
    env = {**os.environ, "PYTHONPATH": str(checkout / "python")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    return done.stdout + done.stderr


def test_a_runtime_that_is_not_built_says_what_to_run(other: pathlib.Path) -> None:
    build = other / "build-support" / "build"
    missing = f"{other}/build/lib/sources is missing"
    assert words(other) == f"Dragon's run-time is not built ({missing}): run {build}\n"
    extension = other / "python" / "dragon" / "_shm.abi3.so"
    extension.write_bytes(b"of another world")
    told = words(other).splitlines()[-1]
    assert told.startswith(f"ImportError: Dragon's extension cannot be loaded: {extension}: ")
    assert told.endswith(f"run {build} here")
    extension.unlink()
    assert words(other).splitlines()[-1] == f"ImportError: Dragon is not built: run {build}"


def test_a_runtime_that_cannot_start_is_heard(other: pathlib.Path) -> None:
    build = other / "build-support" / "build"
    lib = other / "build" / "lib"
    lib.mkdir(parents=True)
    java = other / "java"
    (lib / "java").write_text(f"{java}\n")
    (lib / "folders").write_text(f"{other}\n")
    (lib / "sources").write_text("/another/place\nnative/end.c 1 2\n")
    assert words(other) == f"Dragon was built in /another/place, and is in {other} now: run {build}\n"
    (lib / "sources").write_text(f"{other}\nnative/end.c 1 2\n")
    gone = f"({java}: No such file or directory)"
    assert words(other) == f"the Java that Dragon was built with cannot be run {gone}: run {build}\n"
    java.write_text("#!/bin/sh\necho no machine today >&2\nexit 3\n")
    java.chmod(0o755)
    keeper = other / "build" / "bin" / "keeper"
    assert words(other) == f"a part of Dragon cannot be run ({keeper}: No such file or directory): run {build}\n"
    keeper.parent.mkdir()
    shutil.copy(TESTS.parent / "build" / "bin" / "keeper", keeper)
    assert words(other) == "Dragon's run-time did not start (exit code 3); its words:\nno machine today\n"


def record(checkout: pathlib.Path) -> None:
    """Notes the sources as a build does."""
    lib = checkout / "build" / "lib"
    lib.mkdir(parents=True, exist_ok=True)
    lists = 'source build-support/fresh.sh; dragon_list_folders $0; echo "$dragon_folders" >$1/folders; dragon_list_sources $0; echo "$dragon_sources" >$1/sources'
    subprocess.run(["bash", "-c", lists, checkout, lib], cwd=checkout, check=True)


def put(path: pathlib.Path, text: str) -> None:
    """A file in the place of the one of that name, as git does it."""
    new = path.with_name("new")
    new.write_text(text)
    new.rename(path)


@pytest.fixture
def built(other: pathlib.Path) -> pathlib.Path:
    """That checkout with some sources, noted as built."""
    support = other / "build-support"
    support.mkdir()
    shutil.copy(PACKAGE.parent / "build-support" / "fresh.sh", support)
    (other / "native" / "python").mkdir(parents=True)
    put(other / "native" / "python" / "a.c", "int a;")
    put(other / "native" / "python" / "b.c", "int b;")
    record(other)
    return other


IMPORT = "import dragon\ntry: dragon._shm; print('fits')\nexcept ImportError as error: print(error)\n"


@pytest.mark.parametrize(
    "change, culprit",
    [
        (lambda folder: put(folder / "python" / "b.c", "int c;"), "native/python/b.c"),
        (lambda folder: put(folder / "python" / "new.c", ""), "native/python/new.c"),
        (lambda folder: (folder / "python" / "a.c").unlink(), "native/python/a.c"),
        (lambda folder: shutil.rmtree(folder / "python"), "native/python"),
        (lambda folder: (folder / "more").mkdir(), "native/more"),
        (lambda folder: ((folder / "python" / "swap").touch(), (folder / "python" / "swap").unlink()), None),
    ],
    ids=["changed", "new", "deleted", "folder deleted", "folder new", "none"],
)
def test_a_build_of_other_sources_is_not_used(
    built: pathlib.Path, change: Callable[[pathlib.Path], object], culprit: str | None
) -> None:
    assert words(built, IMPORT) == "fits\n"
    change(built / "native")
    told = (
        f"the sources of Dragon in {built} changed since they were built ({culprit}): "
        f"run {built}/build-support/build, or ./dragon, which does so by itself"
    )
    assert words(built, IMPORT) == (f"{told}\n" if culprit else "fits\n")
    record(built)
    assert words(built, IMPORT) == "fits\n"


def test_a_build_of_before_there_was_a_list_of_folders_is_not_used(built: pathlib.Path) -> None:
    (built / "build" / "lib" / "folders").unlink()
    assert words(built, IMPORT).startswith(f"the sources of Dragon in {built} changed since they were built")


def test_a_package_of_another_build_than_the_agent_is_refused(built: pathlib.Path) -> None:
    attach = "from dragon import _agent\ntry: _agent.attach()\nexcept OSError as error: print(error.strerror)\n"
    run = [PACKAGE.parent / "dragon", "-c", f"import sys; sys.path.insert(0, '{built}/python')\n{attach}"]

    def said() -> str:
        done = subprocess.run(run, capture_output=True, text=True, check=False)
        return done.stdout.split(" has the package ", 1)[-1] or done.stderr

    ours = f"and this run of that in {PACKAGE.parent}; use the dragon command and the package of one folder\n"
    assert said() == f"of a Dragon that is not built, {ours}"
    (built / "build" / "lib" / "jvm.options").write_text(f'-cp\n"{built}/build/lib/dragon-0123456789abcdef.jar"\n')
    assert said() == f"of the Dragon in {built}, {ours}"


def test_processes_of_other_methods_belong_to_the_run(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import dragon, multiprocessing as mp\n"
        "def put(queue, thing): queue.put((thing, mp.get_start_method()))\n"
        "if __name__ == '__main__':\n"
        "    mp.set_start_method('dragon')\n"
        "    queue = mp.Queue()\n"
        "    for method in ('fork', 'spawn', 'forkserver', 'dragon'):\n"
        "        process = mp.get_context(method).Process(target=put, args=(queue, method))\n"
        "        process.start(); print(*queue.get(timeout=60)); process.join(); assert process.exitcode == 0\n"
    )
    env = {"PYTHONPATH": str(PACKAGE), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, env=env, check=False)
    assert done.stdout.split() == ["fork", "fork", "spawn", "spawn", "forkserver", "forkserver", "dragon", "dragon"], (
        done.stderr
    )


def test_a_forked_child_joins_anew_and_shares_what_it_inherited() -> None:
    done = python(
        "import dragon, multiprocessing as mp, os\n"
        "mp.set_start_method('dragon')\n"
        "queue, lock = mp.Queue(), mp.Lock()\n"
        "lock.acquire()\n"
        "if os.fork() == 0:\n"
        "    queue.put((mp.current_process().pid, lock.acquire(False)))\n"
        "    os._exit(0)\n"
        "print(mp.current_process().pid, *queue.get(timeout=60)); os.wait()\n"
    )
    assert done.stdout == "4294967300 4294967301 False\n", done.stderr


def test_a_signal_handler_may_ask_the_agent_in_the_middle_of_a_request() -> None:
    """As a finalizer may, which the garbage collector runs at any moment."""
    done = python(
        "import dragon, multiprocessing as mp, signal\n"
        "from dragon import _agent\n"
        "mp.set_start_method('dragon'); mp.Event()\n"
        "hits = []\n"
        "def ask(*_):\n"
        "    _agent.flush(); hits.append(1); signal.setitimer(signal.ITIMER_REAL, 1e-5 * (1 + len(hits) % 40))\n"
        "signal.signal(signal.SIGALRM, ask)\n"
        "ask()\n"
        "while len(hits) < 1000: _agent.flush()\n"
        "signal.setitimer(signal.ITIMER_REAL, 0)\n"
        "print('through')\n"
    )
    assert done.stdout == "through\n", done.stderr


def test_a_wrong_setting_is_named_before_anything_is_started() -> None:
    program = (
        "import dragon, multiprocessing as mp; mp.set_start_method('dragon'); print('on'); mp.Queue(); print('made')"
    )
    done = python(program, DRAGON_PID="foo")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("ValueError: DRAGON_PID=foo: use 'dragon'")
    for name, mend in (("DRAGON_MEMORY", "as in 8G"), ("DRAGON_PROCESSES", "from 1 to ")):
        done = python(program, **{name: "foo"})
        assert (done.returncode, done.stdout) == (1, "on\n")
        assert f"{name}=foo" in done.stderr and mend in done.stderr
    assert python(program, DRAGON_PID="", DRAGON_MEMORY="", DRAGON_PROCESSES="").stdout == "on\nmade\n"
