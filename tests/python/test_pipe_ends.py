"""The end of a pipe comes with the last close and with `join`, not some time after: what a program asks next finds it."""

from __future__ import annotations

import pickle
import random
import threading
import time
from typing import Any

import pytest
import targets

MANY = 100
PATIENCE = 60


def test_after_join_the_end_is_there(ctx: Any) -> None:
    for _ in range(MANY):
        reader, writer = ctx.Pipe(duplex=False)
        process = ctx.Process(target=targets.nothing, args=(writer,))
        process.start()
        writer.close()
        process.join()
        assert reader.poll(0)
        with pytest.raises(EOFError):
            reader.recv()


def test_after_join_and_close_the_end_is_there(ctx: Any) -> None:
    for _ in range(MANY):
        reader, writer = ctx.Pipe(duplex=False)
        process = ctx.Process(target=targets.close_all, args=(writer,))
        process.start()
        process.join()
        assert not reader.poll(0), "the parent has its end still"
        writer.close()
        assert reader.poll(0)


def test_after_join_sending_fails(ctx: Any) -> None:
    for _ in range(MANY):
        here, there = ctx.Pipe()
        process = ctx.Process(target=targets.nothing, args=(there,))
        process.start()
        there.close()
        process.join()
        with pytest.raises(BrokenPipeError):
            here.send("to nobody")


def test_a_child_gets_the_end_when_its_parent_closes(ctx: Any) -> None:
    here, there = ctx.Pipe()
    reader, writer = ctx.Pipe(duplex=False)
    process = ctx.Process(target=targets.await_ends, args=(there,))
    process.start()
    for _ in range(MANY):
        reader, writer = ctx.Pipe(duplex=False)
        here.send(reader)
        reader.close()
        assert here.recv() == "taken"
        writer.close()
        here.send("closed")
        assert here.recv() == "the end"
    here.close()
    process.join()
    assert process.exitcode == 0


def test_an_end_on_its_way_keeps_the_pipe_open_until_it_was_taken_and_closed(ctx: Any) -> None:
    here, there = ctx.Pipe()
    for _ in range(MANY):
        reader, writer = ctx.Pipe(duplex=False)
        here.send(writer)
        del writer
        assert not reader.poll(0)
        copy = there.recv()
        copy.send("last")
        copy.close()
        assert reader.recv() == "last" and reader.poll(0)
        with pytest.raises(EOFError):
            reader.recv()


def test_an_end_that_could_not_be_sent_keeps_nothing_open(ctx: Any) -> None:
    here, there = ctx.Pipe()
    reader, writer = ctx.Pipe(duplex=False)
    with pytest.raises((TypeError, pickle.PicklingError)):
        here.send((writer, threading.Lock()))
    there.close()
    with pytest.raises(BrokenPipeError):
        here.send(writer)
    assert not reader.poll(0)
    writer.close()
    assert reader.poll(0)


def test_a_child_that_never_took_its_end_keeps_nothing_open(ctx: Any) -> None:
    for _ in range(40):
        reader, writer = ctx.Pipe(duplex=False)
        process = ctx.Process(target=targets.never_receive, args=(writer,))
        process.start()
        writer.close()
        time.sleep(random.uniform(0, 0.003))  # the moment, not a wait
        process.kill()
        process.join()
        assert reader.poll(PATIENCE)
        with pytest.raises(EOFError):
            reader.recv()


def test_who_waits_hears_of_the_end(ctx: Any) -> None:
    for end in ("close", "drop", "process"):
        reader, writer = ctx.Pipe(duplex=False)
        process = ctx.Process(target=targets.nothing, args=(writer if end == "process" else None,))
        process.start()
        heard: list[bool] = []
        waiter = threading.Thread(target=lambda where=reader, told=heard: told.append(where.poll(PATIENCE)))
        waiter.start()
        if end == "close":
            writer.close()
        else:
            del writer
        waiter.join()
        process.join()
        assert heard == [True]


def test_survivors_of_killed_processes_keep_the_pipe_open(ctx: Any) -> None:
    reader, writer = ctx.Pipe(duplex=False)
    dice = random.Random(5)
    crowd = [ctx.Process(target=targets.copy_ends, args=(writer,)) for _ in range(4)]
    for each in crowd:
        each.start()
    for _ in range(60):
        victim = dice.randrange(4)
        time.sleep(dice.uniform(0, 0.005))  # the moment, not a wait
        crowd[victim].kill()
        crowd[victim].join()
        crowd[victim] = ctx.Process(target=targets.copy_ends, args=(writer,))
        crowd[victim].start()
        while reader.poll(0):
            assert reader.recv() == "copied"
    for each in crowd:
        each.kill()
        each.join()
    writer.send("the last of all")
    writer.close()
    while reader.recv() != "the last of all":
        pass
    assert reader.poll(PATIENCE)
    with pytest.raises(EOFError):
        reader.recv()
