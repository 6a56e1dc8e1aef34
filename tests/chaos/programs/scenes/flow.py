"""Killed in put, get, send, recv, accept and connect."""

from __future__ import annotations

import multiprocessing as mp
import os
import sys
import threading
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener

import crash
import ledger

from scenes.stage import LEFT, Account, Counted, Scene, ended, span


class Queues(crash.Round):
    """Producers and consumers of two queues, and fighters for a lock, of crash.py; now and then with Java among them, if it is told how to run it."""

    java: tuple[str, ...] = ()

    def __init__(self, folder, dice):
        super().__init__(folder, dice, self.java if dice.random() < 0.3 else ())

    def end(self):
        accounts = super().end()
        ledger.check_lock(self.folder, self.killed["fight"])
        return Account(sum(each.messages for each in accounts), sum(each.lost for each in accounts))


class Pipes(Scene):
    """Pairs that play ping-pong; whoever loses his partner is told so."""

    def open(self):
        self.pairs = [self.pair() for _ in range(3)]

    def pair(self):
        ends = mp.Pipe()
        both = [self.start(talk, end, first) for end, first in zip(ends, (True, False))]
        for end in ends:
            end.close()
        return both

    def kill_one(self):
        place = self.dice.randrange(len(self.pairs))
        both = self.pairs[place]
        victim = both.pop(self.dice.randrange(2))
        self.kill(victim)
        self.waited.wait()
        ended(both[0], LEFT)
        self.waited.over()
        self.pairs[place] = self.pair()

    def end(self):
        self.stop.set()
        for pair in self.pairs:
            for each in pair:
                each.join(30)
                assert each.exitcode in (0, LEFT), each.exitcode  # one of them sees first that this is the end
        return Account(span(self.folder, "turns")[0], 0)


def talk(folder, number, stop, end, first):
    book = Counted(folder, "turns", number)
    expected = 1 if first else 0
    book.wait()
    try:
        if first:
            end.send((0, ledger.payload(0)))
        while not stop.is_set():
            book.wait()
            book.begin()
            sequence, data = end.recv()
            book.done()
            book.over()
            assert sequence == expected and data == ledger.payload(sequence), f"{sequence}, not {expected}"
            expected += 2
            end.send((sequence + 1, ledger.payload(sequence + 1)))
    except (EOFError, ConnectionError):
        book.over()
        sys.exit(LEFT)


class Listeners(Scene):
    """A server that answers, and clients that connect again and again."""

    def open(self):
        self.addresses, self.over = mp.Queue(), mp.Event()
        self.listen()

    def listen(self):
        self.server = self.start(serve, self.addresses, self.over)
        self.address = self.addresses.get(timeout=30)
        self.live = []
        self.cast(3, visit, self.address)

    def kill_one(self):
        if self.dice.random() < 0.7:
            super().kill_one()
            return
        self.kill(self.server)
        self.waited.wait()
        for each in self.live:
            ended(each, LEFT)
        self.waited.over()
        self.listen()

    def end(self):
        account = super().end()
        self.over.set()
        Client(self.address, authkey=b"secret").close()  # it looks at `over`
        ended(self.server, 0)
        return account

    def check(self):
        return Account(span(self.folder, "answers")[0], 0)


def serve(_folder, _number, _stop, addresses, over):
    with Listener(authkey=b"secret") as listener:
        addresses.put(listener.address)
        while not over.is_set():
            try:
                threading.Thread(target=answer, args=(listener.accept(),), daemon=True).start()
            except (EOFError, OSError, AuthenticationError):
                continue  # killed while it introduced itself


def answer(connection):
    try:
        with connection:
            while True:
                connection.send(connection.recv() + 1)
    except (EOFError, OSError):
        pass


def visit(folder, number, stop, address):
    book = Counted(folder, "answers", number)
    book.wait()
    try:
        while not stop.is_set():
            book.wait()
            with Client(address, authkey=b"secret") as connection:
                for _ in range(20):
                    book.begin()
                    connection.send(os.getpid())
                    assert connection.recv() == os.getpid() + 1
                    book.done()
                    book.over()
                    book.wait()
    except (EOFError, OSError):
        book.over()
        sys.exit(LEFT)
