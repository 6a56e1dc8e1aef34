"""Killed while they put into a JoinableQueue, join it, take from it, and before they say task_done."""

from __future__ import annotations

import multiprocessing as mp

import ledger

from scenes.stage import Account, Scene, ended

MOST = 1 << 12  # numbers of processes of a scene


class Joinables(Scene):
    """Producers that join their queue after a few objects: all are done with then, but those in dead hands."""

    def open(self):
        self.queues = [mp.JoinableQueue(), mp.JoinableQueue(3), mp.JoinableQueue(1)]
        for queue in self.queues:
            self.cast(1, put_and_join, queue)
            self.cast(2, take_and_do, queue)

    def wake(self):
        for each in self.those(put_and_join):
            ended(each, 0)
        for each in self.those(take_and_do):
            each.again[1].put(b"")

    def check(self):
        for queue in self.queues:
            self.waited.wait()
            while not queue.empty():  # what a taker that ended late, or was killed, left of those that were to end it
                queue.get()
                queue.task_done()
            queue.join()
            self.waited.over()
        lost = sum(queue.tasks_lost for queue in self.queues)
        assert lost <= self.killed["take_and_do"], f"{lost} tasks lost by {self.killed['take_and_do']} kills"
        account = ledger.account(self.folder, self.killed["take_and_do"])
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
        lost = queue.tasks_lost
        assert sequence - lost <= done <= sequence, f"joined when {done} of {sequence} were done with, and {lost} lost"


def take_and_do(folder, number, _stop, queue):
    book, acknowledged = ledger.Consumed(folder, number), ledger.mapped(folder / f"acknowledged-{number}", 8 * MOST)
    while True:
        book.idle()
        message = queue.get()
        if message:
            book.note(message)
            acknowledged[ledger.RECORD.unpack_from(message)[0]] += 1
        queue.task_done()
        if not message:
            return
