"""Connections, and waiting on several things."""

from __future__ import annotations

import array
import multiprocessing as mp
import multiprocessing.connection as stock
import os
import pathlib
import pickle
import socket
import threading
import time
from multiprocessing import reduction
from multiprocessing.connection import wait
from typing import Any

import pytest
import targets

PATIENCE = 60


@pytest.mark.parametrize("thing", [
    None, True, 1, 2.5, "text", b"", b"bytes", b"x" * 3_000_000, bytearray(b"y" * 100_000), [1, [2]], {"a": (1, 2)},
    array.array("d", range(10_000)),
])  # fmt: skip
def test_objects_come_back_as_they_went(ctx: Any, thing: Any) -> None:
    here, there = ctx.Pipe()
    here.send(thing)
    back = there.recv()
    assert back == thing and type(back) is type(thing)
    there.send(thing)
    assert here.recv_bytes() == pickle.dumps(thing) or pickle.loads(pickle.dumps(thing)) == thing


@pytest.mark.parametrize("size", [9 << 20, 3])
def test_a_sender_that_is_far_ahead_waits_for_the_receiver(ctx: Any, size: int) -> None:
    reader, writer = ctx.Pipe(duplex=False)
    sent, held = 0, threading.Event()

    def send() -> None:
        nonlocal sent
        while not held.is_set():
            writer.send_bytes(b"m" * size)
            sent += 1

    sender = threading.Thread(target=send)
    sender.start()
    while reader._reader.qsize() * max(size, 128) <= 8 << 20 or not _sleeping(sender):
        time.sleep(0)
    in_flight = reader._reader.qsize()
    assert sent == in_flight - 1, "the last message is there, its sender not back"
    held.set()
    for _ in range(in_flight):
        assert len(reader.recv_bytes()) == size
    sender.join(PATIENCE)
    assert not sender.is_alive() and not reader.poll()


def _sleeping(thread: threading.Thread) -> bool:
    with open(f"/proc/self/task/{thread.native_id}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "S"


def test_a_sender_that_is_held_up_hears_that_nobody_receives_any_more(ctx: Any) -> None:
    reader, writer = ctx.Pipe(duplex=False)
    process = ctx.Process(target=targets.never_receive, args=(reader,))
    process.start()
    reader.close()

    def kill() -> None:
        while writer._writer.qsize() == 0:
            time.sleep(0)
        process.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(BrokenPipeError):
        writer.send_bytes(b"m" * (9 << 20))
    killer.join()
    process.join(PATIENCE)


def test_large_buffers_go_out_of_band(ctx: Any) -> None:
    numpy = pytest.importorskip("numpy")
    here, there = ctx.Pipe()
    grid = numpy.arange(100_000.0).reshape(100, 1000)
    here.send({"grid": grid, "name": "g"})
    back = there.recv()
    assert (back["grid"] == grid).all() and back["name"] == "g"
    back["grid"][0, 0] = 5  # writable, and nobody else's
    assert grid[0, 0] == 0


def test_a_process_at_the_other_end(ctx: Any) -> None:
    here, there = ctx.Pipe()
    process = ctx.Process(target=targets.echo, args=(there,))
    process.start()
    there.close()
    for thing in (1, "a", b"b" * 1_000_000, [None]):
        here.send(thing)
        assert here.recv() == thing
    here.close()
    process.join(PATIENCE)
    assert process.exitcode == 0


def test_bytes(ctx: Any) -> None:
    here, there = ctx.Pipe()
    message = b"abcdefghij"
    for args, expected in (((), message), ((5,), b"fghij"), ((2, 3), b"cde"), ((10,), b""), ((10, 0), b"")):
        here.send_bytes(message, *args)
        assert there.recv_bytes() == expected
    for args in ((11,), (5, 6), (-1,), (4, -1)):
        with pytest.raises(ValueError):
            here.send_bytes(message, *args)
    here.send_bytes(array.array("i", [1, 2]))
    into = array.array("i", [0] * 4)
    assert there.recv_bytes_into(into, 4) == 8
    assert list(into) == [0, 1, 2, 0]
    here.send_bytes(message * 10)
    with pytest.raises(mp.BufferTooShort) as short:
        there.recv_bytes_into(bytearray(20))
    assert short.value.args == (message * 10,)
    here.send_bytes(message)
    with pytest.raises(OSError, match="bad message length"):
        there.recv_bytes(5)


def test_ends(ctx: Any) -> None:
    here, there = ctx.Pipe()
    here.send(1)
    here.close()
    assert there.recv() == 1
    assert there.poll(PATIENCE)
    with pytest.raises(EOFError):
        there.recv()
    with pytest.raises(BrokenPipeError):
        there.send(2)
    for use in (here.recv, here.poll, lambda: here.send(1), here.fileno):
        with pytest.raises(OSError, match="closed"):
            use()
    here.close()


def test_one_way(ctx: Any) -> None:
    reader, writer = ctx.Pipe(duplex=False)
    assert (reader.readable, reader.writable, writer.readable, writer.writable) == (True, False, False, True)
    for use in (lambda: reader.send(1), writer.recv, writer.poll):
        with pytest.raises(OSError, match="only"):
            use()
    assert not reader.poll() and not reader.poll(0.01)
    writer.send(1)
    assert reader.poll() and reader.poll(PATIENCE)


def test_an_end_that_nobody_else_knows_is_gone_at_once(ctx: Any) -> None:
    for drop in (True, False) * 100:
        one, other = ctx.Pipe()
        other.send("last")
        if drop:
            del other
        else:
            other.close()
        with pytest.raises(BrokenPipeError, match="Broken pipe"):
            one.send(1)
        assert one.recv() == "last"
        with pytest.raises(EOFError):
            one.recv()


def test_an_end_that_a_forked_child_has_too_stays(ctx: Any) -> None:
    reader, writer = ctx.Pipe(False)
    here, there = os.pipe()
    child = os.fork()
    if not child:
        reader.poll(0)
        os.write(there, b"joined the run")
        os._exit(reader.recv() != "for the child")
    os.read(here, 100)
    reader.close()
    writer.send("for the child")
    assert os.waitpid(child, 0)[1] == 0
    for number in (here, there):
        os.close(number)


def test_it_is_what_programs_ask_for(ctx: Any) -> None:
    assert all(isinstance(end, stock.Connection) for end in ctx.Pipe())


def test_the_end_comes_when_the_other_side_is_killed(ctx: Any) -> None:
    reader, writer = ctx.Pipe(duplex=False)
    process = ctx.Process(target=targets.sleep, args=(1000,), kwargs={})
    holder = ctx.Process(target=targets.relay, args=(ctx.SimpleQueue(), writer))
    holder.start()
    writer.close()
    holder.kill()
    with pytest.raises(EOFError):
        reader.recv()
    holder.join()
    assert process.exitcode is None


def test_a_connection_can_be_sent_at_any_time(ctx: Any) -> None:
    here, there = ctx.Pipe()
    reader, writer = ctx.Pipe(duplex=False)
    here.send(writer)
    writer.close()
    mine = there.recv()
    mine.send("arrived")
    assert reader.recv() == "arrived"
    mine.close()
    with pytest.raises(EOFError):
        reader.recv()


def test_waiting_on_connections_sockets_and_sentinels(ctx: Any) -> None:
    a, b = ctx.Pipe()
    s, t = socket.socketpair()
    process = ctx.Process(target=targets.sleep)
    process.start()
    everything = [a, b, s, process.sentinel]
    assert wait(everything, 0) == []
    assert wait(everything, 0.01) == []
    thread = threading.Timer(0.05, b.send, (1,))
    thread.start()
    assert wait(everything, PATIENCE) == [a]
    t.send(b"x")
    process.kill()
    process.join()
    assert wait(everything, PATIENCE) == [a, s, process.sentinel]
    thread.join()
    s.close()
    t.close()
    process.close()


def test_waiting_on_queues_files_and_stock_connections_takes_no_thread(ctx: Any, tmp_path: pathlib.Path) -> None:
    queue, (a, b), (s, t) = ctx.Queue(), ctx.Pipe(), stock.Pipe()
    reader, writer = os.pipe()
    everything = [queue._reader, a, s, reader]
    threads = threading.active_count()
    assert wait(everything, 0) == []
    for number, make in enumerate((lambda: queue.put(1), lambda: b.send(1), lambda: t.send(1))):
        make()
        assert wait(everything, PATIENCE) == everything[: number + 1]
    os.write(writer, b"x")
    with open(tmp_path / "file", "w") as file:
        assert wait([file, *everything], PATIENCE) == [file, *everything]
    assert threading.active_count() == threads
    for each in (s, t):
        each.close()
    for descriptor in (reader, writer):
        os.close(descriptor)


def test_waiting_for_the_end(ctx: Any) -> None:
    reader, writer = ctx.Pipe(duplex=False)
    writer.close()
    assert wait([reader], PATIENCE) == [reader]
    with pytest.raises(EOFError):
        reader.recv()


def test_a_descriptor_of_a_connection(ctx: Any) -> None:
    import select

    a, b = ctx.Pipe()
    poll = select.poll()
    poll.register(a.fileno(), select.POLLIN)
    assert poll.poll(0) == []
    for number in range(3):
        b.send(number)
        assert poll.poll(PATIENCE * 1000)
        assert a.recv() == number
        assert poll.poll(0) == []
    os.write(a.fileno(), b"raw")
    assert b.recv_bytes() == b"raw"
    a.close()
    with pytest.raises(EOFError):
        b.recv()
    with pytest.raises(BrokenPipeError):
        b.send("to nobody")
    b.close()


def test_what_waits_behind_a_descriptor_opens_no_others(ctx: Any) -> None:
    """As CPython's test_large_fd_transfer does, a program without threads may put copies wherever no descriptor is."""
    a, b = ctx.Pipe()
    a.fileno()
    present = os.listdir("/proc/self/fd")
    watchers = [thread for thread in threading.enumerate() if thread.name == "dragon-watch"]
    for _ in range(3):
        while not all(map(_sleeping, watchers)):
            time.sleep(0)
        assert os.listdir("/proc/self/fd") == present
        b.send(None)
        assert a.recv() is None
    a.close()
    assert not any(thread.is_alive() for thread in watchers)


def test_what_was_written_to_a_descriptor_arrives_also_when_the_process_ends(ctx: Any) -> None:
    here, there = ctx.Pipe()
    process = ctx.Process(target=targets.write_raw, args=(there, b"last"))
    process.start()
    there.close()
    assert here.recv_bytes() == b"last"
    with pytest.raises(EOFError):
        here.recv()
    process.join()


def test_what_is_no_descriptor_is_refused(ctx: Any) -> None:
    a, b = ctx.Pipe()
    for send, thing in ((a.send_bytes, b"bytes"), (a.send, "object")):
        send(thing)
        with pytest.raises(RuntimeError, match="no descriptor"):
            reduction.recv_handle(b)
    a.close()
    with pytest.raises(EOFError, match="no descriptor"):
        reduction.recv_handle(b)
    b.close()


def test_descriptors_travel(ctx: Any) -> None:
    from multiprocessing import resource_sharer

    here, there = ctx.Pipe()
    reader, writer = os.pipe()
    try:
        thread = threading.Thread(target=reduction.send_handle, args=(here, writer, os.getpid()))
        thread.start()
        other = reduction.recv_handle(there)
        thread.join()
        os.write(other, b"through")
        os.close(other)
        assert os.read(reader, 7) == b"through"
    finally:
        os.close(reader)
        os.close(writer)
        resource_sharer.stop()


def test_who_has_no_descriptor_to_spare_wakes_who_waits_for_descriptors(ctx: Any) -> None:
    here, there = ctx.Pipe()
    process = ctx.Process(target=targets.send_without_descriptors, args=(there,))
    process.start()
    reader, writer = os.pipe()
    found: list[Any] = []
    waiter = threading.Thread(target=lambda: found.extend(wait([here, reader], PATIENCE)))
    waiter.start()
    while not _sleeping(waiter):
        time.sleep(0)
    here.send("go")
    began = time.monotonic()
    waiter.join()
    assert found == [here] and here.recv() > 0 and time.monotonic() - began < PATIENCE / 2
    assert here.recv() is None
    process.join()
    assert process.exitcode == 0
    os.close(reader)
    os.close(writer)


def test_hundreds_of_threads_of_a_process_wait_at_once(ctx: Any) -> None:
    here, there = ctx.Pipe()
    process = ctx.Process(target=targets.wait_in_threads, args=(there, 300))
    process.start()
    assert sorted(here.recv(), key=str) == sorted(range(300), key=str)
    process.join()


def test_a_listener_with_a_crowd_hears_that_it_is_gone_and_the_next_caller(ctx: Any) -> None:
    here, there = ctx.Pipe()
    server = ctx.Process(target=targets.listen_to_a_crowd, args=(there, 120))
    server.start()
    address = here.recv()
    crowd = [ctx.Process(target=targets.call_often, args=(address, 40)) for _ in range(3)]
    for each in crowd:
        each.start()
    assert here.recv() == "all are here"
    for each in crowd:
        each.kill()
        each.join()
    assert here.recv() == 120
    with stock.Client(address) as caller:
        assert caller.recv() == "one more"
    server.join()
