"""Pipes, connections, `wait`, listeners and clients."""

from __future__ import annotations

import array
import os
import pickle
import socket
import threading
import time
from multiprocessing import connection
from typing import Any

from others import NotBack, NotOut, child, nothing
from words import calls, told


def _ends(ctx: Any, duplex: bool = True) -> Any:
    return ctx.Pipe(duplex)


def _closed(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    one.close()
    other.close()
    return one


EVERY = (
    ("send", 1), ("send_bytes", b"1"), ("recv",), ("recv_bytes",), ("recv_bytes_into", bytearray(4)), ("poll",), ("poll", 0.01),
    ("fileno",), ("close",), ("__enter__",),
)  # fmt: skip


def on_a_closed_end(ctx: Any) -> Any:
    return calls(_closed(ctx), *EVERY)


def on_the_sending_end(ctx: Any) -> Any:
    reader, writer = ctx.Pipe(False)
    with reader, writer:
        return (calls(writer, ("recv",), ("recv_bytes",), ("recv_bytes_into", bytearray(4)), ("poll",), ("poll", None)), writer.readable, writer.writable)


def on_the_receiving_end(ctx: Any) -> Any:
    reader, writer = ctx.Pipe(False)
    with reader, writer:
        return (calls(reader, ("send", 1), ("send_bytes", b"1"), ("poll",)), reader.readable, reader.writable, reader.closed)


def ends_look(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        return repr(one), type(one) is type(other), one.readable, one.writable, one.closed, type(one.fileno()).__name__


def ends_are_connections(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        return (isinstance(one, connection.Connection), isinstance(one, connection._ConnectionBase), hasattr(one, "__dict__"))


def send_to_nobody(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    other.close()
    with one:
        return calls(one, ("send", 1), ("send_bytes", b"1"), ("recv",), ("recv_bytes",), ("poll",), ("poll", 1))


def send_to_nobody_one_way(ctx: Any) -> Any:
    reader, writer = ctx.Pipe(duplex=False)
    reader.close()
    with writer:
        return calls(writer, ("send", 1), ("send_bytes", b"1"))


def receive_from_nobody_one_way(ctx: Any) -> Any:
    reader, writer = ctx.Pipe(False)
    writer.send("last")
    writer.close()
    with reader:
        return calls(reader, ("poll",), ("recv",), ("poll",), ("recv",), ("recv",), ("recv_bytes_into", bytearray(4)))


def send_when_the_readers_process_has_ended(ctx: Any) -> Any:
    reader, writer = ctx.Pipe(False)
    child(ctx, nothing, reader)
    reader.close()
    with writer:
        return told(lambda: [writer.send_bytes(bytes(1 << 20)) for _ in range(20)]).split("(")[0]


def receive_when_the_writers_process_has_ended(ctx: Any) -> Any:
    reader, writer = ctx.Pipe(False)
    process = child(ctx, writer.send, "last")
    writer.close()
    with reader:
        return process.exitcode, reader.recv(), reader.poll(None), told(reader.recv)


def close_wakes_a_thread_that_receives(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(told(other.recv)))
    thread.start()
    one.close()
    thread.join()
    other.close()
    return found


def close_leaves_what_was_sent(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    for each in range(3):
        one.send(each)
    one.close()
    with other:
        return other.recv(), other.recv(), other.poll(), other.recv(), other.poll(), told(other.recv)


def close_of_an_end_that_is_known_elsewhere(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    process = ctx.Process(target=_echo, args=(other,))
    process.start()
    other.close()
    one.send(1)
    seen = one.recv()
    one.close()
    process.join()
    return seen, process.exitcode


def with_closes(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one as entered, other:
        same = entered is one
    return same, one.closed, other.closed, told(one.close), told(one.__exit__, None, None, None)


def messages_of_all_kinds(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        seen = []
        for thing in (None, 0, -1, "", "text", b"", b"bytes", [], {"a": (1, 2)}, {1}, 1.5, True, 1j, int, len, range(3), Ellipsis, NotImplementedError("x")):
            one.send(thing)
            seen.append(repr(other.recv()))
        return seen


def bytes_of_all_kinds(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        seen = []
        for thing in (b"", b"abc", bytearray(b"abc"), memoryview(b"abc"), array.array("i", [1, 2]), memoryview(array.array("h", [1, 2, 3]))[::1]):
            seen.append(told(one.send_bytes, thing))
            seen.append(other.recv_bytes())
        return seen


def bytes_of_no_kind(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        return ([told(one.send_bytes, thing) for thing in ("text", 5, None, [1])], other.poll(), told(one.send_bytes, memoryview(b"abcd")[::2]).split("(")[0])


def part_of_bytes(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        seen: list[Any] = []
        for more in ((2,), (2, 3), (0, 0), (6,), (7,), (-1,), (0, -1), (0, 7), (3, 4), (6, 0), (2, None)):
            seen.append(told(one.send_bytes, b"abcdef", *more))
            while other.poll():
                seen.append(other.recv_bytes())
        return seen


def part_of_an_array(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        one.send_bytes(array.array("i", range(4)), 4, 8)
        return other.recv_bytes()


def receive_at_most(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        one.send_bytes(b"abc")
        seen = [told(other.recv_bytes, 3)]
        one.send_bytes(b"abcd")
        seen += calls(other, ("recv_bytes", -1), ("recv_bytes", "1"))
        return (seen, told(other.recv_bytes, 3), other.closed, other.readable, other.writable, told(other.recv_bytes), told(other.send, 1))


def receive_at_most_one_way(ctx: Any) -> Any:
    reader, writer = ctx.Pipe(False)
    with reader, writer:
        writer.send_bytes(b"abcd")
        return told(reader.recv_bytes, 3), reader.closed, told(reader.recv_bytes)


def receive_at_most_by_keyword(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        one.send_bytes(b"abc")
        return other.recv_bytes(maxlength=10)


def receive_into(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        seen: list[Any] = []
        for size, *more in ((4,), (3,), (2,), (6, 2), (5, 2), (4, 2), (4, 4), (4, 5), (4, -1), (0,)):
            one.send_bytes(b"abc")
            buffer = bytearray(size)
            seen.append((told(other.recv_bytes_into, buffer, *more), bytes(buffer)))
            while other.poll():
                other.recv_bytes()
        return seen


def receive_into_what_is_no_buffer(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        seen = []
        for thing in (b"abcd", "text", None, 5):
            one.send_bytes(b"abc")
            seen.append(told(other.recv_bytes_into, thing).split("(")[0])
            while other.poll():
                other.recv_bytes()
        return seen


def receive_into_an_array(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        buffer = array.array("i", [7, 7, 7, 7])
        one.send_bytes(array.array("i", [1, 2]))
        seen = other.recv_bytes_into(buffer, 4), buffer.tolist(), told(other.recv_bytes_into, buffer, 17)
        one.send_bytes(array.array("i", [1, 2, 3, 4, 5]))
        return seen, told(other.recv_bytes_into, buffer, 0), buffer.tolist()


def buffer_too_short_has_the_message(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        one.send_bytes(b"abcdef")
        try:
            other.recv_bytes_into(bytearray(2))
        except ctx.BufferTooShort as error:
            return error.args, isinstance(error, ctx.ProcessError), str(error)


def poll_times(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        began = time.monotonic()
        seen = calls(other, ("poll",), ("poll", 0), ("poll", -1), ("poll", 0.05)), told(other.poll, "1").split("(")[0]
        waited = time.monotonic() - began >= 0.05
        one.send(1)
        return seen, waited, calls(other, ("poll",), ("poll", None), ("poll", -1), ("poll", 100))


def send_what_cannot_be_pickled(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        return told(one.send, NotOut()), other.poll()


def receive_what_cannot_be_unpickled(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        one.send(NotBack())
        one.send("next")
        return told(other.recv), other.recv()


def receive_bytes_that_are_no_pickle(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        one.send_bytes(b"")
        one.send_bytes(b"no pickle")
        one.send_bytes(pickle.dumps([1, 2]))
        one.send((3, 4))
        return told(other.recv), told(other.recv), other.recv(), pickle.loads(other.recv_bytes())


def connection_sent_by_a_connection(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    third, fourth = ctx.Pipe()
    with one, other, third:
        one.send(fourth)
        fourth.close()
        arrived = other.recv()
        third.send("hello")
        with arrived:
            return arrived.recv(), type(arrived) is type(one)


def connection_of_one_way_sent(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    reader, writer = ctx.Pipe(False)
    with one, other, reader:
        one.send(writer)
        writer.close()
        with other.recv() as arrived:
            arrived.send(1)
            return reader.recv(), arrived.readable, arrived.writable, told(arrived.recv)


def _echo(end: Any) -> None:
    with end:
        try:
            while True:
                end.send(end.recv())
        except EOFError:
            print("end of file")


def end_of_file_in_child(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    process = ctx.Process(target=_echo, args=(other,))
    process.start()
    other.close()
    with one:
        one.send([1, 2])
        seen = one.recv()
    process.join()
    return seen, process.exitcode


def end_of_file_when_child_ends(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    process = ctx.Process(target=nothing, args=(other,))
    process.start()
    other.close()
    with one:
        seen = told(one.recv)
    process.join()
    return seen


def end_that_another_process_closed(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        return child(ctx, other.close).exitcode, other.closed, told(one.poll)


def large_message(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        thread = threading.Thread(target=one.send_bytes, args=(bytes(3_000_000),))
        thread.start()
        size = len(other.recv_bytes())
        thread.join()
        return size


# ---- wait


def wait_for_nothing(ctx: Any) -> Any:
    return connection.wait([], 0.01), connection.wait((), 0)


def wait_for_connections(ctx: Any) -> Any:
    pairs = [ctx.Pipe() for _ in range(3)]
    ends = [one for one, _ in pairs]
    seen: list[Any] = [connection.wait(ends, 0), connection.wait(ends, -1), connection.wait(ends, 0.01)]
    pairs[2][1].send(1)
    pairs[0][1].close()
    seen.append(sorted(ends.index(each) for each in connection.wait(ends)))
    seen.append([ends.index(each) for each in connection.wait(iter(ends[2:]), timeout=5)])
    for pair in pairs:
        for each in pair:
            each.close()
    return seen


def wait_for_all_kinds(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    left, right = socket.socketpair()
    reader, writer = os.pipe()
    queue = ctx.SimpleQueue()
    process = ctx.Process(target=nothing)
    process.start()
    process.join()
    other.send(1)
    right.send(b"1")
    os.write(writer, b"1")
    queue.put(1)
    things = [one, left, reader, process.sentinel, queue._reader]
    ready = connection.wait(things, 5)
    while len(ready) < 5:
        ready = connection.wait(things, 5)
    for each in (one, other, left, right, queue):
        each.close()
    os.close(reader)
    os.close(writer)
    return sorted(things.index(each) for each in ready)


def wait_for_what_cannot_be_waited_for(ctx: Any) -> Any:
    return (told(connection.wait, ["text"]), told(connection.wait, [None]), told(connection.wait, 5), told(connection.wait, [-1], 0))


def dropped_ends(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    del other
    with one:
        return told(one.send, 1).split("(")[0], told(one.recv)


def wait_for_a_closed_connection(ctx: Any) -> Any:
    return told(connection.wait, [_closed(ctx)], 0)


def wait_for_the_same_twice(ctx: Any) -> Any:
    one, other = ctx.Pipe()
    with one, other:
        other.send(1)
        return len(connection.wait([one, one], 1))


def wait_for_a_sending_end(ctx: Any) -> Any:
    reader, writer = ctx.Pipe(False)
    with reader, writer:
        return told(connection.wait, [writer], 0)


TABLE = {
    "pipe of text": lambda ctx: [end.close() for end in ctx.Pipe("yes")],
    "pipe with too many arguments": lambda ctx: ctx.Pipe(True, False),
    "close twice": lambda ctx: (end := ctx.Pipe()[0], end.close(), end.close())[2],
    "a connection of a bad descriptor": lambda ctx: connection.Connection(-1),
    "a connection neither read nor written": lambda ctx: connection.Connection(0, False, False),
}  # fmt: skip
