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

Outcomes = dict[str, Any]


class Side(NamedTuple):
    """What is compared: a start method, and whose ProcessPoolExecutor."""

    method: str
    executor: str = "concurrent.futures"


PEER, OURS, EXECUTOR = Side("spawn"), Side("dragon"), Side("dragon", "dragon")


class Report(NamedTuple):
    """What came of a comparison."""

    cases: int
    different: dict[str, str]  # what is not expected to differ, and how it does
    known: dict[str, str]  # what differs for a reason, and how
    stale: list[str]  # what stands among the differences and does not differ


def compare(interpreter: str, only: str = "*") -> Report:
    """Runs all cases with both methods."""
    wanted = [name for name in _names(interpreter) if fnmatch.fnmatch(name, only)]
    futures = [name for name in wanted if name.startswith("futures")]
    with ThreadPoolExecutor(2) as threads:
        peer = threads.submit(_outcomes, PEER, interpreter, wanted)
        ours = threads.submit(_outcomes, OURS, interpreter, wanted)
        executor = threads.submit(_outcomes, EXECUTOR, interpreter, futures)
    found = _differences(PEER.method, peer.result(), ours.result())
    found.update(
        (f"{name} [executor]", how) for name, how in _differences("stock", peer.result(), executor.result()).items()
    )
    reasons = _reasons(interpreter)
    known = {name: how for name, how in found.items() if name in reasons}
    ran = {*wanted, *(f"{name} [executor]" for name in futures)}
    stale = [name for name in reasons if name not in found and (name in ran or only == "*")]
    return Report(len(ran), {name: how for name, how in found.items() if name not in reasons}, known, stale)


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


def _differences(name: str, peer: Outcomes, ours: Outcomes) -> dict[str, str]:
    return {
        case: f"    {name:6} {json.dumps(peer.get(case))}\n    dragon {json.dumps(outcome)}"
        for case, outcome in ours.items()
        if outcome != peer.get(case)
    }


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
    same = report.cases - len(report.different) - len(report.known)
    print(
        f"{report.cases} cases: {same} the same, {len(report.known)} differ for a reason, {len(report.different)} without one"
    )
    sys.exit(bool(report.different or report.stale))


if __name__ == "__main__":
    main()
