"""The start method "dragon" beside "spawn": many small programs over the whole API, each of which must come to the same.

    python tests/conformance/differential.py [--python PATH] [--only 'pool*'] [-v]

What a case comes to is what it returns or raises, with its text, what was warned of and written, and whom it left (`differential/words.py`). Where the two
differ for a reason that a user accepts, the case stands in `differential/differences.ini` with that reason; one that does not differ must not stand there.
`dragon.ProcessPoolExecutor` is held beside the standard library's by the same cases.
"""

from __future__ import annotations

import argparse
import configparser
import contextlib
import fnmatch
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

HERE = pathlib.Path(__file__).resolve().parent / "differential"
ROOT = HERE.parents[2]
PATIENCE = 60.0  # seconds that a case may take
FEW = 4  # cases that are looked at once more: more of them is no chance
OF_EXECUTOR = " [executor]"  # after a case's name: with dragon.ProcessPoolExecutor

Outcomes = dict[str, Any]


class Side(NamedTuple):
    """What is compared: a start method, and whose ProcessPoolExecutor."""

    method: str
    executor: str = "concurrent.futures"


PEER, OURS, EXECUTOR = Side("spawn"), Side("dragon"), Side("dragon", "dragon")


class Pair(NamedTuple):
    """What a case came to, where that is not the same on both sides."""

    name: str  # of the peer
    peer: Any
    ours: Any

    def __str__(self) -> str:
        return f"    {self.name:6} {json.dumps(self.peer)}\n    dragon {json.dumps(self.ours)}"


class Report(NamedTuple):
    """What came of a comparison."""

    cases: int
    different: dict[str, str]  # what is not expected to differ, and how it does
    known: dict[str, str]  # what differs for a reason, and how
    stale: list[str]  # what stands among the differences and does not differ
    flaky: dict[str, str]  # what came out as expected only when it was looked at once more, and what it had been


def compare(interpreter: str, only: str = "*") -> Report:
    """Runs all cases with both methods; a few that come out as they should not, once more, each in programs of its own on a machine that does nothing else for us."""
    wanted = [name for name in _names(interpreter) if fnmatch.fnmatch(name, only)]
    reasons = _reasons(interpreter)
    found = _differences(interpreter, wanted)
    ran = {*wanted, *(name + OF_EXECUTOR for name in wanted if name.startswith("futures"))}
    stale = [name for name in reasons if name not in found and (name in ran or only == "*")]
    different = [name for name in found if name not in reasons]
    flaky: dict[str, str] = {}
    if len(different) + len(stale) <= FEW:
        odd = [name for name in (*different, *stale) if name in ran and not _breaks(found.get(name))]
        for name in odd:
            if (name in _differences(interpreter, [name.removesuffix(OF_EXECUTOR)])) == (name in reasons):
                flaky[name] = str(found.get(name, "    the same"))
    return Report(
        len(ran),
        {name: str(found[name]) for name in different if name not in flaky},
        {name: str(how) for name, how in found.items() if name in reasons},
        [name for name in stale if name not in flaky],
        flaky,
    )


def _breaks(pair: Pair | None) -> bool:
    """Has our program hung or ended in the middle of the case? That is no matter of what came first, and needs no second look."""
    return pair is not None and pair.ours is not None and "written" in pair.ours


def _differences(interpreter: str, wanted: list[str]) -> dict[str, Pair]:
    """Runs cases on both sides; those which do not come to the same."""
    futures = [name for name in wanted if name.startswith("futures")]
    with ThreadPoolExecutor(2) as threads:
        peer = threads.submit(_outcomes, PEER, interpreter, wanted)
        ours = threads.submit(_outcomes, OURS, interpreter, wanted)
        executor = threads.submit(_outcomes, EXECUTOR, interpreter, futures)
    found = {each: Pair(PEER.method, peer.result().get(each), how) for each, how in ours.result().items()}
    found.update(
        (each + OF_EXECUTOR, Pair("stock", peer.result().get(each), how)) for each, how in executor.result().items()
    )
    return {name: pair for name, pair in found.items() if pair.peer != pair.ours}


def _names(interpreter: str) -> list[str]:
    code = f"import sys; sys.path.insert(0, {str(HERE)!r}); import cases; print(*cases.all_of_them(), sep='\\n')"
    return subprocess.check_output([interpreter, "-c", code], text=True).splitlines()


def _reasons(interpreter: str) -> dict[str, str]:
    """The cases that differ with this Python, and why."""
    version = subprocess.check_output(
        [interpreter, "-c", "import sys; print(*sys.version_info[:2])"], text=True
    ).split()
    table = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    table.optionxform = str  # type: ignore[assignment,method-assign]
    table.read_string((HERE / "differences.ini").read_text())
    return {
        name: why
        for section in table.sections()
        if _concerns(section, int(version[1]))
        for name, why in table[section].items()
    }


def _concerns(section: str, minor: int) -> bool:
    """Is a section of differences, `TITLE` or `TITLE (3.10-3.12)`, about this Python?"""
    versions = re.search(r"\(3\.(\d+)(?:-3\.(\d+))?\)$", section)
    return versions is None or int(versions[1]) <= minor <= int(versions[2] or versions[1])


def _outcomes(side: Side, interpreter: str, wanted: list[str]) -> Outcomes:
    """What each of the cases comes to. One in which the program hangs or ends is told as such, and a new program runs the next."""
    found: Outcomes = {}
    while left := [name for name in wanted if name not in found]:
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder, "report")
            end = _run(side, interpreter, left, report)
            lines = [json.loads(line) for line in report.read_text().splitlines()] if report.exists() else []
            written = "".join(file.read_text()[-3000:] for file in pathlib.Path(folder).glob("std*"))
        assert lines, f"the program for {side} did not begin, and {end}:\n{written}"
        found.update((name, outcome) for name, outcome in lines if outcome is not None)
        if found.setdefault(lines[-1][0], None) is None:
            found[lines[-1][0]] = {"result": f"the program {end}", "written": written}
        elif end != "ended with 0":
            found["the end of the program"] = {"result": f"it {end}", "written": written}
    return found


def _run(side: Side, interpreter: str, wanted: list[str], report: pathlib.Path) -> str:
    """Runs a program for the cases; how it ended."""
    command = [interpreter, str(HERE / "program.py"), *side, str(report)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "PYTHONFAULTHANDLER": "1", "PYTHONHASHSEED": "0"}
    program = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, text=True, cwd=report.parent, start_new_session=True
    )
    assert program.stdin
    program.stdin.write("\n".join(wanted))
    program.stdin.close()
    told = -1
    while True:
        try:
            return f"ended with {program.wait(PATIENCE)}"
        except subprocess.TimeoutExpired:
            before, told = told, report.stat().st_size if report.exists() else 0
            if told == before:
                program.send_signal(signal.SIGABRT)  # it says where it is
                program.wait()
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(program.pid, signal.SIGTERM)  # which CPython's resource tracker survives, to clean up
                return "hung"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="the interpreter")
    parser.add_argument("--only", default="*", help="a glob on the cases' names")
    parser.add_argument("-v", action="store_true", help="shows the differences that have a reason, too")
    options = parser.parse_args()
    report = compare(options.python, options.only)
    for name, how in report.different.items():
        print(f"{name}\n{how}")
    for name, how in report.known.items() if options.v else ():
        print(f"known: {name}\n{how}")
    for name in report.stale:
        print(f"stands among the differences, and does not differ: {name}")
    for name, how in report.flaky.items():
        print(f"as it should be only when it was looked at once more: {name}\n{how}")
    same = report.cases - len(report.different) - len(report.known)
    print(
        f"{report.cases} cases: {same} the same, {len(report.known)} differ for a reason, {len(report.different)} without one"
    )
    sys.exit(bool(report.different or report.stale))


if __name__ == "__main__":
    main()
