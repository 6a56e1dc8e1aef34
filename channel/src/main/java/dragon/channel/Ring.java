package dragon.channel;

import dragon.memory.Raw;
import java.lang.foreign.MemorySegment;
import java.util.function.LongPredicate;

/**
 * The one moving structure (section 5): a FIFO of slots with many senders and many receivers, by address. Rings form a chain when they may grow ({@link
 * Chain}).
 *
 * <p>A slot's word is {@code lap << 21 | state << 18 | owner}. Who claims a slot leaves its client number in it by the claiming compare-and-set; killed
 * with it, the agent's sweep abandons (WRITING) or frees (READING) it. The hints {@code tail} and {@code head} never run ahead of the claims, so a store
 * to them that never came costs a walk and nothing else. A lap never comes again: a stale compare-and-set fails.
 */
final class Ring {
    static final int CAPACITY = 0;
    static final int INDEX_BITS = CAPACITY + Integer.BYTES;
    static final int SLOT_SIZE = INDEX_BITS + Integer.BYTES;
    static final int FLAGS = SLOT_SIZE + Integer.BYTES;
    static final int NEXT = FLAGS + Integer.BYTES;
    static final int BLOCK = NEXT + Long.BYTES;
    static final int TAIL = 64;
    static final int HEAD = 128;
    static final int SLOTS = 192;

    static final int GROWABLE = 1;
    static final int MOST = 1 << 20;

    private static final int COPIED = 1 << 15; // bytes
    private static final int LARGE = 512; // bytes of a slot

    static final int FREE = 0;
    static final int WRITING = 1;
    static final int READY = 2;
    static final int READING = 3;
    static final int ABANDONED = 4;
    static final int CLOSED = 5;

    /** Result of a claim: full, or empty. A slot's address is positive. */
    static final long NONE = -1;
    /** Result of a claim to receive: nothing to take now, but something may be behind a slot that is being written or read. */
    static final long BUSY = -2;
    /** Result of a claim: this ring is closed there, go on in the next. */
    static final long MOVED = -3;
    /** Result of a claim to receive: the oldest message is of another shape than wanted, and is still there. */
    static final long UNWANTED = -4;

    /** Wanted: a message of any shape. Else what length and kind say, see {@link Slot#shape}. */
    static final long ANY = -1;

    private static final int LAP_SHIFT = 21;
    private static final int STATE_SHIFT = 18;
    private static final int OWNER_MASK = (1 << STATE_SHIFT) - 1;

    private Ring() {}

    static long word(long lap, int state, int owner) {
        return lap << LAP_SHIFT | (long) state << STATE_SHIFT | owner;
    }

    static long lap(long word) {
        return word >>> LAP_SHIFT;
    }

    static int state(long word) {
        return (int) (word >>> STATE_SHIFT) & 7;
    }

    static int owner(long word) {
        return (int) word & OWNER_MASK;
    }

    /** Bytes of a ring. */
    static long bytes(int capacity, int slotSize) {
        return SLOTS + (long) capacity * slotSize;
    }

    /** Fills a ring that nobody else can see yet and whose memory is zero where it matters. */
    static void format(long ring, int capacity, int slotSize, int flags, long block) {
        Raw.putInt(ring + CAPACITY, capacity);
        Raw.putInt(ring + INDEX_BITS, capacity == 1 ? 0 : Integer.SIZE - Integer.numberOfLeadingZeros(capacity - 1));
        Raw.putInt(ring + SLOT_SIZE, slotSize);
        Raw.putInt(ring + FLAGS, flags);
        Raw.putLong(ring + BLOCK, block);
    }

    /** Zeroes header and slot words: the memory had another use. */
    static void clear(long ring, int capacity, int slotSize) {
        Raw.zero(ring, SLOTS);
        for (long slot = ring + SLOTS, end = slot + (long) capacity * slotSize; slot < end; slot += slotSize) {
            Raw.putLong(slot, 0);
        }
    }

    static int capacity(long ring) {
        return Raw.getInt(ring + CAPACITY);
    }

    static boolean growable(long ring) {
        return (Raw.getInt(ring + FLAGS) & GROWABLE) != 0;
    }

    /** Offset of the next ring of the chain; 0 if there is none. */
    static long next(long ring) {
        return Raw.getLongAcquire(ring + NEXT);
    }

    private static long following(long position, int index, int capacity, int bits) {
        return index + 1 < capacity ? position + 1 : (position >>> bits) + 1 << bits;
    }

    private static long slotAt(long ring, int index, int slotSize) {
        return ring + SLOTS + (long) index * slotSize;
    }

    /**
     * Claims the next free slot for writing. Returns its address, NONE if the ring is full, or MOVED. Killed after the claim: the sweep abandons the
     * slot, and receivers go past it.
     */
    static long claimSend(long ring, int me) {
        int capacity = Raw.getInt(ring + CAPACITY);
        int bits = Raw.getInt(ring + INDEX_BITS);
        int slotSize = Raw.getInt(ring + SLOT_SIZE);
        long position = Raw.getLongOpaque(ring + TAIL);
        while (true) {
            int index = (int) (position & (1L << bits) - 1);
            long slot = slotAt(ring, index, slotSize);
            long word = Raw.getLongAcquire(slot);
            long lap = position >>> bits;
            long found = lap(word);
            int state = state(word);
            if (found == lap) {
                if (state == FREE) {
                    if (Raw.casLong(slot, word, word(lap, WRITING, me))) {
                        Raw.putLongOpaque(ring + TAIL, following(position, index, capacity, bits));
                        return slot;
                    }
                } else if (state == CLOSED) {
                    return MOVED;
                } else {
                    position = following(position, index, capacity, bits);
                }
            } else if (found > lap) {
                position = following(found - 1 << bits | index, index, capacity, bits);
            } else if (state == ABANDONED && found == lap - 1) {
                // A dead sender's, a lap old: every earlier position is past, so nobody can miss it.
                Raw.casLong(slot, word, word(lap, FREE, 0));
            } else {
                return NONE;
            }
        }
    }

    /** Whether a slot could be claimed for writing: the walk of {@link #claimSend} without its claim. */
    static boolean hasRoom(long ring) {
        int capacity = Raw.getInt(ring + CAPACITY);
        int bits = Raw.getInt(ring + INDEX_BITS);
        int slotSize = Raw.getInt(ring + SLOT_SIZE);
        long position = Raw.getLongOpaque(ring + TAIL);
        while (true) {
            int index = (int) (position & (1L << bits) - 1);
            long word = Raw.getLongAcquire(slotAt(ring, index, slotSize));
            long lap = position >>> bits;
            if (lap(word) > lap) {
                position = following(lap(word) - 1 << bits | index, index, capacity, bits);
            } else if (lap(word) < lap) {
                return state(word) == ABANDONED && lap(word) == lap - 1;
            } else if (state(word) == FREE || state(word) == CLOSED) {
                return true;
            } else {
                position = following(position, index, capacity, bits);
            }
        }
    }

    /** Makes a written slot's message visible, with a full fence after it. Killed before: abandoned; after: delivered. */
    static void publish(long slot) {
        Raw.putLongVolatile(slot, word(lap(Raw.getLong(slot)), READY, 0));
    }

    /** As {@link #publish} without the fence, which the sender of several messages makes after the last of them. */
    static void publishUnfenced(long slot) {
        Raw.putLongRelease(slot, word(lap(Raw.getLong(slot)), READY, 0));
    }

    /** Gives a claimed slot up unwritten, as the sweep does for the dead. */
    static void abandon(long slot) {
        Raw.putLongVolatile(slot, word(lap(Raw.getLong(slot)), ABANDONED, 0));
    }

    /**
     * Claims the oldest message if it has the shape that is wanted. Returns its slot's address, NONE if the ring is empty, BUSY if the next message is on its
     * way, UNWANTED, or MOVED. Killed after the claim: the sweep frees the slot, and the message is lost with its reader.
     */
    static long claimReceive(long ring, int me, long wanted) {
        int capacity = Raw.getInt(ring + CAPACITY);
        int bits = Raw.getInt(ring + INDEX_BITS);
        int slotSize = Raw.getInt(ring + SLOT_SIZE);
        long position = Raw.getLongOpaque(ring + HEAD);
        while (true) {
            int index = (int) (position & (1L << bits) - 1);
            long slot = slotAt(ring, index, slotSize);
            long word = Raw.getLongAcquire(slot);
            long lap = position >>> bits;
            long found = lap(word);
            if (found > lap) {
                position = following(found - 1 << bits | index, index, capacity, bits);
                continue;
            }
            if (found < lap) {
                return behind(ring);
            }
            switch (state(word)) {
                case READY -> {
                    if (wanted != ANY && Slot.shape(slot) != wanted) {
                        return UNWANTED; // or taken by another meanwhile: the shape may be that of a later message
                    }
                    if (Raw.casLong(slot, word, word(lap, READING, me))) {
                        Raw.putLongOpaque(ring + HEAD, following(position, index, capacity, bits));
                        return slot;
                    }
                }
                case READING -> position = following(position, index, capacity, bits);
                case ABANDONED -> {
                    if (Raw.casLong(slot, word, word(lap + 1, FREE, 0))) {
                        position = following(position, index, capacity, bits);
                        Raw.putLongOpaque(ring + HEAD, position);
                    }
                }
                case FREE -> {
                    if (!growable(ring) || next(ring) == 0) {
                        return NONE;
                    }
                    Raw.casLong(slot, word, word(lap, CLOSED, 0));
                }
                case CLOSED -> {
                    return MOVED;
                }
                default -> {
                    return BUSY;
                }
            }
        }
    }

    /** The next slot is still being read, a lap behind. Where the ring has a successor, there may be messages behind it. */
    private static long behind(long ring) {
        return growable(ring) && next(ring) != 0 ? BUSY : NONE;
    }

    /** Looks for the oldest message. Returns its slot's address, NONE, BUSY or MOVED. */
    static long peek(long ring) {
        long position = headPosition(ring);
        return position < 0 ? position : slotOf(ring, position);
    }

    private static long slotOf(long ring, long position) {
        int index = (int) (position & (1L << Raw.getInt(ring + INDEX_BITS)) - 1);
        return slotAt(ring, index, Raw.getInt(ring + SLOT_SIZE));
    }

    /** The position of the oldest message, NONE, BUSY or MOVED: the walk of {@link #claimReceive} without its claim. */
    static long headPosition(long ring) {
        int capacity = Raw.getInt(ring + CAPACITY);
        int bits = Raw.getInt(ring + INDEX_BITS);
        int slotSize = Raw.getInt(ring + SLOT_SIZE);
        long position = Raw.getLongOpaque(ring + HEAD);
        while (true) {
            int index = (int) (position & (1L << bits) - 1);
            long word = Raw.getLongAcquire(slotAt(ring, index, slotSize));
            long lap = position >>> bits;
            if (lap(word) > lap) {
                position = following(lap(word) - 1 << bits | index, index, capacity, bits);
                continue;
            }
            if (lap(word) < lap) {
                return behind(ring);
            }
            switch (state(word)) {
                case READY -> {
                    return position;
                }
                case READING, ABANDONED -> position = following(position, index, capacity, bits);
                case FREE -> {
                    return growable(ring) && next(ring) != 0 ? MOVED : NONE;
                }
                case CLOSED -> {
                    return MOVED;
                }
                default -> {
                    return BUSY;
                }
            }
        }
    }

    /**
     * Claims the message at a position where {@link #headPosition} met it, if the first word of its payload is wanted. Returns its slot's address or
     * NONE. The claim is from READY of that very lap: a later message in the same slot is out of turn.
     */
    static long claimAt(long ring, long position, int me, LongPredicate wanted) {
        long slot = slotOf(ring, position);
        long lap = position >>> Raw.getInt(ring + INDEX_BITS);
        boolean claimed = wanted.test(Raw.getLongOpaque(slot + Long.BYTES))
                && Raw.casLong(slot, word(lap, READY, 0), word(lap, READING, me));
        return claimed ? slot : NONE;
    }

    /** Gives a read slot back. Killed before: the sweep does it. */
    static void release(long slot) {
        Raw.putLongRelease(slot, word(lap(Raw.getLong(slot)) + 1, FREE, 0));
    }

    /** Messages that are ready: exact when nobody is at work in the ring. */
    static long ready(long ring) {
        int slotSize = Raw.getInt(ring + SLOT_SIZE);
        long count = 0;
        for (int index = 0; index < capacity(ring); index++) {
            if (state(Raw.getLongAcquire(slotAt(ring, index, slotSize))) == READY) {
                count++;
            }
        }
        return count;
    }

    /** {@code left} less the weights of the messages that are ready, the oldest first, until it is negative. */
    static long subtractWeights(long ring, long left) {
        int capacity = Raw.getInt(ring + CAPACITY);
        int bits = Raw.getInt(ring + INDEX_BITS);
        int slotSize = Raw.getInt(ring + SLOT_SIZE);
        long position = Raw.getLongOpaque(ring + HEAD);
        long rest = left;
        while (rest >= 0) {
            int index = (int) (position & (1L << bits) - 1);
            long slot = slotAt(ring, index, slotSize);
            long word = Raw.getLongAcquire(slot);
            long lap = position >>> bits;
            if (lap(word) > lap) {
                position = following(lap(word) - 1 << bits | index, index, capacity, bits);
                continue;
            }
            if (lap(word) < lap || state(word) == FREE || state(word) == CLOSED) {
                break;
            }
            if (state(word) == READY) {
                rest -= Weight.of(slot, slotSize);
            }
            position = following(position, index, capacity, bits);
        }
        return rest;
    }

    /** Visits every slot, for the agent. */
    static void forEachSlot(long ring, SlotVisitor visitor) {
        int slotSize = Raw.getInt(ring + SLOT_SIZE);
        int capacity = capacity(ring);
        for (int index = 0; index < capacity; index++) {
            long slot = slotAt(ring, index, slotSize);
            visitor.visit(slot, Raw.getLongAcquire(slot));
        }
    }

    /**
     * Visits every slot whose word names that owner, who is dead. Nobody but the agent changes such a word: so a copy of the ring shows them all, in a fraction of the
     * time that thousands of loads take, and a word that it shows wrongly, since somebody writes it meanwhile, is not the dead's when it is loaded.
     */
    static void forEachSlotOf(int owner, long ring, SlotVisitor visitor) {
        int slotSize = Raw.getInt(ring + SLOT_SIZE);
        int capacity = capacity(ring);
        if (slotSize > LARGE) {
            forEachSlot(ring, (slot, word) -> visit(slot, owner, visitor));
            return;
        }
        int most = Math.min(COPIED / slotSize, capacity); // at once
        long[] words = new long[most * slotSize / Long.BYTES];
        MemorySegment copy = MemorySegment.ofArray(words);
        for (int first = 0; first < capacity; first += most) {
            int count = Math.min(most, capacity - first);
            Raw.copyOut(slotAt(ring, first, slotSize), copy, 0, (long) count * slotSize);
            for (int i = 0; i < count; i++) {
                if (owner(words[i * (slotSize / Long.BYTES)]) == owner) {
                    visit(slotAt(ring, first + i, slotSize), owner, visitor);
                }
            }
        }
    }

    private static void visit(long slot, int owner, SlotVisitor visitor) {
        long word = Raw.getLongAcquire(slot);
        if (owner(word) == owner) {
            visitor.visit(slot, word);
        }
    }

    /** What the agent does with a slot. */
    @FunctionalInterface
    interface SlotVisitor {
        void visit(long slot, long word);
    }
}
