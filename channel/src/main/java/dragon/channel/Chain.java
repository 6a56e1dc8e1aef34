package dragon.channel;

import dragon.memory.Blocks;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.ThreadRecord;
import java.util.function.LongPredicate;

/**
 * The rings of an object, of which each is larger than the one before (section 5). Two words of the object hint at the ring where senders and receivers
 * are; a ring that has a successor takes no new messages on purpose, and a receiver leaves a ring only past a CLOSED slot, which no claim can pass.
 * Old rings stay until the object is destroyed.
 */
final class Chain {
    private static final int SMALL = 4096;

    private Chain() {}

    /** Claims a slot for writing. Returns its address, or NONE: the last ring is full. */
    static long trySend(Memory memory, long tailRing, int me) {
        long ring = memory.address(Raw.getLongAcquire(tailRing));
        while (true) {
            long next = Ring.growable(ring) ? Ring.next(ring) : 0;
            if (next == 0) {
                long slot = Ring.claimSend(ring, me);
                if (slot != Ring.MOVED) {
                    return slot;
                }
                next = Ring.next(ring);
            }
            Raw.putLongRelease(tailRing, next);
            ring = memory.address(next);
        }
    }

    /** As {@link #trySend}, and grows a growable chain when it is full. Holds place 1 of the record meanwhile. */
    static long send(ThreadRecord record, long tailRing) {
        Memory memory = record.client().memory();
        int me = record.client().number();
        while (true) {
            long slot = trySend(memory, tailRing, me);
            if (slot != Ring.NONE) {
                return slot;
            }
            long ring = memory.address(Raw.getLongAcquire(tailRing));
            if (!Ring.growable(ring)) {
                return Ring.NONE;
            }
            if (Ring.next(ring) == 0) {
                grow(record, ring);
            }
        }
    }

    /**
     * Appends a larger ring. Of several that do so at once the first wins; who comes later sees it before its own is filled, mostly. Killed before the link: the
     * sweep frees the block; after it: the sweep makes it PART.
     */
    private static void grow(ThreadRecord record, long ring) {
        Memory memory = record.client().memory();
        Blocks blocks = record.client().blocks();
        int capacity = grown(Ring.capacity(ring));
        int slotSize = Raw.getInt(ring + Ring.SLOT_SIZE);
        long ref = blocks.alloc(record, 1, Ring.bytes(capacity, slotSize));
        long offset = Blocks.offsetOf(memory, ref);
        if (Ring.next(ring) != 0) {
            blocks.free(record, 1);
            return;
        }
        if (!Blocks.isFresh(memory, ref)) {
            Ring.clear(memory.address(offset), capacity, slotSize);
        }
        Ring.format(memory.address(offset), capacity, slotSize, Ring.GROWABLE, ref);
        if (Raw.casLong(ring + Ring.NEXT, 0, offset)) {
            Blocks.embed(memory, ref);
            record.block(1, 0);
        } else {
            blocks.free(record, 1);
        }
    }

    /** The capacity of the ring that follows one. */
    static int grown(int capacity) {
        return Math.min(capacity * (capacity < SMALL ? 4 : 2), Ring.MOST);
    }

    /** Claims the oldest message. Returns its slot's address, NONE, or BUSY. */
    static long tryReceive(Memory memory, long headRing, int me) {
        return tryReceive(memory, headRing, me, Ring.ANY);
    }

    /** Claims the oldest message if it has the shape that is wanted. Returns its slot's address, NONE, BUSY or UNWANTED. */
    static long tryReceive(Memory memory, long headRing, int me, long wanted) {
        long ring = memory.address(Raw.getLongAcquire(headRing));
        while (true) {
            long slot = Ring.claimReceive(ring, me, wanted);
            if (slot != Ring.MOVED) {
                return slot;
            }
            long next = Ring.next(ring);
            Raw.putLongRelease(headRing, next);
            ring = memory.address(next);
        }
    }

    /** Claims the oldest message if the first word of its payload is wanted. Returns its slot's address, or NONE. */
    static long receiveIf(Memory memory, long headRing, int me, LongPredicate wanted) {
        long ring = memory.address(Raw.getLongAcquire(headRing));
        while (true) {
            long position = Ring.headPosition(ring);
            if (position != Ring.MOVED) {
                return position < 0 ? Ring.NONE : Ring.claimAt(ring, position, me, wanted);
            }
            ring = memory.address(Ring.next(ring));
        }
    }

    /** Looks for the oldest message. Returns its slot's address, NONE, or BUSY. */
    static long peek(Memory memory, long headRing) {
        long ring = memory.address(Raw.getLongAcquire(headRing));
        while (true) {
            long slot = Ring.peek(ring);
            if (slot != Ring.MOVED) {
                return slot;
            }
            ring = memory.address(Ring.next(ring));
        }
    }

    /** Messages that are ready, in all rings from the receivers' on. */
    static long ready(Memory memory, long headRing) {
        long count = 0;
        for (long offset = Raw.getLongAcquire(headRing); offset != 0; ) {
            long ring = memory.address(offset);
            count += Ring.ready(ring);
            offset = Ring.next(ring);
        }
        return count;
    }
}
