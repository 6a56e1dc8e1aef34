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

    /** How many of a class's first slabs have a free block. */
    static int open(long classEntry, int slabs) {
        int open = 0;
        for (int low = 0; low << 6 < slabs; low++) {
            open += Long.bitCount(Raw.getLongVolatile(classEntry + BlockClass.LOW + (long) low * Long.BYTES));
        }
        return open;
    }

    /** Sets the bits above a slab that has a free block. */
    static void raise(long classEntry, int number) {
        int low = number >>> 6;
        set(classEntry + BlockClass.LOW + (long) low * Long.BYTES, number & 63);
        raiseLow(classEntry, low);
    }

    private static void raiseLow(long classEntry, int low) {
        set(classEntry + BlockClass.MID + (long) (low >>> 6) * Long.BYTES, low & 63);
        set(classEntry + BlockClass.TOP, low >>> 6);
    }

    /** Clears the bit of a slab that has no free block left; sets it again, and those above, if it has one after all. */
    static void lowerSlab(long classEntry, long slab, int number) {
        int low = number >>> 6;
        Raw.andLong(classEntry + BlockClass.LOW + (long) low * Long.BYTES, ~(1L << (number & 63)));
        if (Raw.getLongVolatile(slab + Slab.FREE) != 0) {
            raise(classEntry, number);
        }
    }

    /** Clears the bit of a low word that is empty; sets it again, and the one above, if it is not. */
    static void lowerLow(long classEntry, int low) {
        long lowWord = classEntry + BlockClass.LOW + (long) low * Long.BYTES;
        long midWord = classEntry + BlockClass.MID + (long) (low >>> 6) * Long.BYTES;
        Raw.andLong(midWord, ~(1L << (low & 63)));
        if (Raw.getLongVolatile(lowWord) != 0) {
            raiseLow(classEntry, low);
        }
    }

    /** Clears the bit of a mid word that is empty; sets it again if it is not. */
    static void lowerMid(long classEntry, int mid) {
        Raw.andLong(classEntry + BlockClass.TOP, ~(1L << mid));
        if (Raw.getLongVolatile(classEntry + BlockClass.MID + (long) mid * Long.BYTES) != 0) {
            set(classEntry + BlockClass.TOP, mid);
        }
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
                raiseLow(classEntry, low);
            }
        }
    }
}
