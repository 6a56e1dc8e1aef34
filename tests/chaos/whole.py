"""Whole runs that are ended at random moments: their parts killed, or told to end from outside. What test_kill.py and `tests/chaos/run` share.

With the launcher, launcher and agent are one process, called agent here.
"""

from __future__ import annotations

import itertools
import os
import pathlib
import random
import signal
import time

import audit
import procs

PROGRAMS = pathlib.Path(__file__).with_name("programs")
KINDS = ["pools", "queues", "locks", "waiters", "nested", "foreign"]
PARTS = ["head", "agent", "keeper", "zygote", "worker"]
HEARTS = {"head", "agent", "keeper"}  # who takes the run along; of others a run survives, see test_survive.py
FATAL = [each for n in (1, 2) for each in itertools.combinations(PARTS, n) if set(each) & HEARTS]
START = 0.7  # seconds within which a run has started, mostly
TOLD = 3.0  # seconds within which all is gone after Ctrl-C or SIGTERM


def kill_parts(folder: pathlib.Path, dice: random.Random, victims: tuple[str, ...], launcher: bool) -> None:
    """One or two parts of a run at work are killed: all of it is gone within a second, and its exit code and words tell why."""
    # The one documented exception: agent and keeper killed in the same instant may leave foreign grandchildren.
    kind = dice.choice([kind for kind in KINDS if kind != "foreign" or set(victims) != {"agent", "keeper"}])
    print(f"program: {kind}.py, killed: {' and '.join(victims)}")
    with audit.run(folder, [PROGRAMS / f"{kind}.py"], launcher=launcher) as run:
        run.expect("ready")
        run.wait_roles(*PARTS)
        time.sleep(dice.uniform(0, 0.15))  # the moment, not a wait
        run.kill(*victims, pick=dice.randrange(100))
        run.gone()
        check_end(run, victims, launcher)
        run.audit()


def check_end(run: audit.Run, victims: tuple[str, ...], launcher: bool) -> None:
    """The exit code and the words for it."""
    code = run.wait()
    if launcher and "agent" in victims:
        first = set(victims) & {"head", "keeper"}  # whose end it may have told before its own came
        assert code == -signal.SIGKILL or (first and code not in (0, None))  # that was the process we started
    elif not launcher and "head" in victims:
        assert code == -signal.SIGKILL
    elif launcher and victims == ("head",):
        assert code == 128 + signal.SIGKILL
        assert "+++ head proc exited, code 137" in run.out + run.err
        assert "SIGKILL" in run.out + run.err or "signal 9" in run.out + run.err
    elif launcher:
        assert code not in (0, None)
        assert "+++ head proc exited" in run.out + run.err or "keeper" in run.err
    else:
        assert code not in (0, None)
        assert "dragon" in run.err.lower() or "exit codes" in run.err, "a head that loses its run-time is told so"


def kill_starting(folder: pathlib.Path, dice: random.Random, launcher: bool) -> None:
    """Whoever is there at a random moment of the start is killed: a part of the run-time, or the head."""
    with audit.run(folder, [PROGRAMS / f"{dice.choice(KINDS[:-1])}.py"], launcher=launcher) as run:
        time.sleep(dice.uniform(0, START))  # the moment, not a wait
        there = [each for name, those in run.roles().items() for each in those if name in HEARTS]
        victim = dice.choice(there) if there else procs.look(run.process.pid)
        assert victim
        print(f"killed: {victim}")
        procs.send(victim, signal.SIGKILL)
        run.gone()
        assert run.wait() != 0
        run.audit()


def tell(folder: pathlib.Path, dice: random.Random, launcher: bool) -> None:
    """Ctrl-C or SIGTERM at any moment, to the first process or to all of its group, once or twice: all is gone soon, and it is said once."""
    number = dice.choice([signal.SIGINT, signal.SIGTERM])
    kind, times, group = dice.choice(KINDS), dice.choice([1, 1, 2]), dice.random() < 0.5
    print(f"program: {kind}.py, {number.name} {times} times to {'the group' if group else 'the first process'}")
    with audit.run(folder, [PROGRAMS / f"{kind}.py"], launcher=launcher) as run:
        if ready := dice.random() < 0.7:
            run.expect("ready")
        time.sleep(dice.uniform(0, 0.1 if ready else START))  # the moment, not a wait
        for _ in range(times):
            if run.process.poll() is None:
                os.kill(-run.process.pid if group else run.process.pid, number)
            time.sleep(dice.uniform(0, 0.1))  # the moment, not a wait
        code = run.wait(TOLD + audit.SPARED)
        assert code != 0, run.out + run.err
        if ready:  # else it met Python, a shell or a JVM while it started
            assert code == (128 + number if launcher else -number), f"exit code {code}\n{run.out}{run.err}"
            most = times if number == signal.SIGINT else 0  # the second may meet Python's own end
            most += kind == "waiters"  # whose Pipe may be told first that the head has ended
            assert run.err.count("Traceback") <= most, f"more than the driver's traceback:\n{run.err}"
        run.audit()


def wound(folder: pathlib.Path, dice: random.Random, launcher: bool) -> None:
    """Workers and zygotes are killed one after another, perhaps while a new zygote comes into being; then the run, if it still is at work, is told to end."""
    with audit.run(folder, [PROGRAMS / f"{dice.choice(KINDS)}.py"], launcher=launcher) as run:
        run.expect("ready")
        for _ in range(dice.randrange(1, 6)):
            roles = run.roles()
            if there := roles["zygote"] * 2 + roles["worker"]:
                procs.send(dice.choice(there), signal.SIGKILL)
            time.sleep(dice.uniform(0, 0.03))  # the moment, not a wait
        if run.process.poll() is None:
            run.process.send_signal(signal.SIGTERM)
        assert run.wait(TOLD + audit.SPARED) != 0
        run.audit()


def end_one(folder: pathlib.Path, dice: random.Random) -> None:
    """A run that ends in one of these ways."""
    launcher = dice.random() < 0.5
    way = dice.randrange(4)
    if way == 0:
        kill_parts(folder, dice, dice.choice(FATAL), launcher)
    elif way == 1:
        kill_starting(folder, dice, launcher)
    elif way == 2:
        wound(folder, dice, launcher)
    else:
        tell(folder, dice, launcher)
