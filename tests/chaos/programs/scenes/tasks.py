"""Workers of pools and executors, killed in tasks, between them, and while they start."""

from __future__ import annotations

import multiprocessing as mp
import os
import random
import signal
import threading
import time

import aim
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

    def end_beside_kills(self):
        """Some of the last workers are killed while the pool is ended."""
        workers = list(self.pool._pool)
        book = [(number, self.give(number)) for number in range(self.dice.choice([0, 100]))]
        ending = threading.Thread(target=self.finish, args=(self.dice.random() < 0.5,), daemon=True)
        ending.start()
        victims = self.dice.sample(workers, self.dice.randrange(len(workers) + 1))
        for victim in victims:
            time.sleep(self.dice.uniform(0, aim.OLDEST))  # the moment, not a wait
            pool_storm.victims.add(victim.os_pid)
            aim.strike(victim)
        ending.join(PATIENCE)
        if ending.is_alive():
            hang("a pool does not end")
        self.killed["worker"] += sum(victim.exitcode == -signal.SIGKILL for victim in victims)
        self.lost += pool_storm.check(lambda number: self.last(*book[number]), range(len(book)))

    def end(self):
        self.stop.set()
        self.driver.join(PATIENCE)
        if self.driver.is_alive():
            hang("a call of a pool does not return")
        if self.problem:
            raise self.problem
        self.waited.wait()
        self.end_beside_kills()
        self.waited.over()
        assert self.lost <= self.killed["worker"], f"{self.lost} tasks lost by {self.killed['worker']} kills"
        assert not (self.lost and self.retries), "a task was lost that was to be run again"
        return Account(self.operations, self.lost)


class Pools(Crowd):
    calls = pool_storm.POOL_CALLS

    def make(self):
        start = self.dice.choice([None, pool_storm.set_up])
        return mp.get_context().Pool(3, start, maxtasksperchild=self.most, retries=self.retries)

    def give(self, number):
        return self.pool.apply_async(pool_storm.square, (number,))

    def finish(self, quickly):
        self.pool.terminate() if quickly else self.pool.close()
        self.pool.join()
        self.terminated = quickly

    def last(self, number, result):
        """A task's result, unless the pool was terminated before."""
        try:
            return result.get(0)
        except mp.ProcessError as error:
            if not self.terminated or isinstance(error, dragon.WorkerDied):
                raise
            assert "terminated" in str(error), error
            return number * number


class Executors(Crowd):
    calls = pool_storm.EXECUTOR_CALLS

    def make(self):
        return dragon.ProcessPoolExecutor(3, retries=self.retries)

    def give(self, number):
        return self.pool.submit(pool_storm.square, number)

    def finish(self, quickly):
        self.pool.shutdown(cancel_futures=quickly)

    def last(self, number, future):
        """A task's result, unless it was cancelled."""
        return number * number if future.cancelled() else future.result(0)
