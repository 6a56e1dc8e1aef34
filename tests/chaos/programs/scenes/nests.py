"""Killed while they have pools of their own, whose workers end with them; and those workers."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal

import dragon
import pool_storm
from patience import until

from scenes.family import be_here, is_free
from scenes.stage import Account, Counted, Scene, span

NUMBERS = range(30)


class Nests(Scene):
    """Processes that call pools and executors, which run a task again when its worker was killed."""

    def open(self):
        self.cast(3, call)

    def kill_one(self):
        place = self.dice.randrange(len(self.live))
        owner = self.live[place]
        if self.dice.random() < 0.5 and self.kill_worker(owner):
            return
        self.kill(owner)
        self.waited.wait()
        self.all_gone(f"here-{owner.number}-*")
        self.waited.over()
        self.live[place] = self.start(call)

    def kill_worker(self, owner):
        there = [path for path in self.folder.glob(f"here-{owner.number}-*") if not is_free(path)]
        if not there:
            return False
        os.kill(int(self.dice.choice(there).name.rpartition("-")[2]), signal.SIGKILL)
        self.killed["worker"] += 1
        return True

    def all_gone(self, pattern):
        for path in self.folder.glob(pattern):
            until(lambda path=path: is_free(path), f"{path.name} of a pool whose owner was killed ends")

    def check(self):
        self.all_gone("here-*")
        return Account(span(self.folder, "called")[0], 0)


def call(folder, number, stop):
    book = Counted(folder, "called", number)
    while not stop.is_set():
        book.wait()
        with make(folder, number) as pool:
            book.over()
            for _ in range(5):
                book.wait()
                book.begin()
                assert list(pool.map(pool_storm.square, NUMBERS)) == [each * each for each in NUMBERS]
                book.done()
                book.over()
            book.wait()
        book.over()


def make(folder, number):
    if number % 2:
        return mp.Pool(2, be_one_of, (folder, number), retries=1000)
    return dragon.ProcessPoolExecutor(2, initializer=be_one_of, initargs=(folder, number), retries=1000)


def be_one_of(folder, number):
    be_here(folder / f"here-{number}-{os.getpid()}")
