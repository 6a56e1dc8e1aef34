"""Killed while they put into a JoinableQueue and join it."""

from __future__ import annotations

import multiprocessing as mp

import ledger

from scenes.stage import Account, Scene, ended

MOST = 1 << 12  # numbers of processes of a scene


class Joinables(Scene):
    """Producers that join their queue after a few objects: all are done with then. Those that take them live, for an object in dead hands is never done with."""

    def open(self):
        self.queues = [mp.JoinableQueue(), mp.JoinableQueue(3), mp.JoinableQueue(1)]
        for queue in self.queues:
            self.cast(1, put_and_join, queue)
        self.takers = [self.start(take_and_do, queue) for queue in self.queues for _ in range(2)]

    def end(self):
        account = super().end()
        for queue in self.queues:
            queue.put(b"")
            queue.put(b"")
        for each in self.takers:
            ended(each, 0)
        for queue in self.queues:
            queue.join()
        return account

    def check(self):
        for queue in self.queues:
            self.waited.wait()
            queue.join()
            self.waited.over()
        account = ledger.account(self.folder, 0)
        return Account(account.messages, account.lost)


def put_and_join(folder, number, stop, queue):
    book, sequence = ledger.Produced(folder, number), 0
    while not stop.is_set():
        for _ in range(1 + number % 7):
            book.begin(sequence)
            queue.put(ledger.message(number, sequence))
            book.done(sequence)
            sequence += 1
        book.wait()
        queue.join()
        book.over()
        done = sum(ledger.mapped(path, 8 * MOST)[number] for path in folder.glob("acknowledged-*"))
        assert done == sequence, f"joined when {done} of {sequence} were done with"


def take_and_do(folder, number, _stop, queue):
    book, acknowledged = ledger.Consumed(folder, number), ledger.mapped(folder / f"acknowledged-{number}", 8 * MOST)
    while True:
        book.wait()
        message = queue.get()
        if message:
            book.note(message)
            acknowledged[ledger.RECORD.unpack_from(message)[0]] += 1
        queue.task_done()
        if not message:
            return
