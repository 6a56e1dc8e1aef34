"""Killed while they use a ShareableList; and the SharedMemoryManager that made it."""

from __future__ import annotations

import multiprocessing as mp
from multiprocessing.managers import SharedMemoryManager
from multiprocessing.shared_memory import ShareableList

from patience import until

from scenes.data import unknown
from scenes.stage import Account, Counted, Scene, span

TEXT = "abcdefgh"


class Lists(Scene):
    """Increments in a list, of which none is lost. It goes with its manager, unless that one is killed: then its users go on."""

    def open(self):
        self.manager, self.lock = SharedMemoryManager(), mp.Lock()
        self.manager.start()
        self.list = self.manager.ShareableList([0, TEXT])
        self.cast(4, tally, self.list.shm.name, self.lock)

    def kill_one(self):
        server = self.manager._process
        if server.exitcode is None and self.dice.random() < 0.2:
            server.again, server.book = (SharedMemoryManager,), self.folder / "none"
            self.kill(server)
        else:
            super().kill_one()

    def check(self):
        done, begun = span(self.folder, "tallied")
        assert done <= self.list[0] <= begun, f"{self.list[0]} of {done} to {begun} increments"
        segment = self.list.shm
        if self.manager._process.exitcode is not None:
            segment.unlink()
        self.waited.wait()
        self.manager.shutdown()
        self.waited.over()
        segment.close()
        until(lambda: unknown(segment.name), "a list is gone")
        return Account(done, 0)


def tally(folder, number, stop, name, lock):
    book = Counted(folder, "tallied", number)
    book.wait()
    shared = ShareableList(name=name)
    book.over()
    while not stop.is_set():
        book.wait()
        with lock:
            book.begin()
            shared[0] += 1
            book.done()
            if lock.owner_died:  # a text is written in pieces, and so may be a half of one; the figure is whole
                shared[1] = 0
            else:
                assert shared[1] == TEXT[: len(shared[1])], shared[1]
            shared[1] = TEXT[: book.words[0] % 8]
        book.over()
    shared.shm.close()
