"""Killed while memory is used up: who puts is told so, and all goes on when there is some again. Only for a run whose memory is little."""

from __future__ import annotations

import multiprocessing as mp
import time
from multiprocessing.shared_memory import SharedMemory

import ledger

from scenes.stage import Account, Counted, Scene, ended

SIZE = 1_000_000


class Hunger(Scene):
    """Producers that put until there is no memory, consumers that are too slow for them, and one who makes segments where he can."""

    refused = 0  # starts of processes

    def open(self):
        self.queue = mp.Queue()
        self.cast(2, put_all, self.queue)
        self.cast(2, take_slowly, self.queue)
        self.cast(1, make_some)

    def start(self, target, *args):
        while True:
            try:
                return super().start(target, *args)
            except MemoryError:
                self.refused += 1
                time.sleep(0.001)  # until a consumer has made room

    def wake(self):
        for each in self.those(put_all):
            ended(each, 0)
        for _ in self.those(take_slowly):
            self.queue.put(b"")

    def check(self):
        account = ledger.account(self.folder, self.killed["take_slowly"])
        hungry = sum(ledger.numbers(path)[0] for path in self.folder.glob("hungry-*"))
        print(f"hunger: {hungry} refusals, {self.refused} at start", flush=True)
        return Account(account.messages, account.lost)


def put_all(folder, number, stop, queue):
    book, sequence = ledger.Produced(folder, number), 0
    hungry = ledger.mapped(folder / f"hungry-{number}", 16)
    while not stop.is_set():
        book.begin(sequence)
        try:
            queue.put([ledger.message(number, sequence), bytes(SIZE)])
        except MemoryError as error:
            assert "DRAGON_" in str(error), error
            hungry[0] += 1
            book.over()
            time.sleep(0.001)
            continue
        book.done(sequence)
        sequence += 1


def take_slowly(folder, number, _stop, queue):
    book = ledger.Consumed(folder, number)
    while True:
        book.wait()
        message = queue.get()
        if not message:
            return
        assert message[1] == bytes(SIZE)
        book.note(message[0])
        time.sleep(0.005)  # too slow


def make_some(folder, number, stop):
    book = Counted(folder, "made", number)
    while not stop.is_set():
        book.wait()
        try:
            segment = SharedMemory(create=True, size=5 * SIZE)
        except MemoryError:
            book.over()
            time.sleep(0.001)
            continue
        segment.buf[-1] = 1
        segment.unlink()
        segment.close()
        book.over()
