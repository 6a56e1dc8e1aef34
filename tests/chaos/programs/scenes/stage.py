"""What all scenes share: processes that are killed and replaced, books that a SIGKILL leaves true, and the time that operations take."""

from __future__ import annotations

import collections
import multiprocessing as mp
import os
import signal
import struct

import ledger
from patience import joined

LEFT = 7  # exit code of a process that was told that its peer is gone

Account = collections.namedtuple("Account", "operations lost")


class Counted(ledger.Waited):
    """How many operations of a kind a process has begun and done; they differ by one when it was killed within one."""

    def __init__(self, folder, kind, number):
        super().__init__(folder, number)
        self.words = ledger.mapped(folder / f"{kind}-{number}", 16)

    def begin(self):
        self.words[0] = self.words[1] + 1

    def done(self):
        self.words[1] = self.words[0]


def span(folder, kind):
    """How many operations were done by all, at least and at most."""
    both = [struct.unpack("<QQ", path.read_bytes().ljust(16, b"\0")) for path in folder.glob(f"{kind}-*")]
    return sum(done for _, done in both), sum(begun for begun, _ in both)


class Scene:
    """Processes around some objects. `open` starts them, `wake` lets those go that wait when it ends, `check` compares the books."""

    def __init__(self, folder, dice):
        folder.mkdir()
        self.folder, self.dice = folder, dice
        self.stop = mp.Event()
        self.count = 0
        self.killed = collections.Counter()
        self.live = []
        self.waited = ledger.Waited(folder, 0)
        self.open()

    def open(self):
        raise NotImplementedError

    def wake(self):
        """Everybody looks at `stop` by himself."""

    def check(self):
        """The account of the scene; raises AssertionError with what does not add up."""
        raise NotImplementedError

    def start(self, target, *args):
        """Starts a process of the scene: target(folder, number, stop, *args)."""
        self.count += 1
        process = mp.Process(target=target, args=(self.folder, self.count, self.stop, *args))
        process.again, process.number = (target, *args), self.count
        process.start()
        return process

    def cast(self, times, target, *args):
        """Starts some that are replaced when they are killed."""
        self.live += [self.start(target, *args) for _ in range(times)]

    def those(self, target):
        return [each for each in self.live if each.again[0] is target]

    def kill_one(self):
        """Kills a process at random, checks its end and puts another one in its place."""
        place = self.dice.randrange(len(self.live))
        victim = self.live[place]
        self.kill(victim)
        self.live[place] = self.start(*victim.again)

    def kill(self, victim):
        """Kills a process of the scene; how long it takes until its end is known is a wait, too."""
        self.killed[victim.again[0].__name__] += 1
        self.waited.wait()
        os.kill(victim.os_pid, signal.SIGKILL)
        ended(victim, -signal.SIGKILL)
        self.waited.over()

    def end(self):
        """Ends everybody in order; each must have come through."""
        self.stop.set()
        self.wake()
        for each in self.live:
            ended(each, 0)
        return self.check()


def ended(process, code):
    """Waits for the end of a process, which must be this."""
    joined(process)
    assert process.exitcode == code, f"{process.again[0].__name__} has exit code {process.exitcode}, not {code}"
