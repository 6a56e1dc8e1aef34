"""CPython's own multiprocessing tests against the start method "dragon".

The runner is not part of this project: it is looked for in the folder that DRAGON_CONFORMANCE names, else in ../shared/cpython beside the checkout.
What has to pass is listed in passing.txt, one `Class.test` a line; `python tests/conformance/suite.py --update` runs all and writes the list anew.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PASSING = HERE / "passing.txt"

# Classes of the objects that Dragon makes, with processes; in order of how much of the rest stands on them.
CLASSES = {
    "objects": [
        "WithProcessesTest" + name
        for name in ["Lock", "Semaphore", "Condition", "Event", "Barrier", "Queue", "Connection", "Value", "Array"]
    ]
    + ["TestSimpleQueue", "TestNamedStartMethod", "WithProcessesTestPoll", "WithProcessesTestPollEintr"]
    + ["WithProcessesTestPicklingConnections", "TestIgnoreEINTR", "TestWait"]
    + ["WithProcessesTestSharedCTypes", "WithProcessesTestHeap"],
    "processes": ["WithProcessesTestProcess", "WithProcessesTestSubclassingProcess", "TestCloseFds"]
    + ["TestStdinBadfiledescriptor", "TestInitializers"],
    "pool": ["WithProcessesTestPool", "WithProcessesTestPoolWorkerErrors", "WithProcessesTestPoolWorkerLifetime"]
    + ["TestPoolNotLeakOnFailure"],
}

# What cannot pass, and why. It is not run: some of it would wait for its time limit.
EXCLUDED = {
    "WithProcessesTestConnection.test_missing_fd_transfer": "writes to the connection's descriptor, which is none of a pipe or socket",
    "TestIgnoreEINTR.test_ignore": "waits for a full pipe to hold its sender up: a Pipe is unbounded here, so the outcome is a matter of timing",
    "WithProcessesTestQueue.test_queue_feeder_donot_stop_onexc": "expects that put() hides an error: here it raises what is wrong with the object",
}


def runner() -> pathlib.Path | None:
    """The program that runs CPython's suite, if it is here."""
    folder = pathlib.Path(os.environ.get("DRAGON_CONFORMANCE") or ROOT.parent / "shared" / "cpython")
    file = folder / "run_cpython_mp.py"
    return file if file.is_file() else None


def run(classes: list[str], folder: pathlib.Path, test_timeout: float = 120.0) -> dict[str, dict[str, str]]:
    """Runs the classes; for each `Class.test` its outcome and detail. `folder` gets the log and what the tests leave behind."""
    program = runner()
    assert program, "the runner of CPython's suite is not here"
    report = folder / "report.json"
    environment = dict(os.environ, DRAGON_PID="os", PYTHONPATH=str(ROOT / "python"), TMPDIR=str(folder))
    command = [sys.executable, str(program), "--import", "dragon", "--method", "dragon", "--profile", "thirdparty"]
    command += ["--classes", ",".join(classes), "--test-timeout", str(test_timeout), "--json", str(report)]
    command += [word for name, why in EXCLUDED.items() for word in ("--exclude", f"{name}={why}")]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.stdout[-8000:])
    assert report.exists(), "the runner made no report; its words are above"
    found = json.loads(report.read_text())
    types = found["meta"]["object_types"] or {}
    stock = [
        name
        for name in ("Queue", "SimpleQueue", "Lock", "Event", "Pipe")
        if not types.get(name, "").startswith("dragon.")
    ]
    assert not stock, f"not Dragon's own objects, so a pass says nothing: {[(name, types.get(name)) for name in stock]}"
    return {
        f"{name}.{test}": result for name, each in found["classes"].items() for test, result in each["tests"].items()
    }


def expected() -> list[str]:
    return [line for line in PASSING.read_text().splitlines() if line and not line.startswith("#")]


def write(passing: list[str]) -> None:
    head = "# Tests of CPython's own suite that pass with the start method dragon. Written by suite.py --update.\n"
    PASSING.write_text(head + "".join(f"{name}\n" for name in sorted(passing)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write the list of what passes anew")
    parser.add_argument("--group", choices=CLASSES, action="append", help="only these classes (default: all)")
    options = parser.parse_args()
    groups = options.group or list(CLASSES)
    classes = [name for group in groups for name in CLASSES[group]]
    with tempfile.TemporaryDirectory() as folder:
        outcomes = run(classes, pathlib.Path(folder))
    passing = [name for name, result in outcomes.items() if result["outcome"] == "passed"]
    others = {name: result for name, result in outcomes.items() if result["outcome"] not in ("passed", "excluded")}
    for name, result in sorted(others.items()):
        print(f"{result['outcome']:8} {name}: {(result['detail'].strip().splitlines() or [''])[-1][:160]}")
    print(f"{len(passing)} of {len(outcomes)} pass")
    if options.update:
        kept = [name for name in expected() if name.partition(".")[0] not in classes] if PASSING.exists() else []
        write(kept + passing)


if __name__ == "__main__":
    main()
