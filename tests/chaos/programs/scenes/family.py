"""Killed while it makes children, and while it has some; and killed children of a parent that waits for them."""

from __future__ import annotations

import fcntl
import multiprocessing as mp
import os
import queue
import signal
import sys
import time
from multiprocessing import connection

import aim
import ledger
from patience import PATIENCE, hang, until

from scenes.stage import LEFT, Account, Scene, ended


class Families(Scene):
    """Parents with a daemon, which ends with them, and another child, which lives on."""

    def open(self):
        self.families = [self.found() for _ in range(3)]

    def found(self):
        """A parent; every second one will not survive to have both children, or hardly."""
        report, go = mp.Queue(), mp.Event()
        book = ledger.mapped(self.folder / f"waited-{self.count + 1}", 32)
        book[ledger.DOOM] = 10 * aim.moment(self.dice) if self.dice.random() < 0.5 else 0
        parent = self.start(be_parent, report, go)
        parent.doomed = book[ledger.DOOM] > 0
        return parent, report, go

    def kill_one(self):
        place = self.dice.randrange(len(self.families))
        parent, report, go = self.families[place]
        if parent.doomed or self.dice.random() < 0.6:
            self.kill_parent(parent, report, go)
        else:
            self.kill_child(parent, report, go)
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
            ended(parent, *(aim.CODES if parent.doomed else [0]))
            self.killed["be_parent"] += parent.doomed
        for path in self.folder.glob("here-*"):
            until(lambda path=path: is_free(path), f"{path.name} of a killed parent ends")
        return Account(self.count, 0)


def await_end(os_pid):
    try:
        fd = os.pidfd_open(os_pid)
    except ProcessLookupError:
        return
    if not connection.wait([fd], timeout=PATIENCE):
        hang(f"{os_pid} lives on")
    os.close(fd)


def be_parent(folder, number, _stop, report, go):
    book = ledger.Waited(folder, number)
    daemon = mp.Process(target=be_daemon, args=(folder / f"here-daemon-{number}",), daemon=True)
    child = mp.Process(target=be_child, args=(folder / f"here-child-{number}", go))
    book.wait()
    daemon.start()
    child.start()
    report.put((daemon.os_pid, child.os_pid))
    book.over()
    connection.wait([daemon.sentinel, child.sentinel])
    if child.exitcode == 0:
        return  # in order; the daemon ends with this
    go.set()
    child.join()
    report.put((daemon.exitcode, child.exitcode))
    sys.exit(LEFT)


def be_daemon(path):
    be_here(path)
    time.sleep(1000)


def be_child(path, go):
    be_here(path)
    go.wait()


def be_here(path):
    """Holds the lock of a file for as long as this process lives, so that also one is seen of whom nobody was told."""
    fcntl.flock(os.open(path, os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)


def is_free(path):
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
