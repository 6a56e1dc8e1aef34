"""Workers of pools and executors, killed in tasks, between them, and while they start."""

from __future__ import annotations

import multiprocessing as mp
import os
import random
import signal
import threading

import dragon
import ledger
import pool_storm
from patience import PATIENCE, hang, until

from scenes.stage import Account, Scene


class Crowd(Scene):
    """Calls without end, each of whose tasks has its result or fails with the name of a worker that was killed."""

    calls: list[object] = []

    def open(self):
        self.retries = self.dice.choice([0, 0, 100])
        self.most = self.dice.choice([None, 5])
        self.lost = self.operations = 0
        self.problem = None
        self.pool = self.make()
        self.book = ledger.Waited(self.folder, 1)
        self.driver = threading.Thread(target=self.drive, args=(random.Random(self.dice.random()),), daemon=True)
        self.driver.start()

    def drive(self, dice):
        book = self.book
        try:
            while not self.stop.is_set():
                start = dice.randrange(1000)
                book.wait()
                self.lost += dice.choice(self.calls)(self.pool, range(start, start + pool_storm.TASKS))
                book.over()
                self.operations += pool_storm.TASKS
        except BaseException as problem:
            self.problem = problem

    def kill_one(self):
        victim = None
        while victim is None or victim.exitcode != -signal.SIGKILL:  # else it had come to its end by itself
            until(lambda: self.problem or self.there(), "the pool has workers")
            if self.problem:
                raise self.problem
            victim = self.dice.choice(self.there())
            pool_storm.victims.add(victim.os_pid)
            self.waited.wait()
            try:
                os.kill(victim.os_pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            until(lambda victim=victim: victim.exitcode is not None, "the end of a worker is known")
            self.waited.over()
        self.killed["worker"] += 1
        self.book.wait()  # a call goes on for as long as its workers are killed; what counts is how soon it returns then

    def there(self):
        """Workers to be killed. A pool whose new workers all die is broken, and rightly so."""
        if self.pool._dispatcher._stillborn > 1:
            return []
        return [each for each in list(self.pool._pool) if each.exitcode is None and each.os_pid]

    def end(self):
        self.stop.set()
        self.driver.join(PATIENCE)
        if self.driver.is_alive():
            hang("a call of a pool does not return")
        if self.problem:
            raise self.problem
        self.waited.wait()
        self.finish()
        self.waited.over()
        assert self.lost <= self.killed["worker"], f"{self.lost} tasks lost by {self.killed['worker']} kills"
        assert not (self.lost and self.retries), "a task was lost that was to be run again"
        return Account(self.operations, self.lost)


class Pools(Crowd):
    calls = pool_storm.POOL_CALLS

    def make(self):
        start = self.dice.choice([None, pool_storm.set_up])
        return mp.get_context().Pool(3, start, maxtasksperchild=self.most, retries=self.retries)

    def finish(self):
        if self.dice.random() < 0.5:
            self.pool.close()
        else:
            self.pool.map_async(pool_storm.square, range(100), chunksize=1)
            self.pool.terminate()
        self.pool.join()


class Executors(Crowd):
    calls = pool_storm.EXECUTOR_CALLS

    def make(self):
        return dragon.ProcessPoolExecutor(3, retries=self.retries)

    def finish(self):
        self.pool.shutdown(cancel_futures=self.dice.random() < 0.5)
