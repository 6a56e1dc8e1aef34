"""Killed with a lock held, in front of one, waiting in a condition, an event, a barrier; posting and taking a semaphore."""

from __future__ import annotations

import functools
import multiprocessing as mp
import os
import time
from threading import BrokenBarrierError

import dragon
import ledger
from patience import PATIENCE, hang

from scenes.stage import Account, Counted, Scene, ended, span


class Locks(Scene):
    """Fighters for a lock: never two inside, and whoever comes after one that was killed inside is told so."""

    def open(self):
        (self.folder / "lock").write_bytes(bytes(32))
        kind = self.dice.choice(["Lock", "Lock that raises", "RLock", "Condition"])
        made = {
            "Lock": mp.Lock,
            "Lock that raises": lambda: dragon.Lock(on_death="raise"),
            "RLock": mp.RLock,
            "Condition": mp.Condition,
        }
        self.cast(5, fight, made[kind](), kind)

    def check(self):
        ledger.check_lock(self.folder, self.killed["fight"])
        return Account(ledger.mapped(self.folder / "lock", 32)[2], 0)


def fight(folder, number, stop, lock, kind):
    book = ledger.Fought(folder, number)
    owner = lock._lock if kind == "Condition" else lock
    while not stop.is_set():
        book.wait()
        try:
            with lock:
                if kind == "RLock":
                    lock.acquire()
                told = kind == "Lock that raises" or owner.owner_died
                assert told or not book.shared[0], f"nobody told that {book.shared[0]} was killed with the lock held"
                book.inside()
                if kind == "RLock":
                    lock.release()
        except dragon.OwnerDied:
            book.over()


class Semaphores(Scene):
    """What is posted can be taken, but for one that is in dead hands."""

    def open(self):
        self.semaphore = mp.Semaphore(0)
        self.cast(2, post, self.semaphore)
        self.cast(3, take, self.semaphore)

    def wake(self):
        for each in self.those(post):
            ended(each, 0)
        for _ in self.those(take):
            self.semaphore.release()

    def check(self):
        posted = [number + len(self.those(take)) for number in span(self.folder, "posted")]
        taken, value = span(self.folder, "taken"), self.semaphore.get_value()
        assert posted[0] - taken[1] <= value <= posted[1] - taken[0], f"posted {posted}, taken {taken}, value {value}"
        return Account(posted[0], max(0, posted[0] - taken[0] - value))


def post(folder, number, stop, semaphore):
    book = Counted(folder, "posted", number)
    while not stop.is_set():
        if semaphore.get_value() > 100:
            time.sleep(0.001)  # enough for now; nothing waits for this
            continue
        book.wait()
        book.begin()
        semaphore.release()
        book.done()
        book.over()


def take(folder, number, stop, semaphore):
    book = Counted(folder, "taken", number)
    while not stop.is_set():
        book.wait()
        book.begin()
        semaphore.acquire()
        book.done()
        book.over()


class Conditions(Scene):
    """Tickets, given and taken under a condition by which those wait who want one."""

    def open(self):
        self.condition = mp.Condition()
        self.tickets = ledger.mapped(self.folder / "tickets", 8)
        self.cast(2, give, self.condition)
        self.cast(4, want, self.condition)

    def wake(self):
        with self.condition:
            self.condition.notify_all()

    def check(self):
        given, had, left = span(self.folder, "given"), span(self.folder, "had"), self.tickets[0]
        assert given[0] - had[1] <= left <= given[1] - had[0], f"given {given}, had {had}, left {left}"
        return Account(given[0], max(0, given[0] - had[0] - left))


def give(folder, number, stop, condition):
    book, tickets = Counted(folder, "given", number), ledger.mapped(folder / "tickets", 8)
    while not stop.is_set():
        book.wait()
        with condition:
            enough = tickets[0] > 20
            if not enough:
                book.begin()
                tickets[0] += 1
                book.done()
            condition.notify()
        book.over()
        if enough:
            time.sleep(0.001)  # nothing waits for this


def want(folder, number, stop, condition):
    book, tickets = Counted(folder, "had", number), ledger.mapped(folder / "tickets", 8)
    while not stop.is_set():
        book.wait()
        with condition:
            condition.wait_for(lambda: tickets[0] or stop.is_set())
            if tickets[0]:
                book.begin()
                tickets[0] -= 1
                book.done()
        book.over()


class Events(Scene):
    """An event that is set and cleared again and again; nobody waits for ever."""

    def open(self):
        self.event = mp.Event()
        self.cast(2, toggle, self.event)
        self.cast(3, look_out, self.event)

    def wake(self):
        for each in self.those(toggle):
            ended(each, 0)
        self.event.set()

    def check(self):
        return Account(span(self.folder, "seen")[0], 0)


def toggle(folder, number, stop, event):
    book = ledger.Waited(folder, number)
    while not stop.is_set():
        book.wait()
        event.set()
        book.over()
        time.sleep(0.0005)  # set for a moment
        event.clear()


def look_out(folder, number, stop, event):
    book = Counted(folder, "seen", number)
    while not stop.is_set():
        book.wait()
        book.begin()
        if not event.wait(PATIENCE):
            hang(f"look_out {number} (pid {os.getpid()}) was not told that an event was set")
        book.done()
        book.over()


class Barriers(Scene):
    """A barrier breaks when one is killed on its way through; one of those who are told so resets it."""

    def open(self):
        self.passages = ledger.mapped(self.folder / "passages", 8)
        self.barrier, self.lock = mp.Barrier(4, functools.partial(open_up, self.folder)), mp.Lock()
        self.cast(4, pass_through, self.barrier, self.lock)

    def wake(self):
        with self.lock:
            self.barrier.abort()

    def check(self):
        passed = span(self.folder, "passed")
        assert passed[0] <= 4 * self.passages[0], f"{passed} passed, and it was opened {self.passages[0]} times"
        return Account(passed[0], 0)


def open_up(folder):
    """What a barrier does when all have come."""
    ledger.mapped(folder / "passages", 8)[0] += 1


def pass_through(folder, number, stop, barrier, lock):
    book, passages = Counted(folder, "passed", number), ledger.mapped(folder / "passages", 8)
    while not stop.is_set():
        before = passages[0]
        book.wait()
        book.begin()
        try:
            assert barrier.wait() < 4
            assert passages[0] > before, "it let through before all had come"
            book.done()
        except BrokenBarrierError:
            with lock:
                if not stop.is_set() and barrier.broken:
                    barrier.reset()
        book.over()
