"""Runs benchmarks and prints their table:  runner.py [--rounds N] [--list] [--table FILE] [NAME...]

A NAME is a benchmark's, or the beginning of one (java, java/processes, python/queue). Ours and its peers run in turn, round by round, each measurement in a
process of its own: what hangs or fails costs one line. All samples are kept as lines of JSON in build/benchmarks/.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import rows
import table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUTPUT = ROOT / "build" / "benchmarks"
PEERS = OUTPUT / "peers"  # the virtual environment that `run --install-peers` makes
LIMIT = 120  # seconds for one program
WHOLE_RUNS = (
    "hello",
    "python/queue-4-to-1",
    "python/start-join",
    "python/pool-",
    "python/executor-",
    "python/lock-4",
    "python/value-4",
    "python/barrier-4",
)  # many processes, in bursts of a few tenths of a second

Sample = dict[str, Any]


class Failed(Exception):
    """A program failed; the text is its own last line."""


def execute(command: list[str], environment: dict[str, str]) -> str:
    """The output of a program in a session of its own, which is killed whole at the time limit."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise Failed(f"did not end within {LIMIT} s: {shlex.join(command)}") from None
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        last = (err.strip() or out.strip() or "no words").splitlines()[-1]
        raise Failed(f"exit code {process.returncode}: {last}")
    return out


def urgent(name: str) -> list[str]:
    """Before the command: all processes of the run go before other programs (as root), where slices.py cannot see to that."""
    return ["chrt", "--rr", "1"] if name.startswith(WHOLE_RUNS) and os.geteuid() == 0 and shutil.which("chrt") else []


def java(benchmark: rows.Benchmark, rounds: int) -> list[Sample]:
    """Two media in turn within one program."""
    how = benchmark.name.split("/")[1]
    command = [
        *shlex.split(os.environ["DRAGON_BENCHMARK_JAVA"]),
        "dragon.benchmarks.ipc.Main",
        benchmark.name,
        how,
        f"rounds={rounds}",
        *benchmark.arguments,
        *shlex.split(os.environ.get("DRAGON_BENCHMARK_AERON", "")),
    ]
    with tempfile.TemporaryDirectory(prefix="dragon-benchmark-", dir="/dev/shm") as folder:
        return parse(execute(command, {**os.environ, "DRAGON_BENCHMARK_FOLDER": folder}))


def jmh() -> list[Sample]:
    """One fork of all of JMH's benchmarks; a method's name is the side and the operation."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        quick = ["-f", "1", "-wi", "4", "-w", "200ms", "-i", "3", "-r", "100ms", "-rf", "json"]
        java = shlex.split(os.environ["DRAGON_BENCHMARK_JAVA"])
        execute(
            [*urgent("jmh"), *java, "org.openjdk.jmh.Main", "Operations", *quick, "-rff", file.name], dict(os.environ)
        )
        results = json.loads(Path(file.name).read_text())
    samples = []
    for result in results:
        side, operation = re.match("([a-z]+)(.*)", result["benchmark"].rsplit(".", 1)[1]).groups()  # type: ignore[union-attr]
        samples.append({"row": f"jmh/{operation}", "side": side, "value": result["primaryMetric"]["score"]})
    return samples


def python(name: str, side: str) -> list[Sample]:
    interpreter = sys.executable
    if side in ("loky", "ray", "dask", "mpi") or name.endswith("numpy"):
        interpreter = str(PEERS / "bin" / "python")
        if not Path(interpreter).exists():
            raise Failed("skipped, not installed: benchmarks/run --install-peers")
    command = [interpreter, str(HERE / "measure.py"), name.split("/", 1)[1], side]
    if side == "mpi":
        if shutil.which("mpiexec") is None:
            raise Failed("skipped, no mpiexec")
        mpi = ["mpiexec", "--allow-run-as-root", "--oversubscribe", "-n", "3"]
        command = [*mpi, interpreter, "-m", "mpi4py.futures", *command[1:]]
    return parse(execute([*urgent(name), *command], with_dragon()))


def parse(output: str) -> list[Sample]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def hello_programs(folder: str) -> dict[str, list[str]]:
    """The program of the README without its sleep: with the launcher, plain, and with the stock start methods."""
    program = (ROOT / "examples" / "hello_world.py").read_text()
    program = "".join(line for line in program.splitlines(keepends=True) if "sleep" not in line)
    ours = Path(folder, "hello.py")
    ours.write_text(program)
    programs = {"launcher": [str(ROOT / "dragon"), str(ours)], "plain": [sys.executable, str(ours)]}
    for method in ("spawn", "forkserver"):
        stock = Path(folder, f"hello_{method}.py")
        stock.write_text(program.replace("import dragon\n", "").replace('"dragon"', f'"{method}"'))
        programs[method] = [sys.executable, str(stock)]
    return programs


def wall_time(row: str, side: str, command: list[str]) -> list[Sample]:
    time.sleep(0.3)
    begin = time.perf_counter()
    execute([*urgent(row), *command], with_dragon())
    return [{"row": row, "side": side, "value": time.perf_counter() - begin}]


def with_dragon() -> dict[str, str]:
    """The environment in which Python finds the package, and in which `python` is this one."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT / "python"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def in_turn(benchmark: rows.Benchmark, rounds: int, run: Callable[[str], list[Sample]]) -> Iterator[Sample]:
    """All sides, round by round. A side that fails says so once and is left out from then on."""
    sides = list(benchmark.sides)
    for _ in range(rounds):
        for side in list(sides):
            try:
                yield from run(side)
            except Failed as failure:
                sides.remove(side)
                print(f"  {benchmark.name}, {side}: {failure}", file=sys.stderr, flush=True)


def samples_of(benchmark: rows.Benchmark, rounds: int) -> Iterator[Sample]:
    name = benchmark.name
    if benchmark.kind == "java":
        yield from in_turn(benchmark, 1, lambda _: java(benchmark, rounds))
    elif benchmark.kind == "jmh":
        yield from in_turn(benchmark, rounds, lambda _: jmh())
    elif benchmark.kind == "python":
        yield from in_turn(benchmark, rounds, lambda side: python(name, side))
    else:
        with tempfile.TemporaryDirectory() as folder:
            programs = hello_programs(folder)
            for _ in in_turn(benchmark, 1, lambda side: wall_time(name, side, programs[side])):
                pass  # what is built or cached at a first use
            yield from in_turn(benchmark, rounds, lambda side: wall_time(name, side, programs[side]))


def chosen(names: list[str]) -> list[rows.Benchmark]:
    for name in names:
        if not any(benchmark.name.startswith(name) for benchmark in rows.ALL):
            sys.exit(f"benchmarks/run: no benchmark is named {name}; --list shows all")
    return [benchmark for benchmark in rows.ALL if not names or any(benchmark.name.startswith(name) for name in names)]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--list", action="store_true", help="print the names of all benchmarks")
    parser.add_argument("--table", type=Path, metavar="FILE", help="print the table of samples kept before")
    options = parser.parse_args()
    benchmarks = chosen(options.names)
    if options.list:
        print("\n".join(benchmark.name for benchmark in benchmarks))
        return
    if options.table:
        print(table.render(benchmarks, table.collect(map(json.loads, options.table.read_text().splitlines()))))
        return
    OUTPUT.mkdir(parents=True, exist_ok=True)
    kept = OUTPUT / time.strftime("samples-%Y%m%d-%H%M%S.jsonl")
    lines: list[Sample] = []
    with kept.open("w") as file:
        for benchmark in benchmarks:
            print(f"{benchmark.name} ...", file=sys.stderr, flush=True)
            for sample in samples_of(benchmark, options.rounds):
                lines.append(sample)
                file.write(json.dumps(sample) + "\n")
    print(table.render(benchmarks, table.collect(lines)))
    print(f"all samples: {kept.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
