"""Descriptors, processes, client numbers and address space run out: the error names the limit, need and have, and what raises it; the run goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import dragon
import pytest

PYTHON = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin") or "python3"  # one that any user may execute

MANY = """
import dragon, multiprocessing as mp
if __name__ == "__main__":
    mp.set_start_method("dragon")
    event = mp.Event()
    started = []
    try:
        for _ in range(100):
            process = mp.Process(target=event.wait)
            process.start()
            started.append(process)
    except OSError as error:
        print(len(started), type(error).__name__, error)
    event.set()
    for process in started:
        process.join()
    for _ in range(2):
        last = mp.Process(target=event.wait)
        last.start()
        last.join()
        print(last.exitcode)
"""

# Takes all descriptors that a program may still have.
FILL = """
import os
def fill():
    held = []
    try:
        while True:
            held.append(os.dup(0))
    except OSError:
        return held
"""

DESCRIPTORS = (
    FILL
    + """
import dragon, multiprocessing as mp, os, resource, time
if __name__ == "__main__":
    mp.set_start_method("dragon")
    process = mp.Process(target=int)
    process.start()
    asleep = mp.Process(target=time.sleep, args=(1000,))
    asleep.start()
    near, far = mp.Pipe()
    resource.setrlimit(resource.RLIMIT_NOFILE, (50, 60))
    held = fill()
    for attempt in mp.Process(target=int).start, lambda: process.sentinel, near.fileno:
        try:
            attempt()
        except OSError as error:
            print(error.errno, error.strerror)
    asleep.terminate()
    asleep.join()
    print(asleep.exitcode)
    for descriptor in held:
        os.close(descriptor)
    process.join()
    last = mp.Process(target=int)
    last.start()
    last.join()
    print(last.exitcode)
"""
)

ENDING = (
    FILL
    + """
import dragon, multiprocessing as mp, resource
if __name__ == "__main__":
    mp.set_start_method("dragon")
    event = mp.Event()
    killed, told, last = [mp.Process(target=event.wait, daemon=True) for _ in range(3)]
    for process in killed, told, last:
        process.start()
    pool = mp.Pool(2)
    print(pool.map(abs, [-1, 2]))
    resource.setrlimit(resource.RLIMIT_NOFILE, (50, 60))
    held = fill()
    killed.kill()
    told.terminate()
    for process in killed, told:
        process.join()
        print(process.exitcode)
"""
)


def output(folder: Path, text: str, *words: str, **settings: str) -> list[str]:
    program = folder / "prog.py"
    program.write_text(text)
    for path in [folder, *folder.parents]:
        if "pytest-of" in str(path):
            path.chmod(0o711)
    program.chmod(0o644)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DRAGON")}
    environment.update(settings, PYTHONPATH=str(Path(dragon.__file__).parent.parent))
    run = subprocess.run(
        [*words, PYTHON, str(program)],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0 and "Traceback" not in run.stderr, run.stderr
    return run.stdout.splitlines()


@pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("setpriv"), reason="needs root, to be a user with few processes"
)
def test_processes_of_a_user(tmp_path: Path) -> None:
    user = "64321"
    lines = output(
        tmp_path, MANY, "setpriv", "--reuid", user, "--regid", user, "--clear-groups", "prlimit", "--nproc=40"
    )
    assert "BlockingIOError" in lines[0]
    assert f"processes and threads of user {user}: 40 of 40 are there, one more is needed" in lines[0]
    assert "(ulimit -u)" in lines[0]
    assert lines[1:] == ["0", "0"]


def test_processes_of_a_run(tmp_path: Path) -> None:
    lines = output(tmp_path, MANY, DRAGON_PROCESSES="6")
    assert lines[0].startswith("5 BlockingIOError")
    assert "may have 6 processes at once" in lines[0]
    assert "raise DRAGON_PROCESSES" in lines[0]
    assert lines[1:] == ["0", "0"]


def test_descriptors_of_a_program(tmp_path: Path) -> None:
    lines = output(tmp_path, DESCRIPTORS)
    for line, what in zip(lines, ("starting a process", "the sentinel of a process", "the descriptor of a connection")):
        assert line.startswith(f"24 {what} needs another descriptor, and all 50 that this process (pid ")
        assert "(ulimit -n, or resource.setrlimit; up to the hard limit, which allows 60)" in line
    assert lines[3:] == ["-15", "0"]  # a signal needs none, nor does waiting


DYING = (
    FILL
    + """
import dragon, multiprocessing as mp, os, sys
if __name__ == "__main__":
    mp.set_start_method("dragon")
    with mp.Pool(2) as pool:
        pool.map(abs, range(4))
        held = fill()
        try:
            pool.apply_async(os._exit, (3,)).get(20)
        except dragon.WorkerDied as error:
            print(error.how)
        print(pool.apply_async(abs, (-1,)).get(20))
"""
)


def test_a_workers_death_is_told_without_a_descriptor(tmp_path: Path) -> None:
    assert output(tmp_path, DYING, "prlimit", "--nofile=256") == ["ended with exit code 3", "1"]


def test_a_process_can_be_ended_without_a_descriptor(tmp_path: Path) -> None:
    """Also by the program's end, which ends a daemon and a pool."""
    assert output(tmp_path, ENDING) == ["[1, 2]", "-9", "-15"]


SPACE = """
import dragon, multiprocessing as mp, sys
if __name__ == "__main__":
    mp.set_start_method("dragon")
    try:
        with mp.Pool(2) as pool:
            print(pool.map(abs, [-1, 2]))
        held = mp.Queue()
        while True:
            held.put(bytes(64 << 20))
    except (OSError, MemoryError) as error:
        print(type(error).__name__, " ".join(str(error).split()))
"""


def limited(kilobytes: int, folder: Path) -> list[str]:
    return output(folder, SPACE, "sh", "-c", f'ulimit -v {kilobytes}; exec "$@"', "sh", DRAGON_MEMORY="100G")


def test_address_space_is_fitted_to_its_limit(tmp_path: Path) -> None:
    works, full = limited(5_000_000, tmp_path)
    assert works == "[1, 2]"
    assert full.startswith("MemoryError")
    assert "the limit of address space" in full
    assert "ulimit -v" in full


def test_too_little_address_space_for_a_run(tmp_path: Path) -> None:
    (line,) = limited(3_000_000, tmp_path)
    assert line.startswith("NotStarted")
    assert "the node's memory needs" in line and "bytes at least" in line
    assert "a process may have 3072000000 bytes of address space" in line
    assert "it costs no memory: raise the limit of address space, where the run is started (ulimit -v" in line


def test_less_address_space_than_the_agent_has(tmp_path: Path) -> None:
    below = SPACE.replace("import", "import resource, dragon._runtime as runtime, ", 1).replace(
        "    try:",
        "    runtime.begin()\n    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, resource.RLIM_INFINITY))\n    try:",
    )
    (line,) = output(tmp_path, below)
    assert "bytes of address space besides what this process (pid " in line
    assert f"a process may have {8 << 30} in all" in line
    assert "raise the limit (ulimit -v, or resource.RLIMIT_AS)" in line


START = """
import dragon, multiprocessing as mp
if __name__ == "__main__":
    mp.set_start_method("dragon")
    try:
        with mp.Pool(2) as pool:
            print(pool.map(abs, [-1, 2]))
    except OSError as error:
        print(type(error).__name__, " ".join(str(error).split()))
"""


def test_too_few_descriptors_to_begin_a_run(tmp_path: Path) -> None:
    (line,) = output(tmp_path, START, "prlimit", "--nofile=16")
    assert line.startswith("NotStarted") and "(ulimit -n" in line
    assert "starting the run-time needs another descriptor, and all 16" in line


@pytest.mark.parametrize("count", [20, 31])
def test_too_few_descriptors_for_a_run(tmp_path: Path, count: int) -> None:
    (line,) = output(tmp_path, START, "prlimit", f"--nofile={count}")
    words = f"it needs 32 descriptors at least, and a process may have {count}; raise the limit of open files"
    assert line.startswith("NotStarted") and words in line and "(ulimit -n)" in line


def test_few_descriptors_are_enough_for_a_run(tmp_path: Path) -> None:
    assert output(tmp_path, START, "prlimit", "--nofile=32") == ["[1, 2]"]


@pytest.mark.parametrize("count", [8, 12])
def test_too_few_descriptors_for_the_launcher(tmp_path: Path, count: int) -> None:
    launcher = Path(dragon.__file__).parents[2] / "dragon"
    run = subprocess.run(["prlimit", f"--nofile={count}", launcher, "true"], capture_output=True, text=True)
    line = run.stderr.splitlines()[-1]
    assert line.startswith("dragon: ") and "needs 32 descriptors at least" in line and "(ulimit -n)" in line
    assert (run.stdout, run.returncode) == ("", 2)


FULL = """
import dragon, multiprocessing as mp, os, resource
if __name__ == "__main__":
    mp.set_start_method("dragon")
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (50, 60))
    try:
        while True:
            held.append(os.dup(0))
    except OSError:
        pass
    for left in 0, 1, 4:
        while len(held) > 47 - left:
            os.close(held.pop())
        for make in lambda: mp.Value("i"), mp.Queue, lambda: mp.Pool(2), lambda: mp.Process(target=int).start():
            try:
                make()
            except OSError as error:
                print(left, error.errno, error)
    for descriptor in held:
        os.close(descriptor)
    print(mp.Value("i", 3).value)
"""


def test_a_program_that_holds_all_descriptors_hears_so_at_the_first_use(tmp_path: Path) -> None:
    *lines, last = output(tmp_path, FULL)
    assert [line.split()[:2] for line in lines] == [[left, "24"] for left in "014" for _ in range(4)]
    for line in lines:
        assert "needs another descriptor, and all 50 that this process (pid " in line
        assert "raise the limit (ulimit -n, or resource.setrlimit; up to the hard limit, which allows 60)" in line
    assert last == "3"


def test_the_memory_is_fitted_to_the_limit_of_a_files_size(tmp_path: Path) -> None:
    works, full = output(tmp_path, SPACE, "prlimit", f"--fsize={600 << 20}", DRAGON_MEMORY="100G")
    assert works == "[1, 2]"
    assert full.startswith("MemoryError") and "the limit of a file's size" in full and "(ulimit -f)" in full


def test_too_small_a_limit_of_a_files_size_for_a_run(tmp_path: Path) -> None:
    (line,) = output(tmp_path, START, "prlimit", "--fsize=4096")
    assert "bytes at least, and 4096 can be had" in line
    assert line.endswith("raise the limit of a file's size, where the run is started (ulimit -f)")


@pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("setpriv"), reason="needs root, to be a user with few processes"
)
@pytest.mark.parametrize("most", [1, 8, 14, 18])
def test_too_few_processes_for_a_run(tmp_path: Path, most: int) -> None:
    user = str(64400 + most)
    change = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]
    (line,) = output(tmp_path, START, *change, "prlimit", f"--nproc={most}")
    assert f"user {user}" in line and "(ulimit -u)" in line, line
    assert f"may have {most} in all" in line or f"{most} of {most} are there" in line, line
