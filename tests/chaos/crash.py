"""Runs programs/crash.py and programs/storm.py under observation: what `tests/chaos/run`, test_crash.py and test_storm.py share."""

from __future__ import annotations

import pathlib
import subprocess
import time
from typing import TextIO

import audit
from procs import ROOT

PROGRAMS = pathlib.Path(__file__).with_name("programs")
SLOWEST = 2.0  # seconds a kill and its replacement take at the very most, on average
STILL = 60.0  # seconds without any progress after which the program is called hung


def java_peer(folder: pathlib.Path) -> list[str]:
    """Compiles the Java peer; the java to run it with, and its class path."""
    lib = ROOT / "build" / "lib"
    java = (lib / "java").read_text().strip()
    options = (lib / "jvm.options").read_text().splitlines()
    jar = options[options.index("-cp") + 1].strip('"')
    source = pathlib.Path(__file__).with_name("java") / "ChaosPeer.java"
    words = [pathlib.Path(java).with_name("javac"), "-proc:none", "-nowarn", "-cp", jar, "-d", folder, source]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f"the Java peer does not compile:\n{done.stdout}"
    return [java, f"{folder}:{jar}"]


def check(
    folder: pathlib.Path,
    kills: int,
    seed: int,
    progress: TextIO,
    launcher: bool = True,
    java: bool = False,
    program: str = "crash",
    env: dict[str, str] | None = None,
) -> str:
    """Kills so many processes, with Java ones among them if told so; the line of result. Raises with the stacks of all processes when something hangs, is lost, doubled or left."""
    books = folder / "books"
    books.mkdir()
    peer = java_peer(folder) if java else []
    # Hundreds of processes import the program: it is compiled once.
    env = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "compiled"), **(env or {})}
    waited = audit.procs.processor_wait()
    with audit.run(folder, [PROGRAMS / f"{program}.py", kills, seed, books, *peer], launcher=launcher, env=env) as run:
        deadline = time.monotonic() + 60 + kills * SLOWEST
        shown = 0
        while run.process.poll() is None:
            seen = len(run.out)
            moment = time.monotonic()
            run.until(lambda seen=seen: len(run.out) > seen or run.process.poll() is not None, "progress", STILL)
            if "hang: " in run.out or time.monotonic() > deadline:
                run.fail(f"hang, after {time.monotonic() - moment:.0f} s without progress")
            lines = [line for line in run.lines() if line.startswith(("progress: ", "kills: ", "waited: ", "hunger: "))]
            for line in lines[shown:]:
                print(line, file=progress, flush=True)
            shown = len(lines)
        if run.end() != 0:
            run.fail("the books do not add up, or a process failed")
        result = next(line for line in run.lines() if line.startswith("result: "))
    print(f"{result}, 0 hangs, nothing left", file=progress, flush=True)
    if program == "crash":  # the other looks at each wait itself
        check_delay(result, audit.procs.processor_wait() - waited)
    return result


def check_delay(result: str, waited: float) -> None:
    """No operation took over a second; where the machine had more to run than processors, up to ten more are granted."""
    longest = float(result.rpartition("longest wait ")[2].split()[0])
    assert longest <= audit.GONE + min(audit.SPARED, waited), f"an operation was delayed for {longest} s by a death"
