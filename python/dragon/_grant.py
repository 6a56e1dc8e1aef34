"""How many workers this run was given: the default of Pool and ProcessPoolExecutor.

The least of what this process may use at once (its affinity), what its control groups let it use over time (their quota), and what the site's scheduler granted to the
job. `multiprocessing.cpu_count()` stays what it is: how many the machine has.
"""

from __future__ import annotations

import math
import os
import sys
from multiprocessing import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VERBOSE = "DRAGON_VERBOSE"  # set by `dragon -v`

# What schedulers tell the processes of a job: the variable with the number, and one that says that this is a job of theirs.
_SCHEDULERS = (
    ("SLURM_CPUS_PER_TASK", "SLURM_JOB_ID"),
    ("PBS_NUM_PPN", "PBS_JOBID"),
    ("PBS_NP", "PBS_JOBID"),
    ("NCPUS", "PBS_JOBID"),
    ("NSLOTS", "SGE_TASK_ID"),
    ("LSB_DJOB_NUMPROC", "LSB_JOBID"),
)


def default_workers() -> int:
    """At least 1. Under `dragon -v` the head says once, on stderr, what it follows from."""
    count, reason = min(_grants(), key=lambda grant: grant[0])
    if VERBOSE in os.environ and process.parent_process() is None:
        del os.environ[VERBOSE]
        print(f"dragon: {count} worker{'s' * (count > 1)} by default: {reason}", file=sys.stderr, flush=True)
    return count


def _grants() -> Iterator[tuple[int, str]]:
    """Each number that bounds it, with its reason; the first of equal ones counts."""
    usable: int = getattr(os, "process_cpu_count", lambda: len(os.sched_getaffinity(0)))() or 1
    yield usable, f"this process may use {usable} of {os.cpu_count()} processors"
    for unit, quota in _quotas():
        yield max(1, math.ceil(quota)), f"the quota of this control group is {quota:g} processors ({unit})"
    yield from _scheduled(os.environ)


def _scheduled(environment: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    for name, job in _SCHEDULERS:
        value = environment.get(name, "")
        if job in environment and value.isascii() and value.isdigit() and int(value) > 0:
            yield int(value), f"the scheduler granted {value} ({name})"
            return


def _quotas() -> Iterator[tuple[str, float]]:
    """The quotas, in processors, of this process's control group and those above it, with the files they stand in; version 2 and version 1."""
    for line in _read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            for folder in _upwards("/sys/fs/cgroup", path):
                yield from _quota(f"{folder}/cpu.max", _read(f"{folder}/cpu.max"))
        elif "cpu" in controllers.split(","):
            for folder in _upwards("/sys/fs/cgroup/cpu", path):
                quota = f"{folder}/cpu.cfs_quota_us"
                yield from _quota(quota, f"{_read(quota)} {_read(f'{folder}/cpu.cfs_period_us')}")


def _quota(file: str, text: str) -> Iterator[tuple[str, float]]:
    """`text`: microseconds of processor time, and in how many of time; "max" or -1 for no bound."""
    words = text.split()
    if len(words) == 2 and words[0].isdigit():
        yield file, int(words[0]) / int(words[1])


def _upwards(root: str, path: str) -> Iterator[str]:
    """The folder of a group and of those above it, as they are seen here: in a container a group's own path may lead nowhere, and the root is the group."""
    while path.strip("/"):
        yield root + path
        path = path.rpartition("/")[0]
    yield root


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
