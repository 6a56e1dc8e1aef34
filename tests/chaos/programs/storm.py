"""Kills processes of every kind at random moments and checks what survives:  python storm.py KILLS SEED FOLDER [JAVA CLASSPATH]

The kinds are the scenes (see `scenes`); a few of them play at once, on objects of their own, and after some kills make room for the next. At the end of
each, its books are compared; every wait of a survivor must have taken less than a second, apart from what the machine had no processor for; and nothing of them may be left in the
node's memory.
STORM_SCENES=Pools,Pipes plays only these.
"""

from __future__ import annotations

import collections
import gc
import multiprocessing as mp
import os
import pathlib
import random
import sys
import threading
import time
import traceback

import dragon  # noqa: F401
import ledger
import scenes
from dragon import _shm, popen
from patience import until

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

import dump
from procs import processor_wait

AT_ONCE = 3  # scenes
KILLS_A_ROUND = 90  # among them
LONGEST = 1.0  # seconds a survivor waits at most
SPARED = 10.0  # seconds more, at most, that are granted for waits for a processor, and all in which this process itself had none
PERIOD = 0.02  # seconds


class Pressure(threading.Thread):
    """When the machine had more to run than processors, sampled again and again; a sample that is late tells that we had no processor."""

    def __init__(self):
        super().__init__(daemon=True)
        self.samples = collections.deque(maxlen=10_000)
        self.note()
        self.start()

    def note(self):
        self.samples.append((time.monotonic(), processor_wait()))

    def run(self):
        while True:
            time.sleep(PERIOD)
            self.note()

    def between(self, begin, end):
        """Seconds in which something had to wait for a processor, of the time from one moment to the other."""
        self.note()
        samples = list(self.samples)
        before = max((each for each in samples if each[0] <= begin), default=samples[0])
        after = min((each for each in samples if each[0] >= end), default=samples[-1])
        moments = [each[0] for each in samples if before[0] <= each[0] <= after[0]]
        late = sum(max(0.0, later - sooner - 5 * PERIOD) for sooner, later in zip(moments, moments[1:]))
        return min(after[1] - before[1], end - begin, SPARED + late)


class Storm:
    """Plays scenes and kills in them."""

    def __init__(self, kills, seed, folder):
        self.wanted, self.folder = kills, folder
        self.dice = random.Random(seed)
        names = os.environ.get("STORM_SCENES", "").split(",")
        self.kinds = [kind for kind in scenes.ALL + scenes.SMALL if kind.__name__ in names] or scenes.ALL
        self.deck = []
        self.kills = self.operations = self.lost = self.rounds = 0
        self.longest = self.unexplained = 0.0
        self.by_kind = collections.Counter()
        self.pressure = Pressure()
        mp.Event()
        self.memory = dump.Memory(_shm.info()["agent_pid"])

    def run(self):
        rounds_for_all = -(-len(self.kinds) // AT_ONCE)
        each = max(AT_ONCE, min(KILLS_A_ROUND, -(-self.wanted // rounds_for_all)))
        while self.kills < self.wanted:
            self.round(min(each, self.wanted - self.kills))
            assert not mp.active_children(), mp.active_children()  # which also forgets those that have ended
            gc.collect()
            popen._exits.clear()
            until(lambda: not self.memory.in_use(), "nothing of a round is left in the node's memory")
            self.tell("progress")

    def deal(self):
        """The next kind; each comes once before any comes again."""
        if not self.deck:
            self.deck = self.dice.sample(self.kinds, len(self.kinds))
        return self.deck.pop()

    def round(self, kills):
        self.began = time.monotonic()
        cast = []
        for place in range(AT_ONCE):
            kind = self.deal()
            cast.append(kind(self.folder / f"{kind.__name__}-{self.rounds}-{place}", self.dice))
        for count in range(kills):
            time.sleep(self.dice.uniform(0, 0.01))  # the moment, not a wait
            scene = cast[count] if count < AT_ONCE else self.dice.choice(cast)
            scene.kill_one()
            if count % 10 == 9:
                print("alive", flush=True)  # for the observer
        for scene in cast:
            account = scene.end()
            self.kills += scene.deaths
            self.by_kind[type(scene).__name__] += scene.deaths
            self.operations += account.operations
            self.lost += account.lost
            self.check_waits(scene)
            ledger.remove(scene.folder)
        self.rounds += 1

    def check_waits(self, scene):
        for number, began, took in ledger.long_waits(scene.folder):
            who = f"{type(scene).__name__} {scene.parts.get(number, '')}"
            end = began + took if began else time.monotonic()  # a Java process does not note when
            beyond = took if took <= LONGEST else took - self.pressure.between(began or self.began, end)
            if took > max(LONGEST, self.longest):
                print(f"waited: {who} {took:.3f} s, {beyond:.3f} s with a processor", flush=True)
            self.longest, self.unexplained = max(self.longest, took), max(self.unexplained, beyond)
            assert beyond <= LONGEST, f"{who}: a wait of {took:.3f} s, {beyond:.3f} s with processors"

    def tell(self, what):
        print(
            f"{what}: {self.kills} kills, {self.operations} operations, {self.lost} lost in dead hands, "
            f"{_shm.info()['granted'] >> 20} MiB are granted, "
            f"longest wait {self.longest:.3f} s, {self.unexplained:.3f} s of one with a processor at hand",
            flush=True,
        )


def main(kills, seed, folder, *java):
    scenes.Queues.java = java
    storm = Storm(kills, seed, folder)
    try:
        storm.run()
    except BaseException:
        traceback.print_exc()
        os._exit(1)  # the run ends with its head, and all that is at work
    print("kills: " + ", ".join(f"{kind} {count}" for kind, count in sorted(storm.by_kind.items())), flush=True)
    storm.tell("result")


if __name__ == "__main__":
    mp.set_start_method("dragon")
    if int(sys.argv[2]) % 2:
        mp.set_forkserver_preload(["__main__"])  # these storms' processes come from a template
    main(int(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3]), *sys.argv[4:])
