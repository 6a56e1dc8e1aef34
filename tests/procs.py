"""What /proc tells about the processes of a run: which they are, what part each plays, what it holds, and where it stands.

Only for tests. Every function takes a process that may end at any moment: then the answer is empty, never an error.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import re
import signal
import subprocess
import time
from dataclasses import dataclass

PR_SET_CHILD_SUBREAPER = 36
ROOT = pathlib.Path(__file__).resolve().parents[1]
SPARED = 10.0  # seconds more, at most, that are granted for waits for a processor


def read(pid: int, name: str) -> bytes:
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


@dataclass(frozen=True)
class Process:
    """One process as it was when it was looked at. ``start`` tells two processes with one number apart."""

    pid: int
    parent: int
    state: str
    session: int
    start: int
    command: tuple[str, ...]
    program: str

    def __str__(self) -> str:
        words = " ".join(self.command) or "(no command line)"
        return f"{self.pid} (parent {self.parent}, {self.state}) {words[:160]}"

    @property
    def dead(self) -> bool:
        return self.state in "ZX"

    def is_there(self) -> bool:
        """Is this very process still alive (a zombie is not)?"""
        now = look(self.pid)
        return now is not None and now.start == self.start and not now.dead


def look(pid: int) -> Process | None:
    fields = read(pid, "stat").rpartition(b")")[2].split()
    if len(fields) < 20:
        return None
    command = tuple(word.decode(errors="replace") for word in read(pid, "cmdline").split(b"\0")[:-1])
    try:
        program = os.readlink(f"/proc/{pid}/exe")
    except OSError:
        program = ""
    return Process(pid, int(fields[1]), fields[0].decode(), int(fields[3]), int(fields[19]), command, program)


def sleeps(pid: int) -> bool:
    """Does its first thread wait in the kernel? An interrupt that meets a Python between its last look for signals and the call that it sleeps in is heeded only
    after that call: CPython is so, and a test that interrupts a program which has just said that it is ready meets it there once in some thousand times."""
    process = look(pid)
    return process is None or process.state != "R"


def everybody() -> list[Process]:
    found = (look(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [each for each in found if each]


def adopt_orphans() -> None:
    """From now on whoever loses his parent below this process becomes its child, and none can leave its tree."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def below(roots: set[int], among: list[Process]) -> list[Process]:
    """Those of `among` that are one of the roots or descend from one."""
    inside, grown = set(roots), True
    while grown:
        new = {each.pid for each in among if each.parent in inside} - inside
        inside |= new
        grown = bool(new)
    return [each for each in among if each.pid in inside]


def role(process: Process, head: int | str, parents: dict[int, str]) -> str:
    """head, agent, keeper, zygote, worker or other; `parents` holds the roles of those already known."""
    words = " ".join(process.command)
    if process.pid == head:
        return "head"
    if process.program.endswith("/java"):
        return "agent"
    if "keeper" in os.path.basename(process.program):
        return "keeper"
    above = parents.get(process.parent)
    if above == "zygote":
        return "worker"
    if "dragon._zygote" in words and above != "worker":
        return "zygote"
    return "head" if above == "keeper" and head in process.command else "other"


def roles(processes: list[Process], head: int | str) -> dict[str, list[Process]]:
    """The processes by the part they play. `head` is its pid in plain mode; with the launcher a word of its command line."""
    known: dict[int, str] = {}
    result: dict[str, list[Process]] = {name: [] for name in ("head", "agent", "keeper", "zygote", "worker", "other")}
    pending = {each.pid: each for each in processes}
    while pending:
        ready = [each for each in pending.values() if each.parent not in pending] or list(pending.values())
        for each in sorted(ready, key=lambda one: one.start):
            known[each.pid] = role(each, head, known)
            result[known[each.pid]].append(each)
            del pending[each.pid]
    return result


MEMORY_FILE = re.compile(rb"^\S+ \S+ \S+ \S+ (\d+) +/memfd:", re.M)


def memory_files(pid: int) -> set[int]:
    """The inodes of the anonymous memory files that a process maps."""
    return {int(inode) for inode in MEMORY_FILE.findall(read(pid, "maps"))}


def open_files(pid: int) -> list[str]:
    names = []
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            names.append(os.readlink(entry.path))
    except OSError:
        pass
    return names


def holds_memory_file(pid: int, inodes: set[int]) -> bool:
    if memory_files(pid) & inodes:
        return True
    try:
        fds = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return False
    for fd in fds:
        path = f"/proc/{pid}/fd/{fd}"
        try:
            if os.readlink(path).startswith("/memfd:") and os.stat(path).st_ino in inodes:
                return True
        except OSError:
            continue
    return False


def abstract_sockets() -> dict[str, set[int]]:
    """Names (with @ for the first byte) of the machine's unix sockets, and the inodes of those that have it: a connection has its listener's."""
    names: dict[str, set[int]] = {}
    for line in pathlib.Path("/proc/net/unix").read_text(errors="replace").splitlines()[1:]:
        fields = line.split(None, 7)
        if len(fields) > 7:
            names.setdefault(fields[7], set()).add(int(fields[6]))
    return names


def processor_wait() -> float:
    """Seconds since boot in which some runnable thread of this machine had to wait for a processor; 0 where the kernel does not count."""
    try:
        line = pathlib.Path("/proc/pressure/cpu").read_text().splitlines()[0]
        return int(line.rpartition("total=")[2]) / 1e6
    except (OSError, ValueError, IndexError):
        return 0.0


class Stopwatch:
    """Measures what must be done within a time. Where the machine had more to run than processors, so that some thread waited for one, that time is not counted, up to `SPARED` seconds:
    how long anything takes then tells nothing of who does it."""

    def __init__(self) -> None:
        self._begin, self._waited = time.monotonic(), processor_wait()

    def seconds(self, until: float | None = None) -> float:
        """The seconds that count, to now or to a moment of the monotonic clock."""
        passed = (time.monotonic() if until is None else until) - self._begin
        return passed - min(SPARED, processor_wait() - self._waited)


def kernel_stacks(pid: int) -> str:
    lines = []
    try:
        tasks = sorted(os.listdir(f"/proc/{pid}/task"), key=int)
    except OSError:
        return "    gone\n"
    for task in tasks[:40]:
        at = f"task/{task}"
        name = read(pid, f"{at}/comm").decode(errors="replace").strip()
        where = read(pid, f"{at}/wchan").decode(errors="replace")
        frames = [line.rpartition("] ")[2] for line in read(pid, f"{at}/stack").decode(errors="replace").splitlines()]
        lines.append(f"    thread {task} {name} in {where or '?'}: {' < '.join(frames[:8])}\n")
    return "".join(lines)


def java_stacks(process: Process) -> str:
    """jcmd's Thread.print, asked of the tool beside the java that runs."""
    tool = pathlib.Path(process.program).with_name("jcmd")
    if not tool.exists():
        return "    no jcmd beside it\n"
    try:
        said = subprocess.run([tool, str(process.pid), "Thread.print"], capture_output=True, text=True, timeout=8)
    except subprocess.TimeoutExpired:
        return "    jcmd got no answer in 8 s\n"
    return said.stdout + said.stderr


def stacks(processes: list[Process]) -> str:
    """Where everybody stands. A Python gets SIGABRT, on which its faulthandler writes all its stacks to its own stderr (and it ends)."""
    text = []
    for each in processes:
        text.append(f"--- {each}\n{kernel_stacks(each.pid)}")
        if each.program.endswith("/java"):
            text.append(java_stacks(each))
    pythons = [each for each in processes if "python" in os.path.basename(each.program)]
    parents = {each.parent for each in pythons}
    for some in ([each for each in pythons if each.pid not in parents], pythons):  # a zygote's end ends its workers
        for each in some:
            send(each, signal.SIGABRT)
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline and any(each.is_there() for each in some):
            time.sleep(0.01)
    return "".join(text)


def send(process: Process, number: int) -> None:
    """A signal to that very process; none to another that got its number since."""
    try:
        fd = os.pidfd_open(process.pid)
    except OSError:
        return
    try:
        if process.is_there():
            signal.pidfd_send_signal(fd, number)
    except OSError:
        pass
    finally:
        os.close(fd)
