"""How fast the extension is, beside the standard library's own primitives, on the test node.

    python3 native/bench/extension.py build/native/shared_node.so python/dragon/_shm.abi3.so [WORD]

Medians of five, with the least and the most. A WORD picks the rows that contain it.
"""

import _multiprocessing
import ctypes
import importlib.util
import multiprocessing as mp
import os
import statistics
import sys
import time

NODE, EXTENSION = sys.argv[1:3]
WANTED = sys.argv[3] if len(sys.argv) > 3 else ""
RUNS = 5

node = ctypes.CDLL(os.path.abspath(NODE))
node.test_node.argtypes = [ctypes.c_uint64]
spec = importlib.util.spec_from_file_location("dragon._shm", os.path.abspath(EXTENSION))
shm = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shm)
MEMORY = node.test_node(2 << 30)


def attach():
    shm.map(MEMORY)
    shm.adopt(node.test_client())


def grow(block_class):
    if not node.test_grow(block_class):
        raise MemoryError


shm.set_attach(attach)
shm.set_grow(grow)


def in_child(function):
    pid = os.fork()
    if pid == 0:
        try:
            function()
        finally:
            os._exit(0)
    return pid


def row(what, measure, per=1):
    """measure() -> seconds per operation."""
    if WANTED not in what:
        return
    taken = sorted(measure() for _ in range(RUNS))
    median = statistics.median(taken)
    print(
        f"{what:<44} {median * 1e6:9.3f} us  ({taken[0] * 1e6:.3f} .. {taken[-1] * 1e6:.3f})  {1 / median:12,.0f} /s",
        flush=True,
    )


def uncontended(lock, n=100000):
    def measure():
        acquire, release = lock.acquire, lock.release
        start = time.perf_counter()
        for _ in range(n):
            acquire()
            release()
        return (time.perf_counter() - start) / n

    return measure


def contended(lock, processes=4, n=20000):
    def work():
        acquire, release = lock.acquire, lock.release
        for _ in range(n):
            acquire()
            release()

    def measure():
        start = time.perf_counter()
        for pid in [in_child(work) for _ in range(processes)]:
            os.waitpid(pid, 0)
        return (time.perf_counter() - start) / (n * processes)

    return measure


def alone(n=100000):
    channel = shm.Channel.create()

    def measure():
        send, recv = channel.send, channel.recv
        start = time.perf_counter()
        for _ in range(n):
            send(b"12345678")
            recv()
        return (time.perf_counter() - start) / n

    return measure


def round_trip(n=20000):
    there, back = shm.Channel.create(), shm.Channel.create()

    def echo():
        for _ in range(n):
            back.send(there.recv())

    def measure():
        pid = in_child(echo)
        there_send, back_recv = there.send, back.recv
        start = time.perf_counter()
        for _ in range(n):
            there_send(b"12345678")
            back_recv()
        taken = (time.perf_counter() - start) / n
        os.waitpid(pid, 0)
        return taken

    return measure


def pipe_round_trip(n=5000):
    here, there = mp.Pipe()

    def echo():
        for _ in range(n):
            there.send_bytes(there.recv_bytes())

    def measure():
        pid = in_child(echo)
        start = time.perf_counter()
        for _ in range(n):
            here.send_bytes(b"12345678")
            here.recv_bytes()
        taken = (time.perf_counter() - start) / n
        os.waitpid(pid, 0)
        return taken

    return measure


def one_way(size, n, capacity=0):
    channel, done = shm.Channel.create(capacity), shm.Channel.create()
    data = bytes(size)

    def take():
        for _ in range(n):
            channel.recv()
        done.send(b"")

    def measure():
        pid = in_child(take)
        start = time.perf_counter()
        for _ in range(n):
            channel.send(data)
        done.recv()
        taken = (time.perf_counter() - start) / n
        os.waitpid(pid, 0)
        return taken

    return measure


def semlock():
    return _multiprocessing.SemLock(1, 1, 1, f"/dragon-bench-{os.getpid()}-{time.monotonic_ns()}", True)


row("Lock, free: multiprocessing's SemLock", uncontended(semlock()))
row("Lock, free: ours", uncontended(shm.Lock.create()))
row("RLock, free: ours", uncontended(shm.Lock.create(True)))
row("Semaphore, free: ours", uncontended(shm.Semaphore.create(1)))
row("Lock, 4 processes: SemLock", contended(semlock()))
row("Lock, 4 processes: ours", contended(shm.Lock.create()))
row("send + recv, alone", alone())
row("round trip 8 B: multiprocessing's Pipe", pipe_round_trip())
row("round trip 8 B: ours", round_trip())
row("one way 8 B", one_way(8, 100000))
row("one way 8 B, capacity 100", one_way(8, 100000, 100))
row("one way 64 KiB, capacity 16", one_way(65536, 4000, 16))
row("one way 1 MiB, capacity 8", one_way(1 << 20, 500, 8))
row("one way 1 MiB, unbounded", one_way(1 << 20, 200))
