"""What all scenes share: processes that are killed and replaced, books that a SIGKILL leaves true, and the time that operations take."""

from __future__ import annotations

import collections
import multiprocessing as mp
import struct
import time

import aim
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
        self.live, self.parts = [], {0: "kill"}
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
        self.parts[self.count] = target.__name__
        ledger.mapped(self.folder / f"waited-{self.count}", 32)  # so that it can be told when to die before it lives
        process = mp.Process(target=target, args=(self.folder, self.count, self.stop, *args))
        process.again, process.number = (target, *args), self.count
        process.book = self.folder / f"waited-{self.count}"
        process.start()
        return process

    def cast(self, times, target, *args):
        """Starts some that are replaced when they are killed."""
        self.live += [self.start(target, *args) for _ in range(times)]

    def those(self, target):
        return [each for each in self.live if each.again[0] is target]

    def kill_one(self):
        """Kills a process at random, checks its end and puts another one in its place; now and then that one, too, before it has come to anything."""
        place = aim.choose(self.live, self.dice)
        self.kill(self.live[place])
        self.live[place] = self.start(*self.live[place].again)
        while aim.young(self.dice):
            self.kill(self.live[place])
            self.live[place] = self.start(*self.live[place].again)

    def kill(self, victim):
        """Kills a process of the scene; how long it takes until its end is known is a wait, too."""
        self.killed[victim.again[0].__name__] += 1
        self.waited.wait()
        aim.kill(victim, self.dice)
        ended(victim, *aim.CODES)
        self.waited.over()

    def kill_late(self):
        """Kills one that is about to end by itself, or not: then it has ended in order."""
        victim = self.live.pop(self.dice.randrange(len(self.live)))
        time.sleep(self.dice.uniform(0, aim.OLDEST))  # the moment, not a wait
        aim.strike(victim)
        ended(victim, 0, *aim.CODES)
        self.killed[victim.again[0].__name__] += victim.exitcode < 0

    def end(self):
        """Ends everybody in order; each must have come through, but for one that may be killed while it ends."""
        self.stop.set()
        if self.live and self.dice.random() < 0.5:
            self.kill_late()
        self.wake()
        for each in self.live:
            ended(each, 0)
        return self.check()

    @property
    def deaths(self):
        return sum(self.killed.values())


def ended(process, *codes):
    """Waits for the end of a process, which must be one of these."""
    joined(process)
    assert process.exitcode in codes, f"{process.again[0].__name__} has exit code {process.exitcode}, not {codes}"
