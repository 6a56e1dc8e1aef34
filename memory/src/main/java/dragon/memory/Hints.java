package dragon.memory;

import dragon.memory.Layout.BlockClass;
import dragon.memory.Layout.Slab;

/**
 * The bits that say where a free block may be found: of each slab which blocks, of each class which slabs, in three levels. The block words are the
 * truth. A bit may be set for nothing; a bit is clear only for a moment where something is free: who clears a bit looks below it again, and the sweep
 * mends what the dead had no time for ({@link #mend}).
 */
final class Hints {
    private Hints() {}

    /** Sets the bits above a slab that has a free block. */
    static void raise(long classEntry, int number) {
        int low = number >>> 6;
        set(classEntry + BlockClass.LOW + (long) low * Long.BYTES, number & 63);
        set(classEntry + BlockClass.MID + (long) (low >>> 6) * Long.BYTES, low & 63);
        set(classEntry + BlockClass.TOP, low >>> 6);
    }

    /** Clears the bits above a slab that has no free block left, as far as there is nothing below them. */
    static void lower(long classEntry, long slab, int number) {
        int low = number >>> 6;
        int mid = low >>> 6;
        long lowWord = classEntry + BlockClass.LOW + (long) low * Long.BYTES;
        long midWord = classEntry + BlockClass.MID + (long) mid * Long.BYTES;
        if (clearAbove(lowWord, number & 63, slab + Slab.FREE) && clearAbove(midWord, low & 63, lowWord)) {
            clearAbove(classEntry + BlockClass.TOP, mid, midWord);
        }
    }

    /** Clears a bit whose word below is empty; sets it again if it is so no more. True: the bit's own word is empty now. */
    static boolean clearAbove(long word, int bit, long below) {
        long rest = Raw.andLong(word, ~(1L << bit)) & ~(1L << bit);
        if (Raw.getLongVolatile(below) != 0) {
            Raw.orLong(word, 1L << bit);
            return false;
        }
        return rest == 0;
    }

    static void set(long word, int bit) {
        if ((Raw.getLongVolatile(word) & 1L << bit) == 0) {
            Raw.orLong(word, 1L << bit);
        }
    }

    /** Sets every bit that may be missing in a slab and its class. */
    static void mend(long classEntry, long slab) {
        int blocks = Raw.getInt(slab + Slab.BLOCKS);
        for (int m = 0; m < blocks; m++) {
            if (Blocks.stateOf(Raw.getLongVolatile(slab + Slab.WORDS + (long) m * Long.BYTES)) == Blocks.FREE) {
                set(slab + Slab.FREE, m);
            }
        }
        if (Raw.getLongVolatile(slab + Slab.FREE) != 0) {
            raise(classEntry, Raw.getInt(slab + Slab.NUMBER));
        }
        int lows = (Raw.getIntAcquire(classEntry + BlockClass.SLAB_COUNT) + 63) >>> 6;
        for (int low = 0; low < lows; low++) {
            if (Raw.getLongVolatile(classEntry + BlockClass.LOW + (long) low * Long.BYTES) != 0) {
                set(classEntry + BlockClass.MID + (long) (low >>> 6) * Long.BYTES, low & 63);
                set(classEntry + BlockClass.TOP, low >>> 6);
            }
        }
    }
}
