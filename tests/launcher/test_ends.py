"""How runs end: exit codes in numbers and words, signals, kills. After each, nothing is left within a second."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import dump
import procs
import pytest

if TYPE_CHECKING:
    from conftest import Launcher

LAST = "+++ head proc exited, code {}\n"

# A head with descendants of every kind: ordinary, in a session of its own, and without a parent.
FAMILY = """
import os, subprocess, sys, time
for _ in range(3):
    subprocess.Popen(["setsid", "sleep", "1000"])
    subprocess.Popen(["sh", "-c", "(setsid sleep 1000 &); (sleep 1000 &)"])
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            time.sleep(1000)
        os._exit(0)
"""
SLEEP = FAMILY + "print('up', flush=True)\ntime.sleep(1000)\n"


@pytest.mark.parametrize("code", [0, 1, 77, 255])
def test_the_exit_code_is_the_programs(dragon: Launcher, code: int) -> None:
    run = dragon.run("sh", "-c", f"exit {code}")
    assert (run.returncode, run.stderr) == (code, LAST.format(code))


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (11, "SIGSEGV"), (6, "SIGABRT")])
def test_a_signal_is_told_in_words(dragon: Launcher, number: int, name: str) -> None:
    run = dragon.run("sh", "-c", f"ulimit -c 0; kill -{number} $$")
    assert run.returncode == 128 + number
    words, last = run.stderr.splitlines(keepends=True)
    assert f"signal {number} ({name})" in words
    assert last == LAST.format(128 + number)


def test_what_a_head_leaves_behind_ends_with_it(dragon: Launcher) -> None:
    run = dragon.run("-c", FAMILY + "print(len(os.listdir('/proc/self/task')))")
    dragon.await_gone()
    assert run.returncode == 0


def start(dragon: Launcher) -> tuple[subprocess.Popen[str], dict[str, int]]:
    process = dragon.start("-c", SLEEP)
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    keeper = dragon.one("build/bin/keeper")
    heads = [pid for pid, line in dragon.processes().items() if "sleep(1000)" in line and parent(pid) == keeper]
    return process, {"launcher": process.pid, "keeper": keeper, "head": min(heads)}


def fields(pid: int) -> list[str]:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()


def parent(pid: int) -> int:
    return int(fields(pid)[1])


def threads(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0


@pytest.mark.parametrize(
    ("victims", "code"),
    [
        (["head"], 137),
        (["keeper"], 137),
        (["launcher"], -9),
        (["head", "launcher"], -9),
        (["launcher", "head"], -9),
        (["head", "keeper"], 137),
        (["keeper", "head"], 137),
    ],
)
def test_killed_parts_end_everything_within_a_second(dragon: Launcher, victims: list[str], code: int) -> None:
    process, pids = start(dragon)
    for victim in victims:
        with contextlib.suppress(ProcessLookupError):  # the first one's death may have ended it
            os.kill(pids[victim], signal.SIGKILL)
    ended = process.wait(5)
    # After the head the launcher may have ended by itself before its turn came.
    assert ended == code or (victims == ["head", "launcher"] and ended == 137)
    dragon.await_gone()
    assert process.stderr
    err = process.stderr.read()
    if code >= 0:
        assert err.endswith(LAST.format(code))
        assert "killed" in err or "SIGKILL" in err


# Writes to the agent what is no letter of its: it has 32 bytes.
BAD_LETTER = """
import multiprocessing
import sys
from dragon import _shm

if __name__ == "__main__":
    multiprocessing.set_start_method("dragon")
    queue = multiprocessing.Queue()
    multiprocessing.Process(target=queue.get).start()
    print("up", flush=True)
    _shm.Channel.bind(*map(int, sys.stdin.readline().split())).send(bytes(40))
    try:
        queue.get()
    except _shm.RunOver as error:
        print(error)
"""


def fails(dragon: Launcher, process: subprocess.Popen[str], agent: int) -> str:
    """The agent reads a letter that is none: what the program then writes to its stdout."""
    assert process.stdout
    memory = dump.Memory(agent)
    out, err = process.communicate(f"{memory.mailbox} {memory.u64(memory.mailbox)}\n", timeout=5)
    assert f"the run ends, because its agent (pid {agent}, thread dragon-mailbox) failed" in err
    assert "MessageTooLargeException" in err
    dragon.await_gone()
    return str(out)


def test_an_exception_in_any_thread_of_the_agent_ends_the_run(dragon: Launcher) -> None:
    process = dragon.start("-c", BAD_LETTER, stdin=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    fails(dragon, process, process.pid)
    assert process.returncode == 70


def test_an_exception_in_any_thread_of_a_plain_programs_agent_ends_the_run(dragon: Launcher) -> None:
    path = {"PYTHONPATH": str(dragon.root / "python")}
    process = dragon.start("-c", "import dragon" + BAD_LETTER, by=sys.executable, env=path, stdin=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    out = fails(dragon, process, dragon.one("dragon.agent.Main"))
    assert out == "the node's agent died, and the run with it\n"
    assert process.returncode == 0


@pytest.mark.parametrize(("victim", "code"), [("head", 137), ("keeper", 137), ("launcher", -9)])
def test_a_process_whose_first_thread_has_ended_is_killed_too(dragon: Launcher, victim: str, code: int) -> None:
    """It is told as a zombie, and lives."""
    process = dragon.start(
        "-c",
        "import ctypes, os, threading, time\nchild = os.fork()\nif child == 0:\n    os.setsid()\n"
        "    threading.Thread(target=time.sleep, args=(1000,)).start()\n    ctypes.CDLL(None).pthread_exit(None)\n"
        "while ') Z' not in open(f'/proc/{child}/stat').read(): time.sleep(0.01)\n"
        "print(os.getpid(), child, flush=True)\ntime.sleep(1000)\n",
    )
    assert process.stdout
    head, child = map(int, process.stdout.readline().split())
    assert threads(child) == 2
    pids = {"head": head, "keeper": parent(head), "launcher": process.pid}
    os.kill(pids[victim], signal.SIGKILL)
    assert process.wait(5) == code
    watch = procs.Stopwatch()
    while threads(child) > 1:
        assert watch.seconds() < 1, "it lives"
        time.sleep(0.005)
    dragon.await_gone()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)]
)
def test_a_signal_to_the_launcher_alone_reaches_the_head(dragon: Launcher, number: int, code: int) -> None:
    process, _ = start(dragon)
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert process.returncode == code
    assert err.endswith(LAST.format(code))
    assert err.count("Traceback") <= 1
    dragon.await_gone()


def test_a_signal_to_the_whole_group_reaches_the_head_once(dragon: Launcher) -> None:
    counting = (
        "import signal, time\nhits = []\nsignal.signal(2, lambda *_: hits.append(1))\nprint('up', flush=True)\n"
        + ("while not hits: time.sleep(0.01)\ntime.sleep(0.5)\nprint(len(hits))\n")
    )
    process = dragon.start("-c", counting)
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert out == "1\n"
    assert err == LAST.format(0)


def test_a_head_shows_its_stacks_at_each_quit_and_nobody_else_does(dragon: Launcher) -> None:
    """As often as it comes, to the launcher alone or, from a terminal, to all of the group."""
    stacks = (
        "import faulthandler, signal, sys\nfaulthandler.register(3)\nprint('up', flush=True)\nsys.stdin.readline()\n"
    )
    process = dragon.start("-c", stacks, stdin=subprocess.PIPE)
    assert process.stdout and process.stderr
    assert process.stdout.readline() == "up\n"
    for send in (os.kill, os.kill, os.killpg, os.killpg):
        send(process.pid, signal.SIGQUIT)
        assert process.stderr.readline().startswith("Current thread")
        assert process.stderr.readline().startswith('  File "<string>", line ')
    _, err = process.communicate("\n", timeout=10)
    assert (process.returncode, err) == (0, LAST.format(0))


def test_a_tool_of_the_jdk_can_look_into_the_launcher(dragon: Launcher) -> None:
    """It asks by SIGQUIT, which is then nothing for the head."""
    process, _ = start(dragon)
    launcher = procs.look(process.pid)
    assert launcher and "dragon-mailbox" in procs.java_stacks(launcher)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 143 and LAST.format(143) in err


def test_the_second_interrupt_ends_at_once(dragon: Launcher) -> None:
    deaf = "import signal, time\nsignal.signal(2, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(1000)\n"
    process = dragon.start("-c", deaf)
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGINT)
    time.sleep(0.4)  # as a person's second Ctrl-C
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(2) == 130
    dragon.await_gone()


def test_an_ignored_hangup_stays_ignored(dragon: Launcher) -> None:
    process = dragon.start(
        "-c",
        "print('up', flush=True); input()",
        stdin=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    os.killpg(process.pid, signal.SIGHUP)
    os.killpg(process.pid, signal.SIGHUP)
    _, err = process.communicate("\n", timeout=10)
    assert (process.returncode, err) == (0, LAST.format(0))


def on_terminal(dragon: Launcher, *words: str) -> tuple[subprocess.Popen[str], int]:
    master, slave = pty.openpty()
    process = dragon.start(
        *words, stdin=slave, stdout=slave, stderr=slave, preexec_fn=lambda: __import__("fcntl").ioctl(0, 0x540E, 0)
    )
    os.close(slave)
    return process, master


def read_until(master: int, wanted: str) -> str:
    text = ""
    while wanted not in text:
        try:
            part = os.read(master, 4096)
        except OSError:
            break
        if not part:
            break
        text += part.decode()
    assert wanted in text
    return text


def test_the_head_keeps_its_terminal(dragon: Launcher) -> None:
    process, master = on_terminal(
        dragon, "-c", "import os; print([os.isatty(fd) for fd in range(3)], os.tcgetpgrp(0) == os.getpgrp())"
    )
    text = read_until(master, "code 0")
    assert "[True, True, True] True" in text
    assert process.wait(10) == 0
    os.close(master)


def test_control_c_at_a_terminal(dragon: Launcher) -> None:
    process, master = on_terminal(dragon, "-c", "import time; print('up', flush=True); time.sleep(1000)")
    read_until(master, "up")
    os.write(master, b"\x03")
    text = read_until(master, "code 130")
    assert text.count("Traceback") == 1
    assert process.wait(10) == 130
    os.close(master)
    dragon.await_gone()


def test_an_interactive_interpreter(dragon: Launcher) -> None:
    process, master = on_terminal(dragon, "python3", "-q")
    read_until(master, ">>> ")
    os.write(master, b"6 * 7\n")
    read_until(master, "42")
    os.write(master, b"exit(3)\n")
    read_until(master, "code 3")
    assert process.wait(10) == 3
    os.close(master)
