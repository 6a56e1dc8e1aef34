"""Kills producers, consumers and lock owners at random moments, replaces them, and accounts for every message.

python crash.py KILLS SEED FOLDER [JAVA CLASSPATH]

In each round processes work on new queues, one bounded, one not, and fight for a lock. Every process keeps its books in a file of FOLDER in such a way
that a SIGKILL leaves them true: a producer notes a number before it puts the message and after; a consumer notes each message it was given. At
the end of a round the producers end, the consumers take what is left, and the books are compared (see `ledger.py`).

With JAVA, two Java processes (ChaosPeer) do all of this on the same objects and are killed like the others; every message is then plain bytes.
"""

import contextlib
import multiprocessing as mp
import pathlib
import random
import subprocess
import sys
import time

import aim
import dragon  # noqa: F401
import ledger
from dragon import _agent
from patience import joined, until

PRODUCERS, CONSUMERS, FIGHTERS = 2, 2, 3  # the first two for each of the queues
KILLS_A_ROUND = 60
JAVA_OPTIONS = [
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Xmx64m",
    "--enable-native-access=ALL-UNNAMED",
]


def produce(number, folder, queue, stop):
    book = ledger.Produced(folder, number)
    sequence = 0
    while not stop.is_set():
        if queue.qsize() > 500:
            time.sleep(0.001)  # an unbounded queue must not run full; nothing waits for this
            continue
        message = ledger.message(number, sequence)
        book.begin(sequence)
        queue.put(message)
        book.done(sequence)
        sequence += 1


def consume(number, folder, queue, _stop):
    book = ledger.Consumed(folder, number)
    while True:
        book.wait()
        message = queue.get()
        if not message:
            return
        book.note(message)


def fight(number, folder, lock, stop):
    book = ledger.Fought(folder, number)
    while not stop.is_set():
        book.wait()
        with lock:
            book.inside()
        book.outside()


class JavaPeer:
    """A Java process that plays every part, each in a thread of its own."""

    def __init__(self, java, number, this):
        objects = [this.stop._event, this.lock._semlock.thing, *[queue._channel for queue in this.queues]]
        names = [str(word) for each in objects for word in (each.offset, each.id)]
        command = [java[0], *JAVA_OPTIONS, "-cp", java[1], "ChaosPeer", "--", str(this.folder), str(number), *names]
        attach = str(pathlib.Path(__file__).with_name("attach.py"))
        self.process = subprocess.Popen([sys.executable, attach, _agent._address, *command])
        self.os_pid = self.process.pid
        self.again, self.book = (JavaPeer, None, java), this.folder / "none"
        self.books = [this.folder / str(index) / f"produced-{number + 2 * index}" for index in (0, 1)]

    def produced(self):
        """Waits until its producers have ended; it goes on to consume."""
        until(lambda: all(ledger.ended(path) for path in self.books), f"Java process {self.os_pid} stops to produce")

    def join(self, limit):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(limit)

    @property
    def exitcode(self):
        return self.process.returncode


class Round:
    """Processes on new objects, until they are told to end."""

    def __init__(self, folder, dice, java):
        self.folder = folder
        self.folder.mkdir()
        self.dice = dice
        ledger.prepare(self.folder)
        self.stop, self.lock = mp.Event(), mp.Lock()
        self.queues = [mp.Queue(4), mp.Queue()]
        self.count = self.deaths = 0
        self.killed = dict.fromkeys(("produce 0", "produce 1", "consume 0", "consume 1", "fight"), 0)
        self.live, self.parts = [], {}
        for index, queue in enumerate(self.queues):
            self.live += [self.start(produce, index, queue) for _ in range(PRODUCERS)]
            self.live += [self.start(consume, index, queue) for _ in range(CONSUMERS)]
        self.live += [self.start(fight, None, self.lock) for _ in range(FIGHTERS)]
        self.live += [self.start(JavaPeer, None, java) for _ in range(2 if java else 0)]

    def start(self, target, index, what):
        if target is JavaPeer:
            self.count += 5
            return JavaPeer(what, self.count - 4, self)
        self.count += 1
        self.parts[self.count] = target.__name__
        folder = self.folder if index is None else self.folder / str(index)
        process = mp.Process(target=target, args=(self.count, folder, what, self.stop))
        process.again, process.book = (target, index, what), folder / f"waited-{self.count}"
        ledger.mapped(process.book, 32)  # so that it can be told when to die before it lives
        process.start()
        return process

    def kill_one(self):
        """Kills a process at random, checks its end and puts another one in its place."""
        place = aim.choose(self.live, self.dice)
        self.kill(self.live[place])
        self.live[place] = self.start(*self.live[place].again)
        while aim.young(self.dice):
            self.kill(self.live[place])
            self.live[place] = self.start(*self.live[place].again)

    def kill(self, victim):
        aim.kill(victim, self.dice)
        joined(victim)
        assert victim.exitcode in aim.CODES, f"{victim} has exit code {victim.exitcode}"
        target, index, _ = victim.again
        self.deaths += 1
        for part in (
            self.killed if target is JavaPeer else [target.__name__ if index is None else f"{target.__name__} {index}"]
        ):
            self.killed[part] += 1

    def end(self):
        """Ends everybody in order; each must have come through."""
        self.stop.set()
        consumers = [each for each in self.live if each.again[0] is consume]
        javas = [each for each in self.live if each.again[0] is JavaPeer]
        for each in self.live:
            if each not in consumers + javas:
                joined(each)
        for each in javas:
            each.produced()
        for each in consumers:
            each.again[2].put(b"")
        for queue in self.queues:
            for _ in javas:
                queue.put(b"")
        for each in consumers + javas:
            joined(each)
        assert [each.exitcode for each in self.live] == [0] * len(self.live), [each.exitcode for each in self.live]
        assert all(queue.empty() for queue in self.queues)
        return [ledger.account(self.folder / str(index), self.killed[f"consume {index}"]) for index in (0, 1)]


def main(kills, seed, folder, *java):
    dice = random.Random(seed)
    done = messages = lost = rounds = 0
    longest = 0.0
    while done < kills:
        this = Round(folder / f"round-{rounds}", dice, java)
        for _ in range(min(KILLS_A_ROUND, kills - done)):
            time.sleep(dice.uniform(0, 0.006))  # the moment, not a wait
            this.kill_one()
        done += this.deaths
        for each in this.end():
            messages += each.messages
            lost += each.lost
        longest = max(longest, ledger.longest_wait(this.folder))
        ledger.check_lock(this.folder, this.killed["fight"])
        ledger.remove(this.folder)
        rounds += 1
        print(
            f"progress: {done} kills, {messages} messages, {lost} lost in dead hands, longest wait {longest:.3f} s",
            flush=True,
        )
    print(
        f"result: {done} kills, {messages} messages, {lost} lost in dead hands, 0 lost or doubled otherwise, 0 hangs,",
        end=" ",
    )
    print(f"longest wait {longest:.3f} s", flush=True)


if __name__ == "__main__":
    mp.set_start_method("dragon")
    main(int(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3]), *sys.argv[4:])
