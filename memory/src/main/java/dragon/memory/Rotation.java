package dragon.memory;

import dragon.memory.Layout.BlockClass;
import dragon.memory.Layout.Slab;

/**
 * Which free block a client takes next (section 4). Small ones lowest first, so that they are warm. Large ones rotate: two cores that hand one block to
 * and fro write into each other's caches, so a client takes the one behind its last, among the slabs that lie within {@link #BYTES} of the lowest with a
 * free block, which a cache can hold.
 *
 * <p>All of it is this process's guess; threads may race for it. The claim is made on the block word as ever.
 */
final class Rotation {
    /** Bytes of a rotation, and of a class's first grant. */
    static final long BYTES = 8 << 20;

    private static final long FROM = 1 << 14;
    private static final int[] SLABS = slabs();

    private final Memory memory;

    /** By class, of the block taken last: slab number + 1, block; 0: none yet. */
    private final int[] last = new int[SizeClasses.COUNT];

    Rotation(Memory memory) {
        this.memory = memory;
    }

    private static int[] slabs() {
        int[] slabs = new int[SizeClasses.COUNT];
        for (int c = 0; c < SizeClasses.COUNT; c++) {
            long size = SizeClasses.sizeOf(c);
            slabs[c] = size < FROM ? 1 : Math.clamp(BYTES / (size * SizeClasses.blocksOf(c)), 1, Long.SIZE);
        }
        return slabs;
    }

    /** Slabs of that class in a rotation; 1: its blocks do not rotate from slab to slab. */
    static int slabs(int blockClass) {
        return SLABS[blockClass];
    }

    /** Which of the slabs in {@code bits}, a low word of the class, to take from: its bit's number. */
    int pick(int blockClass, int low, long bits) {
        int lowest = Long.numberOfTrailingZeros(bits);
        int slab = (last[blockClass] >>> 6) - 1;
        int at = slab & 63;
        if (SLABS[blockClass] == 1 || slab < 0 || slab >>> 6 != low || at < lowest) {
            return lowest;
        }
        long window = bits & -1L >>> (Long.SIZE - SLABS[blockClass]) << lowest;
        if ((window >>> at & 1) != 0 && behindLast(blockClass, slab, free(blockClass, slab)) != 0) {
            return at;
        }
        long above = window & -2L << at;
        return above != 0 ? Long.numberOfTrailingZeros(above) : lowest;
    }

    private long free(int blockClass, int slab) {
        long slabs = memory.blockClass(blockClass) + BlockClass.SLABS;
        return Raw.getLongAcquire(memory.slab(Raw.getInt(slabs + (long) slab * Integer.BYTES)) + Slab.FREE);
    }

    /** Of a slab's free blocks those behind the one taken last; none where that one lies in another slab. */
    long behindLast(int blockClass, int slab, long free) {
        int taken = last[blockClass];
        return taken >>> 6 == slab + 1 ? free & -2L << (taken & 63) : 0;
    }

    /** Takes note of a block taken. */
    void took(int blockClass, int slab, int block) {
        if (SizeClasses.sizeOf(blockClass) >= FROM) {
            last[blockClass] = slab + 1 << 6 | block;
        }
    }
}
