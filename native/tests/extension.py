"""The extension `dragon._shm` alone, over the test node (shared_node.c): its interface, forks, signals, errors. Runs in every CPython without pytest:

python3 native/tests/extension.py build/native/shared_node.so python/dragon/_shm.abi3.so
"""

import ctypes
import gc
import importlib.util
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import unittest

NODE, EXTENSION = sys.argv[1:3]
PATIENCE = 20.0

node = ctypes.CDLL(os.path.abspath(NODE))
node.test_node.argtypes = [ctypes.c_uint64]
node.test_limit.argtypes = [ctypes.c_uint64]
spec = importlib.util.spec_from_file_location("dragon._shm", os.path.abspath(EXTENSION))
shm = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shm)

MEMORY = node.test_node(1 << 30)
grown = []


def attach():
    shm.map(MEMORY)
    shm.adopt(node.test_client())


def grow(block_class):
    grown.append(block_class)
    if not node.test_grow(block_class):
        raise MemoryError("need 1, have 0, limit 0 (DRAGON_MEMORY)")


def mail():
    """The next message to the agent: (type, client, id, reference, token), or None."""
    letter = ctypes.create_string_buffer(32)
    return struct.unpack("<IIQQQ", letter.raw) if node.test_mail(letter) else None


def in_child(function):
    """Runs a function in a forked child; returns its pid."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        signal.alarm(60)
        function()
        os._exit(0)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)


def ended(pid):
    return os.waitpid(pid, 0)[1]


def in_thread(function, *args):
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    return thread


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.001)


class ChannelTest(unittest.TestCase):
    def setUp(self):
        self.channel = shm.Channel.create()

    def test_messages(self):
        for data in b"", b"x", b"y" * 112, b"z" * 113, b"w" * 70000, bytes(range(256)) * 20000:
            self.channel.send(data)
            self.assertTrue(self.channel.poll())
            self.assertEqual(self.channel.qsize(), 1)
            self.assertEqual(self.channel.recv(), data)
        self.assertFalse(self.channel.poll())
        for data in bytearray(b"abc"), memoryview(b"abc"):
            self.channel.send(data, flags=4)
            self.assertEqual(self.channel.recv_message(), (4, b"abc"))

    def test_refuses(self):
        for wrong in "text", 3, None:
            with self.assertRaises(TypeError):
                self.channel.send(wrong)
        with self.assertRaises(TypeError):
            self.channel.send()
        with self.assertRaises(TypeError):
            self.channel.send(b"", None, 0, 1)
        with self.assertRaises(TypeError):
            self.channel.send(b"", nonsense=1)
        with self.assertRaises(TypeError):
            self.channel.send(b"", data=b"")
        with self.assertRaises(ValueError):
            self.channel.send(b"", flags=1)
        with self.assertRaises(ValueError):
            shm.Channel.create(capacity=1 << 21)
        with self.assertRaises(ValueError):
            shm.Channel.create(slot_size=100)
        with self.assertRaises(ValueError):
            shm.Channel.create(role=0)
        with self.assertRaises(TypeError):
            shm.Channel()
        with self.assertRaises((BufferError, ValueError)):
            self.channel.send(memoryview(bytes(100))[::2])

    def test_parts(self):
        parts = [b"pickle", bytearray(100000), memoryview(b""), b"end"]
        self.channel.send_parts(parts)
        flags, received = self.channel.recv_message()
        self.assertEqual(flags, 1)
        self.assertEqual(received, [bytearray(part) for part in parts])
        self.assertTrue(all(type(part) is bytearray for part in received))
        self.channel.send_parts([], flags=3)
        self.assertEqual(self.channel.recv_message(), (3, []))
        with self.assertRaises(TypeError):
            self.channel.send_parts([b"good", "bad"])
        with self.assertRaises(ValueError):
            self.channel.send_parts([b""], flags=2)

    def test_recv_into(self):
        buffer = bytearray(10)
        self.channel.send(b"abc")
        self.assertEqual(self.channel.recv_into(buffer, 2), 3)
        self.assertEqual(buffer, b"\0\0abc\0\0\0\0\0")
        self.channel.send(b"much too long")
        with self.assertRaises(shm.Error) as caught:
            self.channel.recv_into(buffer, 5)
        self.assertEqual(caught.exception.args[1], b"much too long")
        with self.assertRaises(ValueError):
            self.channel.recv_into(buffer, 11)
        with self.assertRaises((BufferError, TypeError)):
            self.channel.recv_into(b"read-only", 0)

    def test_time_limits(self):
        for timeout in 0, -1, 0.01:
            with self.assertRaises(shm.Timeout):
                self.channel.recv(timeout)
            with self.assertRaises(shm.Timeout):
                self.channel.recv_message(timeout=timeout)
        start = time.monotonic()
        self.assertFalse(self.channel.poll(0.05))
        self.assertGreaterEqual(time.monotonic() - start, 0.05)
        bounded = shm.Channel.create(2)
        self.assertEqual(bounded.capacity, 2)
        bounded.send(b"1")
        bounded.send(b"2" * 100000)
        for size in 1, 1000, 1000000:
            with self.assertRaises(shm.Timeout):
                bounded.send(b"3" * size, 0)
            with self.assertRaises(shm.Timeout):
                bounded.send(b"3" * size, 0.01)
        self.assertTrue(issubclass(shm.Timeout, shm.Error) and issubclass(shm.Error, OSError))

    def test_close(self):
        self.channel.send(b"last")
        self.channel.close()
        self.assertEqual(self.channel.recv(), b"last")
        self.assertTrue(self.channel.poll())
        with self.assertRaises(shm.Closed):
            self.channel.recv()
        with self.assertRaises(shm.Closed):
            self.channel.send(b"")

    def test_ends(self):
        reader = shm.Channel.create(ends=True, role=shm.RECEIVER)
        writer = shm.Channel.bind(reader.offset, reader.id, shm.SENDER)
        self.assertEqual((reader.role, writer.role, reader.released), (shm.RECEIVER, shm.SENDER, False))
        while mail():
            pass
        writer.release()
        self.assertTrue(writer.released)
        self.assertEqual(mail(), (1, shm.client(), reader.id, reader.offset | shm.SENDER, 0))
        with self.assertRaises(ValueError):
            writer.send(b"")
        writer.release()

    def test_the_last_of_an_end_closes_it(self):
        reader = shm.Channel.create(ends=True, role=shm.RECEIVER)
        writer = shm.Channel.bind(reader.offset, reader.id, shm.SENDER)
        other = shm.Channel.bind(reader.offset, reader.id, shm.SENDER)
        writer.send(b"last")
        writer.release()
        other.send(b"still")
        got = []
        thread = in_thread(
            lambda: got.extend((reader.recv(), reader.recv(), self.assertRaises(shm.Closed, reader.recv)))
        )
        del other
        thread.join(PATIENCE)
        self.assertEqual(got[:2], [b"last", b"still"])
        self.assertTrue(reader.poll())

    def test_a_handle_on_its_way_keeps_an_end_open_until_it_is_bound(self):
        reader = shm.Channel.create(ends=True, role=shm.RECEIVER)
        writer = shm.Channel.bind(reader.offset, reader.id, shm.SENDER)
        handle = (shm.info()["run_id"], writer.offset, writer.id, shm.SENDER, writer.pin())
        writer.release()
        self.assertFalse(reader.poll())
        first = shm.Channel.arrive(handle)
        again = shm.Channel.arrive(handle)
        for each in (first, again):
            self.assertFalse(reader.poll())
            each.release()
        self.assertTrue(reader.poll())
        with self.assertRaises(shm.Closed):
            shm.Channel.arrive(handle)
            reader.recv()

    def test_more_handles_on_their_way_than_the_table_of_pins_has_places_for(self):
        reader = shm.Channel.create(ends=True, role=shm.RECEIVER)
        writer = shm.Channel.bind(reader.offset, reader.id, shm.SENDER)
        tokens = [writer.pin() for _ in range(5000)]
        for token in tokens:
            shm.Channel.arrive((shm.info()["run_id"], writer.offset, writer.id, shm.SENDER, token)).release()
        writer.release()
        self.assertFalse(reader.poll(), "the end is the agent's to close")

    def test_blocked_receiver_in_a_thread(self):
        got = []
        thread = in_thread(lambda: got.append(self.channel.recv()))
        time.sleep(0.02)
        self.channel.send(b"at last")
        thread.join(PATIENCE)
        self.assertEqual(got, [b"at last"])

    def test_release_waits_for_operations(self):
        got = []
        other = shm.Channel.bind(self.channel.offset, self.channel.id)
        thread = in_thread(lambda: got.append(self.channel.recv()))
        time.sleep(0.02)
        self.channel.release()
        with self.assertRaises(ValueError):
            self.channel.send(b"")
        other.send(b"still")
        thread.join(PATIENCE)
        self.assertEqual(got, [b"still"])


class HandleTest(unittest.TestCase):
    def test_bind(self):
        lock = shm.Lock.create()
        again = shm.Lock.bind(lock.offset, lock.id)
        self.assertEqual(again.id >> 32, shm.info()["node"] + 1)
        self.assertTrue(again.acquire())
        self.assertTrue(lock.locked())
        with self.assertRaises(TypeError):
            shm.Channel.bind(lock.offset, lock.id)
        for offset, identity in (
            (lock.offset, lock.id + 1),
            (lock.offset + 1, lock.id),
            (0, 0),
            (1 << 63, 5),
            (lock.offset, 0),
        ):
            with self.assertRaises(shm.NoSuchObject):
                shm.Lock.bind(offset, identity)

    def test_pins(self):
        event = shm.Event.create()
        while mail():
            pass
        token = event.pin()
        self.assertEqual(token >> 46, shm.client())
        self.assertEqual(mail(), (2, shm.client(), event.id, event.offset | 1, token))
        shm.unpin(event.offset, event.id, 1, token)
        self.assertEqual(mail(), (3, shm.client(), event.id, event.offset | 1, token))
        self.assertNotEqual(event.pin(), token)

    def test_the_end_of_the_python_object_is_the_end_of_the_reference(self):
        semaphore = shm.Semaphore.create(1)
        reference = semaphore.offset | 1
        while mail():
            pass
        del semaphore
        gc.collect()
        self.assertEqual(mail()[3], reference)

    def test_many_references(self):
        event = shm.Event.create()
        bound = [shm.Event.bind(event.offset, event.id) for _ in range(3000)]
        del bound
        bound = [shm.Event.bind(event.offset, event.id) for _ in range(3000)]
        bound[-1].set(3)
        self.assertEqual(event.value, 3)

    def test_subclass(self):
        class Mine(shm.Channel):
            pass

        mine = Mine.create()
        mine.attribute = 1
        mine.send(b"x")
        self.assertIs(type(mine), Mine)
        self.assertEqual(mine.recv(), b"x")

    def test_nothing_leaks(self):
        def round_trip():
            channel = shm.Channel.create(3)
            channel.send(b"x" * 1000)
            channel.send_parts([b"y", b"z"])
            channel.recv()
            channel.recv_message()
            with self.assertRaises(shm.Timeout):
                channel.recv(0)

        round_trip()
        before = len(gc.get_objects()), sys.getrefcount(None), sys.getrefcount(shm.Timeout)
        for _ in range(300):
            round_trip()
        after = len(gc.get_objects()), sys.getrefcount(None), sys.getrefcount(shm.Timeout)
        self.assertTrue(all(b - a < 100 for a, b in zip(before, after)), (before, after))


class SynchronizeTest(unittest.TestCase):
    def test_lock(self):
        lock = shm.Lock.create()
        with lock as acquired:
            self.assertIs(acquired, True)
            self.assertTrue(lock.locked() and lock.is_mine())
            self.assertEqual(lock.count(), 1)
            self.assertFalse(lock.acquire(False))
            self.assertFalse(lock.acquire(timeout=0.01))
            self.assertFalse(lock.acquire(True, 0))
        with self.assertRaises(ValueError):
            lock.release()
        lock.acquire()
        thread = in_thread(lock.release)
        thread.join(PATIENCE)
        self.assertFalse(lock.locked() or lock.owner_died)

    def test_rlock(self):
        lock = shm.Lock.create(recursive=True)
        with lock, lock:
            self.assertEqual(lock.count(), 2)
            others = []
            in_thread(lambda: others.append((lock.acquire(False), lock.count(), lock.is_mine()))).join(PATIENCE)
            self.assertEqual(others, [(False, 0, False)])
        self.assertFalse(lock.locked())
        with self.assertRaises(AssertionError):
            lock.release()

    def test_semaphore(self):
        semaphore = shm.Semaphore.create(1, 2)
        with semaphore:
            self.assertEqual(semaphore.get_value(), 0)
            self.assertFalse(semaphore.acquire(False))
            self.assertFalse(semaphore.acquire(timeout=0.01))
        semaphore.release()
        with self.assertRaises(ValueError):
            semaphore.release()
        with self.assertRaises(ValueError):
            shm.Semaphore.create(3, 2)
        with self.assertRaises(ValueError):
            shm.Semaphore.create(-1)
        self.assertEqual(semaphore.get_value(), 2)

    def test_event(self):
        event = shm.Event.create()
        self.assertFalse(event.wait(0))
        self.assertFalse(event.wait(0.01))
        threads = [in_thread(event.wait) for _ in range(5)]
        event.set(1 << 40)
        for thread in threads:
            thread.join(PATIENCE)
            self.assertFalse(thread.is_alive())
        self.assertEqual(event.value, 1 << 40)
        event.clear()
        self.assertFalse(event.wait(0))
        with self.assertRaises(ValueError):
            event.set(0)

    def notify_under(self, lock):
        condition, woken = shm.Condition.create(), []

        def sleep():
            with lock:
                woken.append(condition.wait(lock))

        threads = [in_thread(sleep) for _ in range(6)]
        until(lambda: condition.waiters() == 6)
        with lock:
            self.assertEqual(condition.notify(2), 2)
        until(lambda: len(woken) == 2)
        with lock:
            self.assertFalse(condition.wait(lock, 0.01))
            self.assertEqual(condition.notify_all(), 4)
            self.assertEqual(condition.notify(), 0)
        for thread in threads:
            thread.join(PATIENCE)
        self.assertEqual(woken, [True] * 6)

    def test_condition(self):
        self.notify_under(shm.Lock.create())
        self.notify_under(shm.Lock.create(recursive=True))
        self.notify_under(shm.Semaphore.create(1))
        condition = shm.Condition.create()
        with self.assertRaises(ValueError):
            condition.wait(shm.Lock.create())
        with self.assertRaises(AssertionError):
            condition.wait(shm.Lock.create(recursive=True))
        with self.assertRaises(TypeError):
            condition.wait(condition)

    def test_condition_restores_the_count(self):
        lock, condition = shm.Lock.create(recursive=True), shm.Condition.create()
        with lock, lock, lock:
            self.assertFalse(condition.wait(lock, 0.01))
            self.assertEqual(lock.count(), 3)

    def test_area(self):
        area = shm.Area.create(1000)
        view = memoryview(area)
        self.assertEqual((view.nbytes, view.readonly, area.size), (1000, False, 1000))
        self.assertEqual(bytes(view), bytes(1000))
        view[10:13] = b"abc"
        other = shm.Area.bind(area.offset, area.id)
        self.assertEqual(bytes(memoryview(other)[9:14]), b"\0abc\0")
        area.release()
        self.assertEqual(bytes(view[10:13]), b"abc")
        with self.assertRaises(ValueError):
            memoryview(area)
        view.release()

    def test_wait(self):
        channel, event = shm.Channel.create(), shm.Event.create()
        reader, writer = os.pipe()
        self.assertEqual(shm.wait([channel, event], [], 0), ([], []))
        self.assertEqual(shm.wait([channel, event], [reader], 0.02), ([], []))
        event.set()
        os.write(writer, b"x")
        self.assertEqual(shm.wait([channel, event], [reader]), ([1], [reader]))
        event.clear()
        os.read(reader, 1)
        for wake, ready in (
            (lambda: channel.send(b""), ([0], [])),
            (event.set, ([1], [])),
            (lambda: os.write(writer, b"x"), ([], [reader])),
        ):
            timer = threading.Timer(0.02, wake)
            timer.start()
            self.assertEqual(shm.wait([channel, event], [reader], PATIENCE), ready)
            timer.join()
            event.clear()
            if channel.poll():
                channel.recv()
        self.assertEqual(shm.wait([], [reader], 0), ([], [reader]))
        with self.assertRaises(TypeError):
            shm.wait([shm.Lock.create()], [])
        os.close(reader)
        os.close(writer)


class ForkTest(unittest.TestCase):
    def test_a_child_attaches_anew(self):
        there, back = shm.Channel.create(), shm.Channel.create()
        mine = shm.client()

        def echo():
            assert shm.client() == 0
            assert there.recv() == b"hello"
            assert shm.client() not in (0, mine)
            back.send(b"%d" % shm.client())

        pid = in_child(echo)
        there.send(b"hello")
        self.assertNotIn(int(back.recv(PATIENCE)), (0, mine))
        self.assertEqual(ended(pid), 0)
        self.assertEqual(shm.client(), mine)

    def test_a_child_of_a_child(self):
        channel = shm.Channel.create()

        def child():
            channel.send(b"child")
            assert ended(in_child(lambda: channel.send(b"grandchild"))) == 0

        self.assertEqual(ended(in_child(child)), 0)
        self.assertEqual([channel.recv(0), channel.recv(0)], [b"child", b"grandchild"])

    def test_what_is_gone_says_so(self):
        event = shm.Event.create()

        reader, writer = os.pipe()

        def late():
            os.read(reader, 1)
            try:
                event.set()
            except shm.NoSuchObject:
                return
            raise AssertionError("the object is gone")

        pid = in_child(late)
        event.release()
        while True:
            letter = mail()
            if not letter:
                break
            node.test_audit(ctypes.c_uint64(letter[3]))
        os.write(writer, b"x")
        self.assertEqual(ended(pid), 0)

    def test_a_killed_owner_is_told(self):
        lock, ready = shm.Lock.create(), shm.Event.create()

        def hold():
            lock.acquire()
            ready.set(shm.client())
            signal.pause()

        pid = in_child(hold)
        self.assertTrue(ready.wait(PATIENCE))
        self.assertFalse(lock.acquire(timeout=0.01))
        os.kill(pid, signal.SIGKILL)
        ended(pid)
        acquired = []
        thread = in_thread(lambda: acquired.append(lock.acquire(timeout=PATIENCE)))
        time.sleep(0.02)
        node.test_sweep(ready.value)
        thread.join(PATIENCE)
        self.assertEqual((acquired, lock.owner_died), ([True], True))

    def test_an_orderly_end_keeps_the_lock(self):
        lock, ready = shm.Lock.create(), shm.Event.create()

        def hold():
            lock.acquire()
            shm.orderly()
            ready.set(shm.client())

        self.assertEqual(ended(in_child(hold)), 0)
        node.test_sweep(ready.value)
        self.assertFalse(lock.acquire(timeout=0.05))
        lock.release()
        self.assertTrue(lock.acquire(False))
        self.assertFalse(lock.owner_died)

    def test_threads_and_processes(self):
        channel, results = shm.Channel.create(10), shm.Channel.create()

        def work():
            def receive():
                total = 0
                while True:
                    message = channel.recv()
                    if message == b"end":
                        break
                    total += len(message)
                results.send(b"%d" % total)

            threads = [in_thread(receive) for _ in range(3)]
            for thread in threads:
                thread.join()

        pids = [in_child(work) for _ in range(2)]
        sizes = [(i * 37) % 3000 for i in range(2000)]
        for size in sizes:
            channel.send(bytes(size), PATIENCE)
        for _ in range(6):
            channel.send(b"end", PATIENCE)
        self.assertEqual(sum(int(results.recv(PATIENCE)) for _ in range(6)), sum(sizes))
        self.assertEqual([ended(pid) for pid in pids], [0, 0])


class SignalTest(unittest.TestCase):
    def blocked(self, operation):
        """The operation is left by a handler's exception, at once, with nothing lost."""

        class Bell(Exception):
            pass

        def ring(*_):
            raise Bell

        before = signal.signal(signal.SIGALRM, ring)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.03)
            start = time.monotonic()
            with self.assertRaises(Bell):
                operation()
            self.assertLess(time.monotonic() - start, PATIENCE)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def test_exceptions(self):
        channel, lock, event = shm.Channel.create(1), shm.Lock.create(), shm.Event.create()
        semaphore, condition = shm.Semaphore.create(0), shm.Condition.create()
        self.blocked(channel.recv)
        self.blocked(lambda: channel.poll(None))
        self.blocked(event.wait)
        self.blocked(semaphore.acquire)
        self.blocked(lambda: shm.wait([channel, event], []))
        reader, writer = os.pipe()
        self.blocked(lambda: shm.wait([channel, event], [reader]))
        os.close(reader), os.close(writer)
        channel.send(b"x")
        self.blocked(lambda: channel.send(b"y"))
        self.blocked(lambda: channel.send(b"y" * 100000))
        self.assertEqual(channel.recv(), b"x")
        self.assertFalse(channel.poll())
        with lock:
            self.blocked(lock.acquire)
            self.blocked(lambda: condition.wait(lock))
            self.assertTrue(lock.is_mine())
        self.assertEqual(condition.waiters(), 0)

    def test_a_handler_that_returns_is_no_end(self):
        channel, seen = shm.Channel.create(), []
        before = signal.signal(signal.SIGALRM, lambda *_: seen.append(channel.qsize()))
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
            timer = threading.Timer(0.15, channel.send, [b"x"])
            timer.start()
            self.assertEqual(channel.recv(PATIENCE), b"x")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        self.assertGreaterEqual(len(seen), 2)

    def test_a_child_forked_during_a_wait_does_not_disturb_the_next(self):
        channel, children = shm.Channel.create(), []
        silent, _silent, reader, writer = *os.pipe(), *os.pipe()

        def fork(*_):
            children.append(os.fork())
            if not children[0]:
                os.close(writer)
                os.read(reader, 1)
                os._exit(0)
            channel.send(b"first")

        before = signal.signal(signal.SIGALRM, fork)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.03)
            self.assertEqual(shm.wait([channel], [silent], PATIENCE), ([0], []))
        finally:
            signal.signal(signal.SIGALRM, before)
        self.assertEqual(channel.recv(0), b"first")
        threading.Timer(0.03, channel.send, [b"second"]).start()
        self.assertEqual(shm.wait([channel], [silent], PATIENCE), ([0], []))
        self.assertEqual(channel.recv(0), b"second")
        for each in (silent, _silent, reader, writer):
            os.close(each)
        self.assertEqual(ended(children[0]), 0)

    def test_a_handler_uses_what_is_waited_on(self):
        channel = shm.Channel.create()
        before = signal.signal(signal.SIGALRM, lambda *_: channel.send(b"from the handler"))
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.03)
            self.assertEqual(channel.recv(PATIENCE), b"from the handler")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


class MemoryTest(unittest.TestCase):
    def test_exhausted(self):
        channel = shm.Channel.create()
        node.test_limit(shm.info()["granted"])
        try:
            with self.assertRaisesRegex(MemoryError, "need 1, have 0"):
                channel.send(bytes(50 << 20))
            with self.assertRaises(MemoryError):
                shm.Area.create(60 << 20)
        finally:
            node.test_limit(0)
        channel.send(bytes(50 << 20))
        self.assertEqual(len(channel.recv()), 50 << 20)
        self.assertTrue(grown)
        with self.assertRaises(ValueError):
            shm.Area.create(1 << 40)

    def test_no_callback(self):
        shm.set_grow(None)
        try:
            with self.assertRaises(MemoryError):
                shm.Area.create(70 << 20)
        finally:
            shm.set_grow(grow)

    def test_map(self):
        fd = os.memfd_create("wrong") if hasattr(os, "memfd_create") else os.open("/dev/null", os.O_RDWR)
        with self.assertRaisesRegex(shm.Error, "not a node's memory"):
            shm.map(fd)
        os.ftruncate(fd, 8192) if hasattr(os, "memfd_create") else None
        with self.assertRaises(shm.Error):
            shm.map(fd)
        os.close(fd)
        with self.assertRaises(shm.Error):
            shm.adopt(60)
        with self.assertRaises(TypeError):
            shm.set_attach(3)

    def test_info(self):
        info = shm.info()
        self.assertEqual(sorted(info), ["agent_pid", "client", "granted", "limit", "node", "run_id", "size", "version"])
        self.assertEqual((len(info["run_id"]), info["client"], shm.run_state()), (16, shm.client(), 1))


class EndTest(unittest.TestCase):
    def test_lost(self):
        """The agent (here any process with a pidfd) dies: the run is lost, and a sleeper learns of it. In a program of its own."""
        if not hasattr(os, "pidfd_open"):
            self.skipTest("os.pidfd_open is of Python 3.9 on newer systems")
        command = [sys.executable, __file__, NODE, EXTENSION, "lose-the-agent"]
        subprocess.run(command, check=True, timeout=2 * PATIENCE)

    def test_subinterpreters_are_refused(self):
        interpreters = None
        for name in "_interpreters", "_xxsubinterpreters":
            try:
                interpreters = __import__(name)
                break
            except ImportError:
                continue
        if not interpreters:
            self.skipTest("no module of sub-interpreters")
        code = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("dragon._shm", {os.path.abspath(EXTENSION)!r})
try:
    importlib.util.module_from_spec(spec)
except ImportError as error:
    assert "interpreter" in str(error), error
else:
    raise AssertionError("not refused")
"""
        interpreter = interpreters.create()
        try:
            self.assertIsNone(interpreters.run_string(interpreter, code))
        finally:
            interpreters.destroy(interpreter)


def lose_the_agent():
    channel, told = shm.Channel.create(), []

    def wait():
        try:
            channel.recv()
        except shm.RunOver as error:
            told.append(str(error))

    thread = in_thread(wait)
    time.sleep(0.02)
    agent = in_child(signal.pause)
    pidfd = os.pidfd_open(agent)
    shm.watch(pidfd)
    os.close(pidfd)
    os.kill(agent, signal.SIGKILL)
    ended(agent)
    thread.join(PATIENCE)
    assert told == ["the node's agent died, and the run with it"], told
    assert shm.run_state() == 3
    try:
        channel.recv()
    except shm.RunOver:
        return
    raise AssertionError("the run is over")


if __name__ == "__main__":
    shm.set_attach(attach)
    shm.set_grow(grow)
    if sys.argv[3:] == ["lose-the-agent"]:
        lose_the_agent()
    else:
        unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
