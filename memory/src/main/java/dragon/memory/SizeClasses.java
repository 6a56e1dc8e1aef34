package dragon.memory;

/** The classes of block sizes (section 4): 64 to 4096 bytes by doubling, then four steps an octave up to 2^40. */
public final class SizeClasses {
    /** Number of classes. */
    public static final int COUNT = Layout.BlockClass.COUNT;

    private static final int DOUBLING = 7; // 64, 128, ... 4096
    private static final int SMALLEST_BITS = 6;
    private static final int STEPS_FROM = 12; // octaves above 2^12 have four steps
    private static final long SLAB_BYTES = 262144;
    private static final long[] SIZES = sizes();

    private SizeClasses() {}

    private static long[] sizes() {
        long[] sizes = new long[COUNT];
        for (int c = 0; c < COUNT; c++) {
            int step = c - DOUBLING;
            sizes[c] = step < 0 ? 1L << (SMALLEST_BITS + c) : (4L + step % 4 + 1) << (STEPS_FROM - 2 + step / 4);
        }
        return sizes;
    }

    /** The least class whose blocks hold {@code size} bytes. */
    public static int classOf(long size) {
        if (size < 0 || size > SIZES[COUNT - 1]) {
            throw new DragonException(
                    DragonException.Category.USER,
                    "memory.size",
                    "a block holds 0 to " + SIZES[COUNT - 1] + " bytes, not " + size);
        }
        if (size <= 1L << STEPS_FROM) {
            return size <= 1L << SMALLEST_BITS ? 0 : Long.SIZE - Long.numberOfLeadingZeros(size - 1) - SMALLEST_BITS;
        }
        int octave = Long.SIZE - 1 - Long.numberOfLeadingZeros(size - 1);
        int step = (int) ((size - 1 - (1L << octave)) >>> (octave - 2)); // 0 to 3
        return DOUBLING + 4 * (octave - STEPS_FROM) + step;
    }

    /** Bytes of a block of that class. */
    public static long sizeOf(int blockClass) {
        return SIZES[blockClass];
    }

    /** Blocks in a slab of that class. */
    public static int blocksOf(int blockClass) {
        return Math.clamp(SLAB_BYTES / SIZES[blockClass], 1, 64);
    }

    /** Bytes of a slab of that class. */
    public static long slabBytes(int blockClass, int pageSize) {
        return Layout.roundUp(SIZES[blockClass] * blocksOf(blockClass), pageSize);
    }
}
