"""Killed while it has children; and killed children of a parent that waits for them."""

from __future__ import annotations

import multiprocessing as mp
import os
import queue
import signal
import sys
import time
from multiprocessing import connection

import ledger
from patience import PATIENCE, hang

from scenes.stage import LEFT, Account, Scene, ended


class Families(Scene):
    """Parents with a daemon, which ends with them, and another child, which lives on."""

    def open(self):
        self.families = [self.found() for _ in range(3)]

    def found(self):
        report, go = mp.Queue(), mp.Event()
        return self.start(be_parent, report, go), report, go

    def kill_one(self):
        place = self.dice.randrange(len(self.families))
        member = self.dice.choice([self.kill_parent, self.kill_parent, self.kill_child])
        member(*self.families[place])
        self.families[place] = self.found()

    def kill_parent(self, parent, report, go):
        self.kill(parent)
        try:
            daemon, child = report.get(block=False)
        except queue.Empty:  # killed before it had its children, or while it made them
            go.set()
            return
        self.waited.wait()
        await_end(daemon)
        self.waited.over()
        assert ledger.alive(child), "a child that is no daemon ended with its parent"
        go.set()
        await_end(child)

    def kill_child(self, parent, report, go):
        both = report.get(timeout=PATIENCE)
        which = self.dice.randrange(2)
        self.killed["child"] += 1
        self.waited.wait()
        os.kill(both[which], signal.SIGKILL)
        ended(parent, LEFT)
        self.waited.over()
        codes = report.get(timeout=PATIENCE)
        assert codes[which] == -signal.SIGKILL, codes
        for each in both:
            await_end(each)

    def end(self):
        for parent, _, go in self.families:
            go.set()
            ended(parent, 0)
        return Account(self.count, 0)


def await_end(os_pid):
    try:
        fd = os.pidfd_open(os_pid)
    except ProcessLookupError:
        return
    if not connection.wait([fd], timeout=PATIENCE):
        hang(f"{os_pid} lives on")
    os.close(fd)


def be_parent(_folder, _number, _stop, report, go):
    daemon = mp.Process(target=time.sleep, args=(1000,), daemon=True)
    child = mp.Process(target=go.wait)
    daemon.start()
    child.start()
    report.put((daemon.os_pid, child.os_pid))
    connection.wait([daemon.sentinel, child.sentinel])
    if child.exitcode == 0:
        return  # in order; the daemon ends with this
    go.set()
    child.join()
    report.put((daemon.exitcode, child.exitcode))
    sys.exit(LEFT)
