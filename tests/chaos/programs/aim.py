"""Kills at a chosen instant of an operation: the victim itself sets a timer right before it begins, whose signal ends it.

A word of the victim's book (`ledger.Waited`) tells it so, and after how many microseconds it is to die: few enough to meet the single steps of put, get or acquire.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

import ledger
from patience import until

CODES = (-signal.SIGKILL, -signal.SIGALRM)  # how those end that are killed here
PATIENCE = 0.5  # seconds until one that begins no operation after all is killed from outside
YOUNGEST = 0.006  # seconds of life within which one is killed young
STOPPED = 0.03  # seconds for which one is stopped, at most, before it is killed
OLDEST = 0.004  # seconds after it was told to end within which one is killed


def moment(dice):
    """How long into an operation one lives, in microseconds: from the least that the timer can to longer than any operation takes."""
    return int(10 ** dice.uniform(0, 3.5))


def die_after(microseconds):
    """In the victim: nothing is there to take this signal, so that the kernel ends it at once, as with SIGKILL."""
    signal.setitimer(signal.ITIMER_REAL, microseconds * 1e-6)


def choose(live, dice):
    """The place of one to be killed: not the last of its kind that is at work, for then the others would wait for no more than a start."""

    def at_work(process):
        return process.exitcode is None and ledger.has_begun(process.book)

    def can_be_missed(process):
        peers = [each for each in live if each is not process and each.again == process.again]
        return not peers or any(map(at_work, peers))

    until(lambda: any(map(can_be_missed, live)), "somebody is at work")
    return dice.choice([place for place, process in enumerate(live) if can_be_missed(process)])


def kill(victim, dice):
    """Kills a process: at any time; or, if it is in none, at an instant within its next operation; or while it is stopped."""
    way = dice.random()
    if way < 0.6 and ledger.doom(victim.book, moment(dice)):
        victim.join(PATIENCE)
    if way > 0.9:
        strike(victim, signal.SIGSTOP)
        time.sleep(dice.uniform(0, STOPPED))  # the moment, not a wait
    strike(victim)


def strike(victim, number=signal.SIGKILL):
    """A signal for a process, unless it has ended."""
    if victim.exitcode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim.os_pid, number)


def young(dice):
    """The first moments of a new process pass; True if it is to be killed now."""
    if dice.random() < 0.85:
        return False
    time.sleep(dice.uniform(0, YOUNGEST))  # the moment, not a wait
    return True
