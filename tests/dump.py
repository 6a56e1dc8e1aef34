#!/usr/bin/env python3
"""What a node's shared memory says while the run stands still: its blocks, its clients, what their threads wait for, and the objects they are bound to.

tests/dump.py PID     of the agent of a run, or of any process that has the memory file open

It reads without a claim and without a lock: of a run that is at work it shows words of different moments. The numbers are those of spec/shared-memory.md.
"""

from __future__ import annotations

import collections
import mmap
import os
import struct
import sys
from collections.abc import Iterator

MAGIC = b"DRAGONM1"
CLIENTS = ("FREE", "LIVE", "SWEEPING")
WAITS = ("IDLE", "PARKED", "CHOSEN", "NEWS")
OPS = ("none", "send", "receive", "wake", "create", "wait", "update")
SLOTS = ("FREE", "WRITING", "READY", "READING", "ABANDONED", "CLOSED")
KINDS = ("?", "channel", "semaphore", "lock", "rlock", "event", "condition", "area", "barrier", "tasks")
STATES = ("DEAD", "LIVE", "DYING")
BLOCKS = ("FREE", "HELD", "SENT", "PART", "AGENT")
MAIL = ("?", "RELEASE", "PIN", "UNPIN", "CARRY")
ROLES = ((1, "user"), (2, "sender"), (4, "receiver"))
ENTRY, RECORD = 8192, 128
CLASSES, SLABS_OF_CLASS, SLAB = 119, 33408, 576
INLINE_REFS, INLINE_RECORDS, RECORD_TABLE = 96, 56, 512
QUEUES = (128, 448)
OFFSET = (1 << 48) - 64  # of a reference, without its role below and its tasks above
SHOWN = 40  # slots of a ring


def name(names: tuple[str, ...], code: int) -> str:
    return names[code] if code < len(names) else f"?{code}"


class Memory:
    """A node's memory, read-only."""

    def __init__(self, pid: int):
        self.map = self._open(pid)
        self.mailbox = self.u64(104)
        self.clients, self.capacity = self.u64(56), self.u32(64)

    @staticmethod
    def _open(pid: int) -> mmap.mmap:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            if not os.readlink(entry.path).startswith("/memfd:"):
                continue
            with open(entry.path, "rb") as file:
                found = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            if found[:8] == MAGIC:
                return found
            found.close()
        raise LookupError(f"process {pid} has no node's memory open")

    def u32(self, at: int) -> int:
        return struct.unpack_from("<I", self.map, at)[0]

    def u64(self, at: int) -> int:
        return struct.unpack_from("<Q", self.map, at)[0]

    def entry(self, client: int) -> int:
        return self.clients + client * ENTRY

    def living(self) -> Iterator[int]:
        """The numbers in use."""
        for client in range(1, min(self.u32(256), self.capacity)):
            if self.u64(self.entry(client)) & 0xFF:
                yield client

    def blocks(self) -> Iterator[tuple[int, int, str]]:
        """Place, size and state of each block."""
        classes, slabs, stride = self.u64(72), self.u64(80), self.u32(92)
        for at in range(classes, classes + CLASSES * stride, stride):
            size, count = self.u64(at), self.u32(at + 12)
            for index in struct.unpack_from(f"<{count}I", self.map, at + SLABS_OF_CLASS):
                slab = slabs + index * SLAB
                base, words = self.u64(slab), struct.unpack_from(f"<{self.u32(slab + 12)}Q", self.map, slab + 64)
                for number, word in enumerate(words):
                    yield base + number * size, size, name(BLOCKS, word >> 20 & 15)

    def tables(self) -> Iterator[int]:
        """Places of the blocks that are the run-time's own: the mailbox, and the tables of clients."""
        yield self.mailbox
        for first in (self.mailbox + 768, *(self.mailbox + queue + 64 for queue in QUEUES)):
            yield from rings(self, first)
        for client in range(1, min(self.u32(256), self.capacity)):
            yield from struct.unpack_from("<22Q", self.map, self.entry(client) + 32)

    def in_use(self) -> dict[int, int]:
        """By size: how many blocks somebody has, those of the run-time itself not among them."""
        own = set(self.tables())
        sizes = (size for at, size, state in self.blocks() if state not in ("FREE", "AGENT") and at not in own)
        return dict(collections.Counter(sizes))

    def record(self, client: int, index: int) -> int:
        """Where a thread record is; 0: there is none."""
        if client >= self.capacity:
            return 0
        if index < INLINE_RECORDS:
            return self.entry(client) + 1024 + index * RECORD
        table, index = divmod(index - INLINE_RECORDS, RECORD_TABLE)
        base = self.u64(self.entry(client) + 144 + table * 8) if table < 8 else 0
        return base and base + index * RECORD

    def references(self, client: int) -> Iterator[int]:
        """Object offset | role."""
        entry = self.entry(client)
        tables = [(entry + 256, INLINE_REFS)] + [(self.u64(entry + 32 + k * 8), 512 << k) for k in range(14)]
        left = self.u32(entry + 24)
        for base, size in tables:
            for i in range(min(left, size) if base else 0):
                if reference := self.u64(base + i * 8):
                    yield reference
            left = max(0, left - size)


def roles(reference: int) -> str:
    return "+".join(text for bit, text in ROLES if reference & bit)


def wait_word(word: int) -> str:
    queued, bell = " queued" if word & 8 else "", " bell" if word & 16 else ""
    return f"{name(WAITS, word & 7)}{queued}{bell} of generation {word >> 5}"


def client_lines(memory: Memory, client: int) -> Iterator[str]:
    entry = memory.entry(client)
    state = name(CLIENTS, memory.u64(entry) & 0xFF)
    pid, flags = memory.u32(entry + 8), " orderly" if memory.u32(entry + 12) & 1 else ""
    references, records = memory.u32(entry + 24), memory.u32(entry + 28)
    yield f"client {client} {state}{flags}, os pid {pid}, process {memory.u64(entry + 16)}, {references} references and {records} records were used"
    for index in range(max(records, INLINE_RECORDS)):
        at = memory.record(client, index)
        if not at:
            continue
        word, tid, wait_object, wait_queue, op = struct.unpack_from("<IIQQI", memory.map, at)
        op_object, *blocks = struct.unpack_from("<5Q", memory.map, at + 32)
        if word & 0xF or op_object or any(blocks):
            hands = "".join(f" {each:x}" for each in blocks if each)
            yield (
                f"  record {index} (tid {tid}) {wait_word(word)}, waits for {wait_object:x} in queue {wait_queue:x}; "
                f"{name(OPS, op)} on {op_object:x}" + (f", blocks{hands}" if hands else "")
            )
    yield "  bound to " + ", ".join(f"{each & OFFSET:x} ({roles(each)})" for each in memory.references(client))


def slots(memory: Memory, ring: int) -> Iterator[tuple[int, int, int]]:
    """Index, place and word of each slot in use, by age."""
    capacity, _, size = struct.unpack_from("<3I", memory.map, ring)
    found = [(i, ring + 192 + i * size) for i in range(min(capacity, 1 << 20))]
    used = [(i, at, memory.u64(at)) for i, at in found if memory.u64(at) >> 18 & 7]
    return iter(sorted(used, key=lambda each: (each[2] >> 21, each[0])))


def rings(memory: Memory, first: int) -> Iterator[int]:
    while first:
        yield first
        first = memory.u64(first + 16)


def ring_lines(memory: Memory, ring: int, payload) -> Iterator[str]:
    capacity, bits, size, _ = struct.unpack_from("<4I", memory.map, ring)
    positions = (f"{each >> bits}.{each & (1 << bits) - 1}" for each in (memory.u64(ring + 64), memory.u64(ring + 128)))
    yield "    ring {:x} of {} slots of {}, tail {}, head {}".format(ring, capacity, size, *positions)
    used = list(slots(memory, ring))
    for index, at, word in used[:SHOWN]:
        owner = f" by client {word & 0x3FFFF}" if word & 0x3FFFF else ""
        yield f"      {word >> 21}.{index} {name(SLOTS, word >> 18 & 7)}{owner}: {payload(memory, at)}"
    if len(used) > SHOWN:
        yield f"      and {len(used) - SHOWN} more"


def waiter(memory: Memory, at: int) -> str:
    reference = memory.u64(at + 8)
    client, index, generation = reference >> 46, reference >> 27 & 0x7FFFF, reference & 0x7FFFFFF
    record = memory.record(client, index)
    word = memory.u32(record) if record else 0
    stale = "" if word >> 5 == generation and word & 8 else ", stale"
    return f"client {client} record {index} generation {generation}{stale}"


def message(memory: Memory, at: int) -> str:
    length, kind = struct.unpack_from("<II", memory.map, at + 8)
    if kind >> 24:
        return f"{memory.u64(at + 24)} bytes in block {memory.u64(at + 16):x}"
    return f"{length} bytes {memory.map[at + 16 : at + 16 + min(length, 32)].hex()}"


def letter(memory: Memory, at: int) -> str:
    kind, client, number, reference, token = struct.unpack_from("<IIQQQ", memory.map, at + 16)
    return f"{name(MAIL, kind)} of client {client}: {reference & OFFSET:x} ({roles(reference)}), id {number:x}, token {token:x}"


def object_lines(memory: Memory, at: int) -> Iterator[str]:
    number, kind, state = struct.unpack_from("<QII", memory.map, at)
    flags, closed, senders, receivers = struct.unpack_from("<4I", memory.map, at + 24)
    body = " ".join(f"{memory.u64(at + 64 + i * 8):x}" for i in range(5))
    title = "the mailbox, a " if at == memory.mailbox else ""
    yield (
        f"object {at:x}: {title}{name(KINDS, kind)}, id {number:x}, {name(STATES, state)}, flags {flags}, closed {closed}, "
        f"body {body}"
    )
    if kind == KINDS.index("area"):
        return
    for queue in QUEUES[: 2 if kind == KINDS.index("channel") else 1]:
        yield f"    queue {at + queue:x}, waiting {memory.u32(at + queue)}, head {memory.u64(at + queue + 8):x}, tail {memory.u64(at + queue + 16):x}"
        for ring in rings(memory, at + queue + 64):
            yield from ring_lines(memory, ring, waiter)
    if kind == KINDS.index("channel"):
        ends = f", {senders} handles of senders, {receivers} of receivers" if flags & 2 else ""
        yield f"    head {memory.u64(at + 80):x}, tail {memory.u64(at + 88):x}{ends}"
        for ring in rings(memory, at + 768):
            yield from ring_lines(memory, ring, letter if at == memory.mailbox else message)


def lines(memory: Memory) -> Iterator[str]:
    yield f"node's memory: run state {memory.u32(48)}, clients below {memory.u32(256)}, mailbox {memory.mailbox:x}, {memory.u64(200)} of {memory.u64(192)} bytes granted"
    states: dict[int, collections.Counter[str]] = {}
    for _, size, state in memory.blocks():
        states.setdefault(size, collections.Counter())[state] += 1
    for size, counts in states.items():
        yield f"blocks of {size} bytes: " + ", ".join(f"{count} {state}" for state, count in counts.items())
    objects = {memory.mailbox}
    for client in memory.living():
        yield from client_lines(memory, client)
        objects |= {each & OFFSET for each in memory.references(client)}
    for each in sorted(objects):
        yield from object_lines(memory, each)


def of(pid: int) -> str:
    """The whole text; why there is none, where the process has ended or has no memory file open."""
    try:
        return "".join(f"{line}\n" for line in lines(Memory(pid)))
    except (OSError, LookupError, ValueError, struct.error) as error:
        return f"no dump of the memory of process {pid}: {error}\n"


if __name__ == "__main__":
    sys.stdout.write(of(int(sys.argv[1])))
