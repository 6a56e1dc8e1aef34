"""How many workers a run takes by default: what it was given, whichever bound is the least, and in words why."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest
from dragon import _grant

ROOT = pathlib.Path(__file__).resolve().parents[2]
POOL = (
    "import dragon, os, multiprocessing as mp\nif __name__ == '__main__':\n    mp.set_start_method('dragon')\n"
    "    with mp.Pool() as pool, dragon.ProcessPoolExecutor() as executor:\n"
    "        print(pool._processes, executor._max_workers, mp.cpu_count() == os.cpu_count())\n"
)


@pytest.fixture
def machine(monkeypatch: Any) -> dict[str, str]:
    """Eight processors for this process, no scheduler; the files of the control groups are those of the dictionary."""
    files: dict[str, str] = {}
    monkeypatch.setattr(os, "process_cpu_count", lambda: 8, raising=False)
    monkeypatch.setattr(_grant, "_read", lambda path: files.get(path, ""))
    for name, job in _grant._SCHEDULERS:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(job, raising=False)
    monkeypatch.delenv(_grant.VERBOSE, raising=False)
    return files


def test_without_other_bounds_it_is_what_this_process_may_use(machine: dict[str, str]) -> None:
    assert _grant.default_workers() == 8


@pytest.mark.parametrize(("quota", "count"), [("max 100000", 8), ("250000 100000", 3), ("1000 100000", 1), ("", 8)])
def test_quota_of_version_2(machine: dict[str, str], quota: str, count: int) -> None:
    machine["/proc/self/cgroup"] = "0::/user/job\n"
    machine["/sys/fs/cgroup/user/cpu.max"] = quota
    assert _grant.default_workers() == count


@pytest.mark.parametrize(("quota", "count"), [("-1", 8), ("200000", 4), ("", 8)])
def test_quota_of_version_1(machine: dict[str, str], quota: str, count: int) -> None:
    machine["/proc/self/cgroup"] = "5:cpu,cpuacct:/docker/0123\n4:memory:/docker/0123\n0::/\n"
    machine["/sys/fs/cgroup/cpu/cpu.cfs_quota_us"] = quota
    machine["/sys/fs/cgroup/cpu/cpu.cfs_period_us"] = "50000"
    assert _grant.default_workers() == count


@pytest.mark.parametrize(
    ("variables", "count"),
    [
        ({"SLURM_JOB_ID": "1", "SLURM_CPUS_PER_TASK": "3"}, 3),
        ({"SLURM_JOB_ID": "1", "SLURM_CPUS_PER_TASK": "30"}, 8),
        ({"SLURM_CPUS_PER_TASK": "3"}, 8),  # of a job that is over
        ({"PBS_JOBID": "1.site", "NCPUS": "2"}, 2),
        ({"PBS_JOBID": "1.site", "PBS_NP": "5", "NCPUS": "6"}, 5),
        ({"NCPUS": "2"}, 8),  # anybody's name
        ({"SLURM_JOB_ID": "1", "SLURM_CPUS_PER_TASK": "many"}, 8),
        ({"SLURM_JOB_ID": "1", "SLURM_CPUS_PER_TASK": "0"}, 8),
    ],
)
def test_grant_of_a_scheduler(machine: dict[str, str], monkeypatch: Any, variables: dict[str, str], count: int) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert _grant.default_workers() == count


def test_verbose_says_it_once(machine: dict[str, str], monkeypatch: Any, capsys: Any) -> None:
    machine["/proc/self/cgroup"] = "0::/\n"
    machine["/sys/fs/cgroup/cpu.max"] = "150000 100000"
    monkeypatch.setenv(_grant.VERBOSE, "1")
    assert (_grant.default_workers(), _grant.default_workers()) == (2, 2)
    words = "the quota of this control group is 1.5 processors (/sys/fs/cgroup/cpu.max)"
    assert capsys.readouterr().err == f"dragon: 2 workers by default: {words}\n"


@pytest.mark.parametrize("launcher", [True, False], ids=["launcher", "plain"])
def test_one_processor_gives_one_worker(tmp_path: pathlib.Path, launcher: bool) -> None:
    program = tmp_path / "prog.py"
    program.write_text(POOL)
    command = [str(ROOT / "dragon"), "-v"] if launcher else [sys.executable]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "VIRTUAL_ENV": ""}
    cpu = str(min(os.sched_getaffinity(0)))
    done = subprocess.run(
        ["taskset", "-c", cpu, *command, str(program)], env=environment, capture_output=True, text=True, timeout=30
    )
    assert done.stdout == "1 1 True\n", done.stderr
    said = f"dragon: 1 worker by default: this process may use 1 of {os.cpu_count()} processors"
    assert done.stderr.splitlines().count(said) == launcher
