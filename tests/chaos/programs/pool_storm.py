"""Workers of pools and executors are killed at random moments, under every kind of call: each task has its result or fails with WorkerDied, no task is
lost or done for another, and the pool is whole again.  pool_storm.py KILLS SEED [LIMIT]

A call that takes longer than LIMIT seconds is a hang: its stacks are printed.
"""

import faulthandler
import multiprocessing as mp
import random
import signal
import sys
import threading
import time

import dragon

SIZE = 3
TASKS = 40
victims: set[int] = set()  # the pids of the workers that were killed


def square(number):
    if number % 7 == 0:
        time.sleep(0.002)
    return number * number


class Refused(Exception):
    """A user's error whose arguments are not those that it is made of."""

    def __init__(self, number, why):
        super().__init__(f"{number} is refused: {why}")
        self.number = number

    def __reduce__(self):
        return Refused, (self.number, "it is")


def refuse(number):
    """Raises for every third."""
    if number % 3 == 0:
        raise Refused(number, "it is")
    return number * number


def set_up():
    time.sleep(0.001)


class Killer(threading.Thread):
    """Kills workers of whatever pool it is shown; now and then the interpreter they are forked from."""

    def __init__(self, kills, dice):
        super().__init__(name="killer", daemon=True)
        self.left, self.dice = kills, dice
        self.pool = None
        self.killed = 0

    def run(self):
        while self.left > 0:
            time.sleep(self.dice.uniform(0, 0.03))  # the moment, not a wait
            pool = self.pool
            # A pool whose new workers all die is broken, and rightly so.
            if pool is None or pool._dispatcher._stillborn > 1:
                continue
            there = [process for process in list(pool._pool) if process.exitcode is None]
            if not there:
                continue
            victim = self.dice.choice(there)
            victims.add(victim.os_pid)
            victim.kill()
            self.killed += 1
            self.left -= 1


def lost_with(error):
    """The one task that was lost with a worker, which must be one that was killed."""
    assert error.signal == signal.SIGKILL and error.os_pid in victims, error
    return 1


def check(results, wanted):
    """How many of the tasks were lost; each other one has its result."""
    lost = 0
    for number in wanted:
        try:
            assert results(number) == number * number, number
        except dragon.WorkerDied as error:
            lost += lost_with(error)
    return lost


def check_errors(results, wanted):
    """As `check`, of tasks some of which raise: to each his own."""

    def result(number):
        try:
            return results(number)
        except Refused as error:
            assert error.number == number and number % 3 == 0, (number, error)
            return number * number

    return check(result, wanted)


def by_map(pool, numbers):
    try:
        assert pool.map(square, numbers, chunksize=3) == [number * number for number in numbers]
    except dragon.WorkerDied as error:
        return lost_with(error)
    return 0


def by_apply(pool, numbers):
    return check(lambda number: pool.apply(square, (number,)), numbers)


def by_apply_async(pool, numbers):
    results = {number: pool.apply_async(square, (number,)) for number in numbers}
    return check(lambda number: results[number].get(), numbers)


def by_imap(pool, numbers):
    results = pool.imap(square, numbers)
    lost = check(lambda number: next(results), numbers)
    assert next(results, "end") == "end"
    return lost


def by_imap_unordered(pool, numbers):
    results = pool.imap_unordered(square, iter(numbers))
    got, lost = [], 0
    while True:
        try:
            got.append(next(results))
        except StopIteration:
            break
        except dragon.WorkerDied as error:
            lost += lost_with(error)
    assert len(set(got)) == len(got) and set(got) <= {number * number for number in numbers}
    assert len(got) + lost == len(numbers), (len(got), lost)
    return lost


def by_starmap(pool, numbers):
    try:
        assert pool.starmap(pow, [(number, 2) for number in numbers]) == [number * number for number in numbers]
    except dragon.WorkerDied as error:
        return lost_with(error)
    return 0


def by_refusal(pool, numbers):
    results = {number: pool.apply_async(refuse, (number,)) for number in numbers}
    return check_errors(lambda number: results[number].get(), numbers)


def by_refusal_in_turn(pool, numbers):
    results = pool.imap(refuse, numbers)
    return check_errors(lambda number: next(results), numbers)


def by_refused_future(executor, numbers):
    futures = {number: executor.submit(refuse, number) for number in numbers}
    return check_errors(lambda number: futures[number].result(), numbers)


def by_submit(executor, numbers):
    futures = {number: executor.submit(square, number) for number in numbers}
    return check(lambda number: futures[number].result(), numbers)


def by_executor_map(executor, numbers):
    try:
        assert list(executor.map(square, numbers)) == [number * number for number in numbers]
    except dragon.WorkerDied as error:
        return lost_with(error)
    return 0


POOL_CALLS = [by_map, by_apply, by_apply_async, by_imap, by_imap_unordered, by_starmap, by_refusal, by_refusal_in_turn]
EXECUTOR_CALLS = [by_submit, by_executor_map, by_refused_future]


def storm(make, calls, end, killer, dice, limit):
    """One pool through some calls and its end."""
    killer.pool = pool = make()
    lost = 0
    for _ in range(dice.randrange(1, 5)):
        call = dice.choice(calls)
        start = dice.randrange(1000)
        faulthandler.dump_traceback_later(limit, exit=True)
        lost += call(pool, range(start, start + TASKS))
        faulthandler.cancel_dump_traceback_later()
    faulthandler.dump_traceback_later(limit, exit=True)
    end(pool)
    faulthandler.cancel_dump_traceback_later()
    return lost


def end_pool(dice):
    def end(pool):
        if dice.random() < 0.5:
            pool.close()
        else:
            pool.map_async(square, range(100), chunksize=1)
            pool.terminate()
        pool.join()

    return end


def end_executor(dice):
    return lambda executor: executor.shutdown(cancel_futures=dice.random() < 0.5)


def main(kills, seed, limit):
    mp.set_start_method("dragon")
    dice = random.Random(seed)
    killer = Killer(kills, random.Random(seed + 1))
    killer.start()
    lost = rounds = retried = 0
    while killer.left > 0:
        rounds += 1
        retries = dice.choice([0, 0, 100])

        def pool(retries=retries):
            return mp.get_context().Pool(
                SIZE, dice.choice([None, set_up]), maxtasksperchild=dice.choice([None, 5]), retries=retries
            )

        def executor(retries=retries):
            return dragon.ProcessPoolExecutor(SIZE, retries=retries)

        before = lost
        if dice.random() < 0.6:
            lost += storm(pool, POOL_CALLS, end_pool(dice), killer, dice, limit)
        else:
            lost += storm(executor, EXECUTOR_CALLS, end_executor(dice), killer, dice, limit)
        assert not retries or lost == before, "a task was lost that was to be run again"
        retried += bool(retries)
        print(f"progress: {killer.killed} kills", flush=True)
    killer.join()
    print(
        f"result: {killer.killed} kills, {lost} tasks or maps lost, {rounds} pools, {retried} with retries", flush=True
    )
    assert lost <= killer.killed
    assert not mp.active_children()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 20.0)
