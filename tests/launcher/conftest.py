"""Runs the `dragon` command of this checkout, and audits after each test that nothing of it is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import procs
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
MARK = "DRAGON_TEST_RUN"


class Launcher:
    """Starts runs whose processes can be told by a variable of their environment."""

    root = ROOT

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self._started: list[subprocess.Popen[str]] = []

    def environment(self, **more: str) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DRAGON")}
        return {**environment, MARK: self.mark, "PYTHONFAULTHANDLER": "1", **more}

    def start(
        self, *words: str | Path, by: str | Path = ROOT / "dragon", env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[str]:
        """`dragon`, or another command, with these words, in the test's own folder and in a session of its own."""
        options = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "start_new_session": True,
            **options,
        }
        process = subprocess.Popen(
            [str(by), *map(str, words)],
            cwd=self.folder,
            env=self.environment(**(env or {})),
            text=True,
            **options,
        )
        self._started.append(process)
        return process

    def run(self, *words: str | Path, timeout: float = 30, **options: Any) -> subprocess.CompletedProcess[str]:
        """As start, to its end."""
        process = self.start(*words, **options)
        out, err = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def program(self, text: str, name: str = "prog.py") -> Path:
        """A program in the test's folder."""
        path = self.folder / name
        path.write_text(text)
        return path

    def processes(self) -> dict[int, str]:
        """The command lines of this test's processes that live."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if f"{MARK}={self.mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                    if state not in "ZX":
                        found[int(entry.name)] = (
                            (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                        )
            except OSError:
                continue
        return found

    def one(self, part: str) -> int:
        """The pid of the only process whose command line has this part."""
        (pid,) = [pid for pid, line in self.processes().items() if part in line]
        return pid

    def await_gone(self, limit: float = 1.0) -> None:
        """Everything of the run is gone within a second."""
        watch = procs.Stopwatch()
        while left := self.processes():
            assert watch.seconds() < limit, f"left behind: {left}"
            time.sleep(0.005)

    def close(self) -> None:
        """Ends what the test left; what outlives its launcher is told, with its stacks."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
        end = time.monotonic() + 2
        while self.processes() and time.monotonic() < end:
            time.sleep(0.005)
        left = self.processes()
        where = procs.stacks([each for each in map(procs.look, left) if each])
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self._started:
            process.communicate(timeout=5)
        assert not left, f"left behind: {left}\n{where}"


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    subprocess.run([str(ROOT / "dragon"), "--version"], check=True, stdout=subprocess.DEVNULL, timeout=300)


@pytest.fixture
def dragon(tmp_path: Path) -> Iterator[Launcher]:
    launcher = Launcher(tmp_path)
    yield launcher
    launcher.close()
