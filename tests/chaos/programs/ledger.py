"""The books of crash.py, in files that say the truth whenever their writer is killed.

Producer `produced-N`: two numbers in mapped memory, begun and done; message s was put for certain if s < done, perhaps if s = done < begun. A Java
producer adds a third when it has ended.
Consumer `consumed-N`: a record (producer, sequence) for each message, written after it was received and before the next.
Lock `lock`: who is inside, and a pair of counters that are equal when nobody is, unless the last one inside was killed there.
`waited-N`: since when the present operation lasts (0: there is none), the longest time that one took, and when that one began; and, if its owner is to die within its next
operation, after how many microseconds (see `aim.py`).
"""

import collections
import mmap
import os
import shutil
import struct
import time

RECORD = struct.Struct("<IQ")
WORD = struct.Struct("<Q")
Account = collections.namedtuple("Account", "messages lost")


def payload(sequence):
    """The bytes of a message: mostly few, now and then some that need a block of memory of their own."""
    size = 200_000 if sequence % 97 == 50 else 3_000 if sequence % 13 == 5 else sequence % 40
    return bytes([sequence & 255]) * size


def message(producer, sequence):
    return RECORD.pack(producer, sequence) + payload(sequence)


def prepare(folder):
    for name in ("0", "1"):
        (folder / name).mkdir()
    (folder / "lock").write_bytes(bytes(32))


def mapped(path, size):
    """The 64-bit words of a file. Each is written by one store: struct.pack_into would make it 0 first, and a kill between would leave a lie."""
    with open(path, "a+b") as file:
        os.ftruncate(file.fileno(), size)
        return memoryview(mmap.mmap(file.fileno(), size)).cast("Q")


WORK = 2e-3  # seconds
DOOM = 3  # the place of that word


class Waited:
    """How long each operation takes, for everybody to see. After some work there is a rest, so that a dozen busy processes leave room for those that kill."""

    def __init__(self, folder, number):
        self.worked = time.process_time()
        self.times = mapped(folder / f"waited-{number}", 32)

    def wait(self):
        """An operation begins."""
        self.times[0] = time.monotonic_ns()
        if self.times[DOOM]:
            import aim

            aim.die_after(self.times[DOOM])

    def idle(self):
        """A wait begins that lasts as long as nobody has anything to do for this process."""
        self.wait()
        self.times[0], self.times[1] = 0, max(self.times[1], 1)

    def over(self):
        """It has come to its end."""
        began = self.times[0]
        if began and time.monotonic_ns() - began > self.times[1]:
            self.times[2] = began
            self.times[1] = time.monotonic_ns() - began
        self.times[0] = 0
        if time.process_time() - self.worked > WORK:
            time.sleep(WORK)
            self.worked = time.process_time()


class Produced(Waited):
    def __init__(self, folder, number):
        super().__init__(folder, number)
        self.words = mapped(folder / f"produced-{number}", 16)

    def begin(self, sequence):
        self.wait()
        self.words[0] = sequence + 1

    def done(self, sequence):
        self.words[1] = sequence + 1
        self.over()


class Consumed(Waited):
    def __init__(self, folder, number):
        super().__init__(folder, number)
        self.file = os.open(folder / f"consumed-{number}", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)

    def note(self, message):
        os.write(self.file, message[: RECORD.size])
        producer, sequence = RECORD.unpack_from(message)
        assert message[RECORD.size :] == payload(sequence), (
            f"message {sequence} of producer {producer} has {len(message)} wrong bytes"
        )
        self.over()


class Fought(Waited):
    def __init__(self, folder, number):
        super().__init__(folder, number)
        self.shared = mapped(folder / "lock", 32)

    def inside(self):
        """In the lock: nobody else alive may be."""
        self.over()
        other = self.shared[0]
        assert not (other and alive(other)), f"process {other} is in the lock, too"
        self.shared[0] = os.getpid()
        first, second = self.shared[1], self.shared[2]
        assert first == second or other, f"counters differ and nobody was killed in the lock: {first}, {second}"
        self.shared[1] = first + 1
        sum(range(200))
        self.shared[2] = first + 1
        assert self.shared[0] == os.getpid(), "somebody else came into the lock"
        self.shared[0] = 0

    def outside(self):
        pass


def alive(pid):
    """Is it neither gone nor a zombie?"""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def ended(path):
    """Has this Java producer put its last message?"""
    try:
        return bool(WORD.unpack_from(path.read_bytes(), 16)[0])
    except (OSError, struct.error):
        return False


def numbers(path):
    """Begun and done; both 0 if the producer was killed before it had its book."""
    data = path.read_bytes()
    return struct.unpack_from("<QQ", data) if len(data) >= 16 else (0, 0)


def account(folder, killed_consumers):
    """Compares the books of a queue; raises AssertionError with what does not add up."""
    received = collections.Counter()
    for path in folder.glob("consumed-*"):
        last = {}
        for producer, sequence in RECORD.iter_unpack(path.read_bytes()):
            received[producer, sequence] += 1
            assert last.get(producer, -1) < sequence, (
                f"{path.name}: {sequence} of producer {producer} after {last[producer]}"
            )
            last[producer] = sequence
    doubled = {message: times for message, times in received.items() if times > 1}
    assert not doubled, f"received more than once: {doubled}"
    lost = []
    for path in folder.glob("produced-*"):
        number = int(path.name.rpartition("-")[2])
        begun, done = numbers(path)
        assert done <= begun <= done + 1, f"{path.name}: begun {begun}, done {done}"
        lost += [(number, sequence) for sequence in range(done) if not received.pop((number, sequence), 0)]
        received.pop((number, done), 0)
    assert not received, f"received, and never sent: {sorted(received)[:10]}"
    assert len(lost) <= killed_consumers, f"{len(lost)} messages lost, {killed_consumers} consumers killed: {lost[:10]}"
    return Account(sum(numbers(path)[1] for path in folder.glob("produced-*")), len(lost))


def check_lock(folder, killed_fighters):
    """Whoever was killed in the lock is the only one who may have left it in disorder."""
    data = (folder / "lock").read_bytes()
    owner, first, second = (WORD.unpack_from(data, at)[0] for at in (0, 8, 16))
    assert first > 0, "nobody ever had the lock"
    assert (first == second and not owner) or killed_fighters, f"lock left in disorder: {owner}, {first}, {second}"


def longest_wait(folder):
    """Seconds that the longest operation took which came to its end."""
    return max((numbers(path)[1] / 1e9 for path in folder.rglob("waited-*")), default=0.0)


def long_waits(folder):
    """Of each process: its number, when its longest operation began, and how long it took, in seconds."""
    for path in folder.rglob("waited-*"):
        data = path.read_bytes().ljust(24, b"\0")
        _, took, began = struct.unpack_from("<QQQ", data)
        yield int(path.name.rpartition("-")[2]), began / 1e9, took / 1e9


def doom(path, microseconds):
    """Tells the owner of a book when to die; False if it is within an operation now, or has no book (as a Java process)."""
    if not path.exists() or (words := mapped(path, 32))[0]:
        return False
    words[DOOM] = microseconds
    return True


def has_begun(path):
    """Was there ever an operation of this book's owner? Of a Java process, which has no such book, nobody knows."""
    return not path.exists() or any(mapped(path, 32)[:2])


def remove(folder):
    shutil.rmtree(folder)
