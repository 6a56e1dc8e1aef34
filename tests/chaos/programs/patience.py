"""Waits of the programs that are observed: what takes too long is a hang, and stays as it is until the observer has looked at it."""

from __future__ import annotations

import signal
import time

PATIENCE = 30  # seconds after which a wait is called a hang


def joined(process):
    """Waits for the end of a process."""
    process.join(PATIENCE)
    if process.exitcode is None:
        hang(f"{process.again[0].__name__} (pid {process.os_pid}) did not end")


def until(condition, what):
    """Waits until a condition holds that nobody can wake us for."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            hang(what)
        time.sleep(0.001)


def hang(what):
    """Never returns: the observer prints all stacks, and ends the run."""
    print(f"hang: waited {PATIENCE} s in vain: {what}", flush=True)
    signal.pause()
