"""CPython's own suites against the start method "dragon", under every CPython here that has them.

    python tests/conformance/suite.py [--python 3.13] [--suite mp] [--pid dragon] [--only 'WithProcessesTestQueue.*']

    mp    multiprocessing              cf    concurrent.futures             main    the ways to start `__main__`

The runner is not part of this project: it is looked for in the folder that DRAGON_CONFORMANCE names, else in ../shared/cpython beside the checkout. Every
test has to pass, a few at a second try. What is left out stands in left_out.ini, with its reason; how many pass, for the releases we know, in passing.ini: a suite that shrinks
unseen fails.
"""

from __future__ import annotations

import argparse
import ast
import configparser
import functools
import glob
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import Any, NamedTuple

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LEFT_OUT = HERE / "left_out.ini"
PASSING = HERE / "passing.ini"

PROFILES = {
    "mp": "thirdparty",
    "cf": "none",
    "main": "none",
}  # the runner's: what cannot say anything of a method of another name
OURS = (
    "Queue", "JoinableQueue", "SimpleQueue", "Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Barrier", "Pipe",
    "Value", "Array", "RawArray",
)  # fmt: skip
GOOD = ("passed", "skipped", "excluded")
AT_ONCE = 2 * (os.cpu_count() or 1)  # classes: most of their time they sleep
FEW = 4  # tests that failed and are tried once more, alone: many of CPython's bet on how long something takes. A hang is no such test.


class Python(NamedTuple):
    """An interpreter that has CPython's suite of multiprocessing."""

    version: str  # 3.11
    release: str  # 3.11.7
    executable: str
    tests: str  # the folder of its package `test`


def runner() -> pathlib.Path | None:
    """The program that runs CPython's suites, if it is here."""
    folder = pathlib.Path(os.environ.get("DRAGON_CONFORMANCE") or ROOT.parent / "shared" / "cpython")
    file = folder / "run_cpython_mp.py"
    return file if file.is_file() else None


@functools.cache
def pythons() -> dict[str, Python]:
    """One interpreter for each version whose suite is installed, by version."""
    found: dict[str, Python] = {}
    for bin_folder in [*glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin")), *glob.glob("/opt/*/bin"), "/usr/local/bin", "/usr/bin"]:  # fmt: skip
        for path in sorted(glob.glob(f"{bin_folder}/python3.*")):
            match = re.fullmatch(r"python(3\.\d+)", os.path.basename(path))
            if match and match[1] not in found and 9 <= int(match[1][2:]) <= 13:
                code = "import platform, sysconfig; print(platform.python_version(), sysconfig.get_path('stdlib'))"
                release, library = subprocess.check_output([path, "-c", code], text=True).split(maxsplit=1)
                tests = os.path.join(library.strip(), "test")
                if os.path.exists(os.path.join(tests, "_test_multiprocessing.py")):
                    found[match[1]] = Python(match[1], release, path, tests)
    return found


def environment(python: Python) -> str:
    """The interpreter of a virtual environment in which Dragon is installed: some tests start interpreters that do not look at PYTHONPATH."""
    folder = ROOT / "build" / "conformance" / python.version
    executable = folder / "bin" / "python"
    if not executable.exists():
        subprocess.check_call([python.executable, "-m", "venv", "--without-pip", str(folder)])
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dragon.pth").write_text(f"{ROOT / 'python'}\n")
    return str(executable)


def futures_source(python: Python, folder: pathlib.Path) -> str | None:
    """The one file with the tests of concurrent.futures; None if they are not installed. Newer versions have a package of them, which is put together."""
    package = pathlib.Path(python.tests, "test_concurrent_futures")
    if not package.is_dir():
        files = [f"{package}.py", f"/usr/lib/python{python.version}/test/test_concurrent_futures.py"]
        return next((file for file in files if os.path.exists(file)), None)
    parts = [package / "util.py", package / "executor.py", *sorted(package.glob("test_*.py"))]
    text = "\n".join(_without_relative_imports(part.read_text()) for part in parts)
    text = re.sub(r"from test\.test_concurrent_futures\.\w+ import", "from test.test_concurrent_futures import", text)
    file = folder / "test_concurrent_futures.py"
    file.write_text(text)
    return str(file)


def _without_relative_imports(text: str) -> str:
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
    return "\n".join(lines)


def left_out(python: Python, suite: str, pid: str) -> dict[str, str]:
    """What is not run, by `Class.test` (with * for any text), and why."""
    table = _ini(LEFT_OUT)
    sections = [suite, f"{suite} {python.version}", f"{suite} pid={pid}"]
    return {name: why for section in sections if section in table for name, why in table[section].items()}


def known(python: Python, suite: str, pid: str) -> int:
    """How many tests pass of this release's suite; 1 if we do not know it."""
    table = _ini(PASSING)
    name = f"{suite} pid={pid}"
    return int(table[name].get(python.release, "1")) if name in table else 1


def _ini(file: pathlib.Path) -> configparser.ConfigParser:
    table = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    table.optionxform = str  # type: ignore[assignment,method-assign]
    table.read_string(file.read_text())
    return table


class Report(NamedTuple):
    """What came of a suite."""

    passed: int
    bad: dict[str, str]  # Class.test, or what else went wrong -> how
    skipped: dict[str, str]
    flaky: tuple[str, ...] = ()  # what passed only when it was tried once more


def run(python: Python, suite: str, pid: str, folder: pathlib.Path, only: str = "*") -> Report:
    """Runs a suite. `folder` gets the log and what the tests leave behind."""
    report = _run(python, suite, pid, folder, only)
    again = [test for test, how in report.bad.items() if how.startswith(("failed", "error")) and "," not in test]
    if not 0 < len(again) == len(report.bad) <= FEW:
        return report
    second = _run(python, suite, pid, folder, ",".join(again))
    passed = report.passed + second.passed
    return Report(passed, second.bad, report.skipped, tuple(test for test in again if test not in second.bad))


def _run(python: Python, suite: str, pid: str, folder: pathlib.Path, only: str, limit: float = 120.0) -> Report:
    """Runs those tests of a suite. One that takes longer than `limit` seconds hangs."""
    program = runner()
    assert program, "the runner of CPython's suites is not here"
    output = folder / "report.json"
    command = [environment(python), str(program), "--import", "dragon", "--method", "dragon", "--suite", suite]
    command += ["--profile", PROFILES[suite], "--tests", only, "--test-timeout", str(limit), "--jobs", str(AT_ONCE)]
    command += ["--json", str(output)]
    for name, why in left_out(python, suite, pid).items():
        command += ["--exclude", f"{name}={why}"]
    if suite == "cf":
        command += ["--src", futures_source(python, folder) or ""]
    variables = {**os.environ, "DRAGON_PID": pid, "TMPDIR": str(folder)}
    variables.pop("PYTHONPATH", None)
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert output.exists(), f"the runner made no report; its words:\n{done.stdout[-4000:]}"
    return _read(json.loads(output.read_text()))


def _read(report: dict[str, Any]) -> Report:
    types = report["meta"]["object_types"]
    if types is not None:
        stock = {name: types.get(name) for name in OURS if not types.get(name, "").startswith("dragon.")}
        assert not stock, f"not Dragon's own objects, so a pass says nothing: {stock}"
    bad, skipped, passed = {}, {}, 0
    for name, each in report["classes"].items():
        for test, result in each["tests"].items():
            passed += result["outcome"] == "passed"
            if result["outcome"] == "skipped":
                skipped[f"{name}.{test}"] = result["detail"]
            if result["outcome"] not in GOOD:
                bad[f"{name}.{test}"] = f"{result['outcome']}\n{result['detail'][-3000:]}"
        for fixture in each["fixtures"]:
            if fixture["outcome"] != "skipped":
                bad[f"{name}, {fixture['test']}"] = fixture["detail"]
        if each["leaked_processes"]:
            bad[f"{name}, processes left behind"] = "\n".join(each["leaked_processes"])
        if each["exit_hangs"]:
            bad[f"{name}, end of the program"] = "it hung"
    return Report(passed, bad, skipped)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", choices=sorted(pythons()), default="3.11")
    parser.add_argument("--suite", choices=PROFILES, default="mp")
    parser.add_argument("--pid", choices=["os", "dragon"], default="os")
    parser.add_argument("--only", default="*", help="globs on Class.test, separated by commas")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = run(pythons()[options.python], options.suite, options.pid, pathlib.Path(folder), options.only)
    for name, how in report.bad.items():
        print(f"{name}: {how}\n")
    for name, why in report.skipped.items():
        print(f"skipped {name}: {why}")
    for name in report.flaky:
        print(f"passed only at the second try: {name}")
    print(f"{report.passed} passed, {len(report.bad)} failed, {len(report.skipped)} skipped")
    sys.exit(bool(report.bad))


if __name__ == "__main__":
    main()
