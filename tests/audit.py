"""Runs a program in Dragon and audits that nothing of it is left: no process, socket, file or memory.

    with audit.run(tmp_path, ["prog.py"], launcher=True) as program:
        program.expect("ready")
        program.kill("zygote")
        assert program.end() == 0
    # here everything that belonged to the run was seen to be gone

Each run has a session, a home, a folder for temporary files and a marker in the environment of its own. Everything is awaited as a condition with
a deadline; when one passes, the stacks of every process of the run are part of the error. "Gone within a second" is measured; seconds in which
the machine had more to run than processors (the kernel's pressure figure) are not counted, up to ten.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import pathlib
import select
import signal
import subprocess
import sys
import termios
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

import dump
import procs
from procs import ROOT, SPARED, Process, Stopwatch

DRAGON = ROOT / "dragon"
GONE = 1.0  # seconds within which everything of a run is gone
PATIENCE = float(
    os.environ.get("DRAGON_TEST_PATIENCE", "30")
)  # seconds after which an awaited thing is called hung; nothing takes that long
WATCHED = ("/dev/shm", "/tmp", "/run", "/var/tmp")
OURS = ("dragon", "psm_", "wnsm_", "core", "hs_err")
JAVA = ("/tmp/hsperfdata_*/{}", "/tmp/.java_pid{}", "/tmp/.attach_pid{}")  # what a JVM may leave behind, by its pid


class Leftovers(AssertionError):
    """Something of a run outlived it, or did not come in time."""


class Stream:
    """Collects what comes out of a descriptor, to its end."""

    def __init__(self, fd: int, name: str):
        self.fd, self.name = fd, name
        self.stop, self.stopper = os.pipe()
        self.data = bytearray()
        self.ended = False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._read, name=f"reads {name}", daemon=True)
        self.thread.start()

    def _read(self) -> None:
        poller = select.poll()
        poller.register(self.fd, select.POLLIN)
        poller.register(self.stop, select.POLLIN)
        chunk = b"more"
        while chunk:
            stopped = any(fd == self.stop for fd, _ in poller.poll())
            try:
                chunk = b"" if stopped else os.read(self.fd, 1 << 16)
            except OSError:  # a terminal whose last holder is gone
                chunk = b""
            with self.changed:
                self.data += chunk
                self.ended = not chunk
                self.changed.notify_all()
        for fd in (self.fd, self.stop, self.stopper):
            os.close(fd)

    def close(self) -> None:
        """Lets go of the descriptor."""
        if self.thread.is_alive():
            os.write(self.stopper, b"stop")
        self.thread.join()

    def text(self) -> str:
        with self.changed:
            return self.data.decode(errors="replace")

    def wait_for(self, what: bytes, deadline: float) -> bool:
        """True when `what` has come; False at the deadline, or when the stream ended without it."""
        with self.changed:
            self.changed.wait_for(lambda: what in self.data or self.ended, max(0.0, deadline - time.monotonic()))
            return what in self.data

    def wait_end(self, deadline: float) -> bool:
        """True when the stream has ended: nobody holds its other side."""
        with self.changed:
            return self.changed.wait_for(lambda: self.ended, max(0.0, deadline - time.monotonic()))


class Run:
    """A program of ours that runs under observation; made by `run`."""

    others: ClassVar[list[Run]] = []  # all runs of this test process that are not over

    def __init__(
        self,
        folder: pathlib.Path,
        words: Sequence[str],
        launcher: bool = True,
        command: Sequence[str] | None = None,
        cwd: pathlib.Path | None = None,
        env: dict[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        terminal: bool = False,
        out: int | None = None,
        interpreter: str = sys.executable,
    ):
        procs.adopt_orphans()
        if (
            signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        ):  # as in a script's background job; the program would inherit it
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self.marker = f"DRAGON_TEST_RUN={uuid.uuid4().hex}"
        self.folder = folder / f"run-{self.marker[-8:]}"
        self.words = words
        self.cwd = cwd or self.folder / "cwd"
        self.launcher = launcher
        for name in ("home", "tmp", "run", "cwd"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.memory: set[int] = set()
        self.javas: set[int] = set()
        self.before = self._files()
        self.sockets_before = procs.abstract_sockets()
        self.children_before = {each.pid for each in procs.everybody() if each.parent == os.getpid()}
        self.command = list(command or ([str(DRAGON)] if launcher else [interpreter])) + [str(word) for word in words]
        self.streams: list[Stream] = []
        self.master = -1
        self.started = time.monotonic()
        self.process = self._start(self._environment(env or {}, interpreter), stdin, terminal, out)
        self.first = procs.look(self.process.pid)
        self.others.append(self)

    # ---- start

    def _environment(self, extra: dict[str, str], interpreter: str) -> dict[str, str]:
        name, _, value = self.marker.partition("=")
        env = {key: text for key, text in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
        env.update(
            {
                name: value,
                "HOME": str(self.folder / "home"),
                "TMPDIR": str(self.folder / "tmp"),
                "XDG_RUNTIME_DIR": str(self.folder / "run"),
                "PYTHONFAULTHANDLER": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
                "PATH": os.path.dirname(interpreter) + os.pathsep + env.get("PATH", os.defpath),
            }
        )
        if not self.launcher:
            env["PYTHONPATH"] = os.pathsep.join([str(ROOT / "python"), *filter(None, [env.get("PYTHONPATH")])])
        env.update(extra)
        return env

    def _start(self, env: dict[str, str], stdin: int, terminal: bool, out: int | None) -> subprocess.Popen[bytes]:
        if terminal:
            return self._start_on_terminal(env)
        process = subprocess.Popen(
            self.command,
            cwd=self.cwd,
            env=env,
            stdin=stdin,
            stdout=subprocess.PIPE if out is None else out,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        for file, name in ((process.stdout, "stdout"), (process.stderr, "stderr")):
            if file:
                self.streams.append(Stream(os.dup(file.fileno()), name))
                file.close()
        return process

    def _start_on_terminal(self, env: dict[str, str]) -> subprocess.Popen[bytes]:
        """The program leads the session of a terminal of its own, and is its foreground, as in a user's shell."""
        self.master, slave = os.openpty()
        process = subprocess.Popen(
            self.command,
            cwd=self.cwd,
            env=env,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.streams.append(Stream(os.dup(self.master), "terminal"))
        return process

    def hang_up(self) -> None:
        """The terminal is closed, as when its window is."""
        self.streams[0].close()
        os.close(self.master)
        self.master = -1

    # ---- while it runs

    @property
    def out(self) -> str:
        return self.streams[0].text()

    @property
    def err(self) -> str:
        return self.streams[-1].text()

    def lines(self) -> list[str]:
        return self.out.splitlines()

    def expect(self, text: str, within: float = PATIENCE) -> float:
        """Waits until the program has written `text` to its stdout; the time it took."""
        if not self.streams[0].wait_for(text.encode(), time.monotonic() + within):
            self.fail(f"{text!r} did not come within {within} s")
        return time.monotonic() - self.started

    def processes(self) -> list[Process]:
        """Everybody alive who belongs to the run: below its first process, marked, or an orphan of it that came to us."""
        everybody = procs.everybody()
        roots = {each.pid for each in everybody if self._is_root(each)}
        return [each for each in procs.below(roots, everybody) if not each.dead]

    def _is_root(self, process: Process) -> bool:
        if process.pid == self.process.pid:
            return self.first is not None and process.start == self.first.start
        environment = procs.read(process.pid, "environ")
        if self.marker.encode() in environment:
            return True
        if process.parent != os.getpid() or process.pid in self.children_before:
            return False
        others = [each for each in Run.others if each is not self]
        return not any(process.pid == each.process.pid or each.marker.encode() in environment for each in others)

    def roles(self) -> dict[str, list[Process]]:
        """Who plays which part now. Notes the run's memory files on the way, for the audit."""
        found = procs.roles(self.processes(), str(self.words[0]) if self.launcher else self.process.pid)
        for each in found["agent"] + found["keeper"] + found["head"]:
            self.memory |= procs.memory_files(each.pid)
        self.javas |= {each.pid for each in found["agent"]}
        return found

    def wait_roles(self, *names: str, within: float = PATIENCE) -> dict[str, list[Process]]:
        """Waits until every one of these parts is played."""
        deadline = time.monotonic() + within
        while True:
            found = self.roles()
            if all(found[name] for name in names):
                return found
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.fail(f"of {', '.join(names)} there is only {', '.join(name for name in found if found[name])}")
            time.sleep(0.005)

    def until(self, condition: Callable[[], object], what: str, within: float = PATIENCE) -> None:
        """Waits until a condition outside of our reach holds; looks every few milliseconds."""
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline:
                self.fail(f"waited {within} s in vain: {what}")
            time.sleep(0.005)

    def await_sleep(self) -> None:
        """Waits until the head waits for something: see `procs.sleeps`."""
        head = self.wait_roles("head")["head"][0]
        self.until(lambda: procs.sleeps(head.pid), "the head to wait for something")

    def control_c(self) -> float:
        """Types it, to a head that waits for something; the moment, by the monotonic clock."""
        self.await_sleep()
        os.write(self.master, b"\x03")
        return time.monotonic()

    def kill(self, *victims: str | Process, number: int = signal.SIGKILL, pick: int = 0) -> list[Process]:
        """A signal to one process of each of these parts, as near to the same instant as can be."""
        found = self.wait_roles(*[each for each in victims if isinstance(each, str)])
        chosen = [found[each][pick % len(found[each])] if isinstance(each, str) else each for each in victims]
        for each in chosen:
            procs.send(each, number)
        return chosen

    def wait(self, within: float = PATIENCE) -> int:
        """The exit code of the first process (negative: the signal that ended it)."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.fail(f"the program did not end within {within} s")

    def end(self, within: float = PATIENCE) -> int:
        """Waits for the end, then audits. The exit code."""
        code = self.wait(within)
        self.audit()
        return code

    # ---- the audit

    def gone(self, within: float = GONE, spare: Sequence[Process] = ()) -> float:
        """Waits until no process of the run is left, by their pidfds; the seconds it took, which must not be more than `within`."""
        watch, begin = Stopwatch(), time.monotonic()
        deadline = begin + within + SPARED
        while left := [each for each in self.processes() if each not in spare]:
            if time.monotonic() > deadline:
                self.fail(f"{len(left)} processes are left after {within + SPARED:.0f} s")
            await_ends(left, deadline)
        took = time.monotonic() - begin
        print(f"gone after {took:.2f} s")
        counted = watch.seconds()
        if counted > within:
            self.fail(
                f"all processes were gone only after {took:.2f} s ({counted:.2f} s without the waits for a processor)"
            )
        self._reap()
        return took

    def audit(self, within: float = GONE, spare: Sequence[Process] = ()) -> float:
        """Asserts that everything of the run is gone, but for the processes to be spared; the seconds until the last process was."""
        took = self.gone(within, spare)
        watch = Stopwatch()
        problems = self._left(spare)
        while problems:  # what the kernel takes back after a process's end may take a moment
            time.sleep(0.02)
            still = self._left(spare)  # what comes anew is of others, for of this run nobody is there
            problems = [each for each in problems if each in still]
            if problems and watch.seconds() > within:
                self.fail("; ".join(problems))
        return took

    def _left(self, spare: Sequence[Process]) -> list[str]:
        """What is there of the run besides processes."""
        problems = [f"new file {name}" for name in sorted(self._files() - self.before)]
        problems += [f"abstract socket {name}" for name in self._sockets()]
        if spare:
            return problems
        problems += [f"the run's {each.name} is held open by somebody" for each in self.streams if not each.wait_end(0)]
        if self.memory:
            holders = [each for each in procs.everybody() if procs.holds_memory_file(each.pid, self.memory)]
            problems += [f"memory file of the run held by {each}" for each in holders]
        return problems

    def _reap(self) -> None:
        """Ends of orphans that came to us."""
        for each in procs.everybody():
            if each.parent == os.getpid() and each.dead and each.pid not in self.children_before | {self.process.pid}:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(each.pid, os.WNOHANG)

    def _files(self) -> set[str]:
        """Files in the run's own folders, and those in the common ones that may be of a run (others are at work on the machine, too)."""
        found = {str(path) for name in ("home", "tmp", "run") for path in (self.folder / name).rglob("*")}
        found |= {str(path) for path in self.cwd.iterdir() if path != self.folder}
        found |= {name for pid in self.javas for pattern in JAVA for name in glob.glob(pattern.format(pid))}
        for place in WATCHED:
            with contextlib.suppress(OSError):
                found |= {
                    entry.path
                    for entry in os.scandir(place)
                    if entry.name.lower().startswith(OURS) and self._may_be_ours(entry)
                }
        return found

    def _may_be_ours(self, entry: os.DirEntry[str]) -> bool:
        """What others hold open is theirs; so is a benchmark's folder, which holds its peer's files."""
        if entry.name.startswith("dragon-benchmark"):
            return False
        if not hasattr(self, "before"):
            return True
        return not any(entry.path in name for each in self._others() for name in procs.open_files(each.pid))

    def _others(self) -> list[Process]:
        inside = {each.pid for each in self.processes()}
        return [each for each in procs.everybody() if each.pid not in inside]

    def _sockets(self) -> list[str]:
        new = {name: inodes for name, inodes in procs.abstract_sockets().items() if name not in self.sockets_before}
        new = {name: inodes for name, inodes in new.items() if name.startswith("@dragon") or str(self.folder) in name}
        if not new:
            return []
        held = {name for each in self._others() for name in procs.open_files(each.pid)}
        there = procs.abstract_sockets()  # to look who holds what takes a while, in which others' end
        free = [name for name, inodes in new.items() if not any(f"socket:[{inode}]" in held for inode in inodes)]
        return [name for name in free if name in there]

    # ---- trouble

    def fail(self, why: str) -> None:
        """Raises `Leftovers` with everything one needs to find out; what is left of the run is killed."""
        left = self.processes()
        books = "".join(dump.of(each.pid) for each in left if each.program.endswith("/java"))
        where = procs.stacks(left) + books
        self.destroy()
        for stream in self.streams:
            stream.wait_end(time.monotonic() + 1)
        said = "".join(f"=== {each.name}\n{each.text()[-200_000:]}\n" for each in self.streams)
        raise Leftovers(f"{why}\ncommand: {' '.join(self.command)}\nexit code: {self.process.poll()}\n{where}{said}")

    def destroy(self) -> None:
        """Kills what there is, until there is nothing."""
        deadline = time.monotonic() + 10
        while (left := self.processes()) and time.monotonic() < deadline:
            for each in left:
                procs.send(each, signal.SIGKILL)
            await_ends(left, time.monotonic() + 1)
        self.process.wait(10)
        self._reap()
        if self in self.others:
            self.others.remove(self)


def await_ends(processes: Sequence[Process], deadline: float) -> None:
    """Returns when all of them have ended, or at the deadline. Without a period: on pidfds."""
    poller, fds = select.poll(), set()
    try:
        for each in processes:
            with contextlib.suppress(OSError):
                fd = os.pidfd_open(each.pid)
                fds.add(fd)
                poller.register(fd, select.POLLIN)
        pending = set(fds)
        while pending and (left := deadline - time.monotonic()) > 0:
            for fd, _ in poller.poll(left * 1000 + 1):
                poller.unregister(fd)
                pending.discard(fd)
    finally:
        for fd in fds:
            os.close(fd)


@contextlib.contextmanager
def run(folder: pathlib.Path, words: Sequence[str], **options: object) -> Iterator[Run]:
    """Starts `dragon WORDS` (launcher=False: `python WORDS`) under observation. At the end of the block the program must have
    ended or end by itself, and is audited. See `Run` for the options."""
    program = Run(folder, words, **options)  # type: ignore[arg-type]
    try:
        yield program
        program.end()
    except Leftovers:
        raise
    except BaseException as problem:
        if isinstance(problem, AssertionError):
            print(f"--- stdout\n{program.out[-6000:]}\n--- stderr\n{program.err[-6000:]}")
        raise
    finally:
        program.destroy()
        if program.master >= 0:
            os.close(program.master)
