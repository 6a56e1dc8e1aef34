package dragon.channel;

import dragon.memory.Layout.RecordEntry;
import dragon.memory.Libc;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.ThreadRecord;

/**
 * Who waits on an object (section 6), by address: a growable ring of waiter references, of which any may be stale. Whoever makes the object's condition
 * true chooses: takes references in turn until one proves live.
 *
 * <p>Killed anywhere: {@code waiting} may stay too high, which costs a look. A reference or a choice that dies in a chooser's hand is made good by the
 * sweep, which tells everyone who waits on the object to look again.
 */
final class WaitQueue {
    static final int WAITING = 0;
    static final int HEAD_RING = 8;
    static final int TAIL_RING = 16;
    static final int RING = 64;
    static final int SLOT_SIZE = 16;
    static final int CAPACITY = 4;
    static final int SIZE_OF = RING + Ring.SLOTS + CAPACITY * SLOT_SIZE;

    private static final int PAYLOAD = Long.BYTES;
    private static final int DROPS = 4;

    private WaitQueue() {}

    /** Fills a queue of an object that nobody can see yet. */
    static void format(Memory memory, long queue) {
        long ring = queue + RING - memory.base();
        Ring.format(queue + RING, CAPACITY, SLOT_SIZE, Ring.GROWABLE, 0);
        Raw.putLong(queue + HEAD_RING, ring);
        Raw.putLong(queue + TAIL_RING, ring);
    }

    /** Whether anyone may wait. A full fence lies between the condition and this. */
    static boolean anyone(long queue) {
        return Raw.getIntVolatile(queue + WAITING) != 0;
    }

    /** Puts in a reference to the caller's record, which is PARKED already. The caller tries once more afterwards. */
    static void enqueue(ThreadRecord record, long queue, long reference) {
        Memory memory = record.client().memory();
        int me = record.client().number();
        dropStale(memory, queue, me);
        Raw.addInt(queue + WAITING, 1);
        long slot = Chain.trySend(memory, queue + TAIL_RING, me);
        if (slot == Ring.NONE) {
            if (littered(memory, queue)) {
                rotate(memory, queue, me);
            }
            slot = grow(record, queue);
        }
        put(slot, reference);
    }

    private static long grow(ThreadRecord record, long queue) {
        boolean done = false;
        try {
            long slot = Chain.send(record, queue + TAIL_RING);
            done = true;
            return slot;
        } finally {
            if (!done) {
                Raw.addInt(queue + WAITING, -1);
            }
        }
    }

    private static void put(long slot, long reference) {
        Raw.putLong(slot + PAYLOAD, reference);
        Ring.publish(slot);
    }

    /** Drops stale references at the head, a few at a time: polling with time limits leaves no litter. A stale one stays so for ever. */
    private static void dropStale(Memory memory, long queue, int me) {
        for (int i = 0; i < DROPS && Raw.getIntAcquire(queue + WAITING) != 0; i++) {
            long slot = Chain.receiveIf(memory, queue + HEAD_RING, me, reference -> stale(memory, reference));
            if (slot < 0) {
                return;
            }
            Ring.release(slot);
            Raw.addInt(queue + WAITING, -1);
        }
    }

    /** Whether at least a quarter of the full last ring is stale. */
    private static boolean littered(Memory memory, long queue) {
        long ring = memory.address(Raw.getLongAcquire(queue + TAIL_RING));
        int[] stale = new int[1];
        Ring.forEachSlot(ring, (slot, word) -> {
            if (Ring.state(word) == Ring.READY && stale(memory, Raw.getLongOpaque(slot + PAYLOAD))) {
                stale[0]++;
            }
        });
        return stale[0] * 4 >= Ring.capacity(ring);
    }

    /**
     * Receives all references and sends the live ones back. One that finds no room is chosen: it looks again and queues itself anew. A chooser may miss
     * those in hand; so the caller answers for them, by its next try.
     */
    private static void rotate(Memory memory, long queue, int me) {
        int count = Ring.capacity(memory.address(Raw.getLongAcquire(queue + TAIL_RING)));
        for (int i = 0; i < count; i++) {
            long reference = take(memory, queue, me);
            if (reference == 0) {
                return;
            }
            if (stale(memory, reference)) {
                continue;
            }
            Raw.addInt(queue + WAITING, 1);
            long slot = Chain.trySend(memory, queue + TAIL_RING, me);
            if (slot > 0) {
                put(slot, reference);
            } else {
                Raw.addInt(queue + WAITING, -1);
                chooseRecord(memory, reference);
            }
        }
    }

    /** Takes the oldest reference; 0: there is none. */
    private static long take(Memory memory, long queue, int me) {
        long slot = Chain.tryReceive(memory, queue + HEAD_RING, me);
        if (slot < 0) {
            return 0;
        }
        long reference = Raw.getLong(slot + PAYLOAD);
        Ring.release(slot);
        Raw.addInt(queue + WAITING, -1);
        return reference;
    }

    /** Makes one waiter CHOSEN and wakes it. False: there was none. */
    static boolean choose(Memory memory, long queue, int me) {
        while (anyone(queue)) {
            long reference = take(memory, queue, me);
            if (reference == 0) {
                return false;
            }
            if (chooseRecord(memory, reference)) {
                return true;
            }
        }
        return false;
    }

    /** Chooses at most {@code most} waiters, and no more than there are now. Returns how many. */
    static int chooseUpTo(Memory memory, long queue, int me, int most) {
        int present = Raw.getIntVolatile(queue + WAITING);
        int chosen = 0;
        while (chosen < Math.min(present, most) && choose(memory, queue, me)) {
            chosen++;
        }
        return chosen;
    }

    private static long recordOf(Memory memory, long reference) {
        return memory.record((int) (reference >>> 46), (int) (reference >>> 27) & 0x7ffff);
    }

    private static boolean matches(int word, long reference) {
        return word >>> 5 == ((int) reference & 0x7ffffff) && (word & ThreadRecord.QUEUED) != 0;
    }

    private static boolean stale(Memory memory, long reference) {
        long record = recordOf(memory, reference);
        return record == 0 || !matches(Raw.getIntAcquire(record), reference);
    }

    /** Chooses the record a reference names, if the reference holds and it is PARKED. */
    private static boolean chooseRecord(Memory memory, long reference) {
        long record = recordOf(memory, reference);
        if (record == 0) {
            return false;
        }
        while (true) {
            int word = Raw.getIntAcquire(record);
            if (!matches(word, reference)) {
                return false;
            }
            int bare = word & ~ThreadRecord.QUEUED;
            if (ThreadRecord.state(word) != ThreadRecord.PARKED) {
                if (Raw.casInt(record, word, ThreadRecord.withState(bare, ThreadRecord.IDLE))) {
                    return false;
                }
            } else if (Raw.casInt(record, word, ThreadRecord.withState(bare, ThreadRecord.CHOSEN))) {
                wake(memory, record, word, (int) (reference >>> 46), (int) (reference >>> 27) & 0x7ffff);
                return true;
            }
        }
    }

    /** Wakes the thread behind a record: by its bell if it has one, else by its futex. */
    static void wake(Memory memory, long record, int word, int client, int index) {
        if ((word & ThreadRecord.BELL) != 0) {
            int bell = Raw.getIntAcquire(record + RecordEntry.BELL);
            Libc.ring(
                    "dragon-%016x%016x-%d-%d-%d".formatted(memory.runIdHigh(), memory.runIdLow(), client, index, bell));
        } else {
            Libc.futexWake(record, 1);
        }
    }
}
