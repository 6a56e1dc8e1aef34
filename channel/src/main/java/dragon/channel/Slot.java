package dragon.channel;

import dragon.memory.Raw;

/** A message slot's payload (section 9), from the slot's start: the bytes themselves, or the name of the block they lie in. */
final class Slot {
    static final int LENGTH = 8;
    static final int KIND_AND_FLAGS = LENGTH + Integer.BYTES;
    static final int BYTES = KIND_AND_FLAGS + Integer.BYTES;
    static final int BLOCK = BYTES;
    static final int BLOCK_LENGTH = BLOCK + Long.BYTES;

    static final int KIND_SHIFT = 24;
    static final int KIND_BLOCK = 1;
    static final int MOST_FLAGS = (1 << KIND_SHIFT) - 1;

    /** The shape of a message of eight bytes. */
    static final long EIGHT_BYTES = Long.BYTES;

    private static final long SHAPE = 0xff000000_ffffffffL;

    private Slot() {}

    /** Length and kind in one word, without the flags. */
    static long shape(long slot) {
        return Raw.getLongOpaque(slot + LENGTH) & SHAPE;
    }

    static int kind(long slot) {
        return Raw.getInt(slot + KIND_AND_FLAGS) >>> KIND_SHIFT;
    }

    static int flags(long slot) {
        return Raw.getInt(slot + KIND_AND_FLAGS) & MOST_FLAGS;
    }

    /** What the slot names its block by, generation and reference; 0 if the message lies in no block. */
    static long named(long slot) {
        return kind(slot) == KIND_BLOCK ? Raw.getLong(slot + BLOCK) : 0;
    }
}
