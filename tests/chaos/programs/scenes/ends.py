"""Killed while they send ends of pipes, take them and close them."""

from __future__ import annotations

import multiprocessing as mp

from scenes.stage import Account, Counted, Scene, span


class Ends(Scene):
    """All have an end of one pipe, and copies of it come and go; it ends with the last of them and not before, whoever is killed in between."""

    def open(self):
        self.reader, self.writer = mp.Pipe(False)
        self.cast(4, copy, self.writer)

    def kill_one(self):
        super().kill_one()
        self.read()

    def read(self):
        """Takes what there is; EOFError: a death has closed the end of others."""
        while self.reader.poll():
            self.reader.recv()

    def wake(self):
        self.read()

    def check(self):
        self.writer.close()
        try:
            while self.reader.poll(30):
                self.reader.recv()
        except EOFError:
            self.reader.close()
            return Account(span(self.folder, "copies")[0], 0)
        raise AssertionError("everybody has ended, and the pipe has not")


def copy(folder, number, stop, writer):
    book = Counted(folder, "copies", number)
    out, back = mp.Pipe()
    book.wait()
    while not stop.is_set():
        book.wait()
        reader, own = mp.Pipe(False)
        book.begin()
        out.send((writer, own))
        own.close()
        copied, own = back.recv()
        copied.send(number)
        copied.close()
        own.send(number)
        assert reader.recv() == number
        own.close()
        assert reader.poll(), "the last of an end was closed, and it is still open"
        try:
            reader.recv()
        except EOFError:
            reader.close()
        book.done()
        book.over()
