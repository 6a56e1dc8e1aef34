"""Killed while they use what is shared: Value and Array, SharedMemory, names, a manager's dict; and the manager."""

from __future__ import annotations

import multiprocessing as mp
import os
import sys
from multiprocessing.shared_memory import SharedMemory

import dragon
import ledger
from patience import until

from scenes.stage import LEFT, Account, Counted, Scene, ended, span


class Values(Scene):
    """Increments under the lock of a Value and an Array: none is lost, and a half done one is told of."""

    def open(self):
        self.value, self.array = mp.Value("q", 0), mp.Array("q", 4)
        self.cast(5, increment, self.value, self.array)

    def check(self):
        done, begun = span(self.folder, "incremented")
        assert done <= self.value.value <= begun, f"{self.value.value} of {done} to {begun} increments"
        return Account(done, 0)


def increment(folder, number, stop, value, array):
    book = Counted(folder, "incremented", number)
    while not stop.is_set():
        book.wait()
        with value.get_lock():
            book.begin()
            value.value += 1
            book.done()
        with array.get_lock():
            there = array[:]
            assert len(set(there)) == 1 or array.get_lock().owner_died, f"{there}, and nobody was killed"
            for index in range(4):
                array[index] = there[0] + 1
        book.over()


class Segments(Scene):
    """Makers and users of SharedMemory: what was written is read, and no name is left behind by anybody."""

    def open(self):
        self.queue = mp.Queue()
        self.cast(2, make, self.queue)
        self.cast(3, use, self.queue)

    def wake(self):
        for each in self.those(make):
            ended(each, 0)
        for _ in self.those(use):
            self.queue.put(None)

    def check(self):
        for path in self.folder.glob("made-*"):
            number, last = int(path.name.rpartition("-")[2]), ledger.numbers(path)[0]
            for sequence in range(max(0, last - 5), last + 1):
                until(lambda name=f"{self.folder.name}_{number}_{sequence}": unknown(name), "a name is free")
        return Account(span(self.folder, "made")[0], 0)


def unknown(name):
    try:
        SharedMemory(name).close()
    except FileNotFoundError:
        return True
    return False


def make(folder, number, stop, queue):
    book = Counted(folder, "made", number)
    while not stop.is_set():
        book.wait()
        book.begin()
        sequence = book.words[0]
        segment = SharedMemory(f"{folder.name}_{number}_{sequence}", create=True, size=5000)
        segment.buf[:5000] = bytes([sequence & 255]) * 5000
        if queue.qsize() < 20:
            queue.put((segment.name, sequence))
        done_with(segment)
        book.done()
        book.over()


def use(folder, number, _stop, queue):
    book = Counted(folder, "used", number)
    while True:
        book.wait()
        message = queue.get()
        if message is None:
            return
        name, sequence = message
        try:
            segment = SharedMemory(name)
        except FileNotFoundError:
            book.over()
            continue  # its maker has ended with it
        book.begin()
        assert bytes(segment.buf[:5000]) == bytes([sequence & 255]) * 5000
        done_with(segment)
        book.done()
        book.over()


def done_with(segment):
    """Maker and user both take the name away: either may be killed."""
    try:
        segment.unlink()
    except FileNotFoundError:
        pass
    segment.close()


class Names(Scene):
    """Publishers that look each other up: a name stands for what was published, and goes with its publisher."""

    def open(self):
        self.cast(4, publish)

    def kill_one(self):
        place = self.dice.randrange(len(self.live))
        victim = self.live[place]
        name = f"{self.folder.name} {victim.number}"
        self.kill(victim)
        self.waited.wait()
        until(lambda: not known(name), f"the name {name} of a killed process goes")
        self.waited.over()
        self.live[place] = self.start(publish)

    def check(self):
        return Account(span(self.folder, "published")[0], 0)


def known(name):
    try:
        dragon.names.lookup(name, timeout=0)
    except dragon.names.NameUnknown:
        return False
    return True


def publish(folder, number, stop):
    book = Counted(folder, "published", number)
    event, name = mp.Event(), f"{folder.name} {number}"
    while not stop.is_set():
        book.wait()
        book.begin()
        dragon.names.publish(name, {"event": event, "number": number, "pid": os.getpid()})
        for other in range(max(1, number - 4), number + 4):
            try:
                found = dragon.names.lookup(f"{folder.name} {other}", timeout=0)
            except dragon.names.NameUnknown:
                continue
            assert found["number"] == other, found
            assert (found["pid"] == os.getpid()) == (other == number), found
            found["event"].set()
        assert event.is_set(), "it does not find itself"
        event.clear()
        dragon.names.withdraw(name)
        book.done()
        book.over()


class Managers(Scene):
    """Users of a manager's dict: each finds what it wrote; when the server is killed, all are told so."""

    def open(self):
        self.manage()

    def manage(self):
        self.manager = mp.Manager()
        self.shared = self.manager.dict()
        self.live = []
        self.cast(3, change, self.shared)

    def kill_one(self):
        if self.dice.random() < 0.7:
            super().kill_one()
            return
        server = self.manager._process
        server.again, server.book = (Managers,), self.folder / "none"
        self.kill(server)
        self.waited.wait()
        for each in self.live:
            ended(each, LEFT)
        self.waited.over()
        self.manager.shutdown()
        self.manage()

    def check(self):
        for number, value in self.shared.items():
            begun, done = ledger.numbers(self.folder / f"changed-{number}")
            assert done <= value <= begun, f"{value} of {done} to {begun}"
        self.waited.wait()
        self.manager.shutdown()
        self.waited.over()
        return Account(span(self.folder, "changed")[0], 0)


def change(folder, number, stop, shared):
    book = Counted(folder, "changed", number)
    book.wait()
    try:
        while not stop.is_set():
            book.wait()
            book.begin()
            shared[number] = book.words[0]
            book.done()
            assert shared[number] == book.words[0]
            book.over()
    except (EOFError, ConnectionError):
        book.over()
        sys.exit(LEFT)
