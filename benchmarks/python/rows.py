"""The rows of the table: what is measured, beside whom, and the goal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

ALIKE = 0.95  # a difference that two runs of the same can show


@dataclass(frozen=True)
class Goal:
    """What a row is to reach: a value of its own, or so many times its peer (1: as good; ratios count what is better upwards)."""

    value: Optional[float] = None
    times: Optional[float] = None

    def met(self, ours: float, ratio: Optional[float], higher: bool) -> Optional[bool]:
        """None where there is nothing to compare with."""
        if self.value is not None:
            return ours >= self.value if higher else ours <= self.value
        if self.times is not None and ratio is not None:
            return ratio >= self.times * ALIKE
        return None

    def __str__(self) -> str:
        if self.value is not None:
            return f"{self.value:g}"
        if self.times is not None:
            return "as peer" if self.times == 1 else f"{self.times:g} x peer"
        return "-"


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    unit: str
    higher: bool  # is more better?
    goal: Goal = Goal()
    peer: str = "spawn"  # the side it is compared with
    ours: str = "dragon"


@dataclass(frozen=True)
class Benchmark:
    """One program to run. Its rows all come from the same runs; their names begin with the benchmark's."""

    name: str
    kind: str  # "java": has all sides in it; "jmh": likewise; "python": runs once for each side and round; "hello"
    rows: list[Row]
    arguments: list[str] = field(default_factory=list)
    sides: list[str] = field(default_factory=lambda: ["all"])


def _java(
    name: str, title: str, shape: str, unit: str, goal: Goal, size: int = 8, peers: str = "aeron plain"
) -> Benchmark:
    """The goal is against the first of the peers."""
    rows = [Row(name, title, unit, unit != "us", Goal() if i else goal, peer) for i, peer in enumerate(peers.split())]
    return Benchmark(name, "java", rows, [f"shape={shape}", f"size={size}"])


def _ipc(how: str) -> list[Benchmark]:
    """The Java rows; ``how``: between two processes or two threads."""
    name, title = f"java/{how}", f"Java, 2 {how}"
    return [
        _java(f"{name}/round-trip", f"{title}: 8 B round trip, spinning", "ROUND_TRIP", "us", Goal(times=1)),
        _java(f"{name}/one-by-one", f"{title}: 8 B one way, one by one", "ONE_BY_ONE", "M/s", Goal(14)),
        _java(f"{name}/batches", f"{title}: 8 B one way, in batches", "BATCHES", "M/s", Goal(times=1)),
        _java(f"{name}/copied-64k", f"{title}: 64 KiB one way, copied", "COPIED", "GB/s", Goal(times=4), 65536),
        _java(f"{name}/copied-1m", f"{title}: 1 MiB one way, copied", "COPIED", "GB/s", Goal(times=4), 1 << 20),
        # A little less than 64 KiB: the largest message that Aeron can write in place.
        _java(
            f"{name}/in-place-64k",
            f"{title}: 64 KiB one way, in place",
            "IN_PLACE",
            "GB/s",
            Goal(times=0.8),
            65472,
            "plain aeron",
        ),
        _java(
            f"{name}/in-place-1m",
            f"{title}: 1 MiB one way, in place",
            "IN_PLACE",
            "GB/s",
            Goal(times=0.8),
            1 << 20,
            "plain",
        ),
    ]


def _jmh() -> Benchmark:
    titles = {
        "SendReceive": "send + receive of 8 B",
        "Lock": "lock + unlock",
        "Semaphore": "semaphore, acquire + release",
        "Block": "block of 64 KiB, take + give back",
    }
    rows = [Row(f"jmh/{name}", f"Java, one thread: {title}", "ns", False, peer="jdk") for name, title in titles.items()]
    return Benchmark("jmh", "jmh", rows)


def _python(
    name: str, title: str, unit: str, higher: bool, goal: Goal = Goal(), sides: Optional[list[str]] = None
) -> Benchmark:
    return Benchmark(
        f"python/{name}",
        "python",
        [Row(f"python/{name}", f"Python, {title}", unit, higher, goal)],
        sides=sides or ["dragon", "spawn"],
    )


def _tasks(name: str, title: str, unit: str, goal: Goal, *peers: str) -> Benchmark:
    """Pools and executors; the goal is against the first of the peers."""
    name, title = f"python/{name}", f"Python, 2 workers, {title}"
    higher = unit not in ("us", "ms")
    rows = [Row(name, title, unit, higher, Goal() if i else goal, peer) for i, peer in enumerate(peers)]
    return Benchmark(name, "python", rows, sides=["dragon", *peers])


def _pool_life() -> Benchmark:
    title = "Python, Pool(2)"
    rows = [
        Row("python/pool-life/first-result", f"{title}, from its making to the first result", "ms", False, Goal(30)),
        Row("python/pool-life/end", f"{title}, closed and joined", "ms", False, Goal(10)),
    ]
    return Benchmark("python/pool-life", "python", rows, sides=["dragon", "spawn"])


OTHERS = ("loky", "ray", "dask", "mpi")
EXECUTORS = ("loky", "ray", "dask")  # those that a program starts itself


def _first(name: str, title: str, *others: str) -> Benchmark:
    """Milliseconds of what starts the run-time, where there is one to be started."""
    peers = ["spawn", "forkserver", *others]
    rows = [Row(f"python/{name}", f"Python, {title}", "ms", False, Goal(), peer) for peer in peers]
    return Benchmark(f"python/{name}", "python", rows, sides=["dragon", *peers])


def _manager() -> Benchmark:
    rows = [
        Row(f"python/manager-dict/{what}", f"Python, a manager's dict, {what}", "k/s", True, Goal(60))
        for what in ("set", "get")
    ]
    return Benchmark("python/manager-dict", "python", rows, sides=["dragon", "spawn"])


def _hello() -> Benchmark:
    title = "Hello world without its sleep, wall time"
    return Benchmark(
        "hello",
        "hello",
        [
            Row("hello", f"{title}, with the launcher", "s", False, Goal(0.5), "spawn", "launcher"),
            Row("hello", f"{title}, plain python", "s", False, Goal(0.35), "spawn", "plain"),
            Row("hello", f"{title}, plain python", "s", False, Goal(), "forkserver", "plain"),
        ],
        sides=["launcher", "plain", "spawn", "forkserver"],
    )


def _idle() -> Benchmark:
    rows = [
        Row("python/idle/blocked-get", "Idle: 2 workers in a blocked get, processor time", "us/s", False, Goal(0)),
        Row("python/idle/held-lock", "Idle: 2 workers wait for a held lock, processor time", "us/s", False, Goal(0)),
        Row("python/idle/pool", "Idle: Pool(2) without work, processor time (head too)", "us/s", False, Goal(0)),
        Row("python/idle/agent", "Idle: agent, keeper, zygote, processor time", "us/s", False, peer=""),
    ]
    return Benchmark("python/idle", "python", rows, sides=["dragon", "spawn"])


ALL: list[Benchmark] = [
    *_ipc("processes"),
    *_ipc("threads"),
    _jmh(),
    _python("pipe-round-trip", "Pipe round trip, 8 B", "us", False, Goal(6)),
    _python("queue-round-trip", "Queue round trip, 8 B", "us", False, Goal(6)),
    _python("queue-8", "Queue one way, 8 B", "k/s", True, Goal(500)),
    _python("queue-1m-bytes", "Queue one way, 1 MiB, bytes", "1/s", True, Goal(10_000)),
    _python("queue-1m-bytearray", "Queue one way, 1 MiB, bytearray", "1/s", True, Goal(10_000)),
    _python("queue-1m-array", "Queue one way, 1 MiB, array.array", "1/s", True, Goal(10_000)),
    _python("queue-1m-numpy", "Queue one way, 1 MiB, NumPy array", "1/s", True, Goal(10_000)),
    _python("queue-1m-str", "Queue one way, 1 MiB, str", "1/s", True, Goal(3_000)),
    _python("queue-1m-tuple", "Queue one way, 1 MiB, bytes in a tuple", "1/s", True, Goal(3_000)),
    _python("queue-4-to-1", "Queue, 4 senders to 1, 1 KiB", "k/s", True, Goal(500)),
    _python("lock-free", "Lock, free, acquire + release", "M/s", True, Goal(times=1)),
    _python("lock-4", "Lock, 4 processes, acquire + release", "M/s", True, Goal(times=1)),
    _python("value-4", "Value, 4 processes, increments under its lock", "k/s", True, Goal(500)),
    _python("event-round-trip", "Event, set to answer", "us", False, Goal(5)),
    _python("barrier-4", "Barrier of 4, times passed", "k/s", True, Goal(100)),
    _python("start-join", "Process start + join, one after another", "1/s", True, Goal(300)),
    _python("start-join-16", "Process start + join, 16 at once", "1/s", True, Goal(600)),
    _first("start-join-first", "the first Process of a program, start + join"),
    _first("pool-first-result", "the first Pool(2) of a program, made to first results"),
    _first("executor-first-result", "the first executor of a program, 2 workers, made to first results", *EXECUTORS),
    _tasks("pool-map", "Pool.map, chunksize 1", "tasks/s", Goal(40_000), "spawn", "executor", *OTHERS),
    _tasks("pool-imap-unordered", "Pool.imap_unordered", "tasks/s", Goal(40_000), "spawn"),
    _tasks("pool-apply", "Pool.apply", "tasks/s", Goal(10_000), "spawn"),
    _pool_life(),
    _tasks("executor-map", "ProcessPoolExecutor.map", "tasks/s", Goal(30_000), "spawn", *OTHERS),
    _tasks("executor-round-trip", "ProcessPoolExecutor, submit to result", "us", Goal(30), "spawn", *OTHERS),
    _tasks("executor-1m-numpy", "executor, tasks of a 1 MiB NumPy array", "tasks/s", Goal(), "spawn", *OTHERS),
    _tasks("executor-stock", "the standard library's executor, map", "tasks/s", Goal(6_000), "spawn"),
    _manager(),
    _hello(),
    _python("worker-memory", "Idle worker's own memory, __main__ imported", "MB", False, Goal(2)),
    _idle(),
]
