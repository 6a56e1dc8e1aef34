package dragon.memory;

import dragon.memory.Layout.BlockClass;
import dragon.memory.Layout.Slab;

/**
 * Hands out blocks (section 4). A block is named by its reference, {@code slab << 6 | index}; its word says who has it. Thread-safe; every method
 * that takes or gives a block has the caller's thread record and one of its four places for blocks in hand.
 *
 * <p>Killed anywhere: the record names the block, with the generation it has in these hands, before the block's word changes and until after its last
 * change; the sweep finishes from that.
 */
public final class Blocks {
    /** Nobody's. */
    public static final int FREE = 0;
    /** In the hands of its owner. */
    public static final int HELD = 1;
    /** In a channel: nobody's until it is received. */
    public static final int SENT = 2;
    /** Part of an object or table. */
    public static final int PART = 3;
    /** Taken out of use by the agent. */
    public static final int AGENT = 4;

    /** The reference in what a record or slot names a block by; the rest is the generation. */
    public static final long REF = 0xffffff;

    /** Where the generation starts in what a record or slot names a block by, and in a block word. */
    public static final int GENERATION_SHIFT = 24;

    private static final int STATE_SHIFT = 20;

    private final Memory memory;
    private final int me;
    private final Books books;
    private final Rotation rotation;

    Blocks(Memory memory, int me, Books books) {
        this.memory = memory;
        this.me = me;
        this.books = books;
        this.rotation = new Rotation(memory);
    }

    /** A block word. */
    public static long word(long generation, int state, int owner) {
        return generation << GENERATION_SHIFT | (long) state << STATE_SHIFT | owner;
    }

    /** The generation in a block word. */
    public static long generationOf(long word) {
        return word >>> GENERATION_SHIFT;
    }

    /** The state in a block word. */
    public static int stateOf(long word) {
        return (int) (word >>> STATE_SHIFT) & 0xf;
    }

    /** The owner in a block word. */
    public static int ownerOf(long word) {
        return (int) word & 0x3ffff;
    }

    /** The address of a block's word. */
    public static long wordAt(Memory memory, long ref) {
        return memory.slab((int) (ref >>> 6)) + Slab.WORDS + (ref & 63) * Long.BYTES;
    }

    /** The offset of a block's bytes. */
    public static long offsetOf(Memory memory, long ref) {
        long slab = memory.slab((int) (ref >>> 6));
        return Raw.getLong(slab + Slab.BASE) + (ref & 63) * SizeClasses.sizeOf(Raw.getInt(slab + Slab.CLASS));
    }

    /** Bytes a block holds. */
    public static long sizeOf(Memory memory, long ref) {
        return SizeClasses.sizeOf(Raw.getInt(memory.slab((int) (ref >>> 6)) + Slab.CLASS));
    }

    /** The address of a block's bytes. */
    public long address(long ref) {
        return memory.address(offsetOf(memory, ref));
    }

    /**
     * Takes a block of at least {@code size} bytes into place {@code k} of the record.
     *
     * @throws MemoryExhaustedException if there is none and the books refuse more; nothing is taken then
     */
    public long alloc(ThreadRecord record, int k, long size) {
        int blockClass = SizeClasses.classOf(size);
        while (true) {
            long ref = find(record, k, blockClass);
            if (ref != 0) {
                return ref;
            }
            record.block(k, 0);
            books.grow(blockClass);
        }
    }

    private long find(ThreadRecord record, int k, int blockClass) {
        long entry = memory.blockClass(blockClass);
        while (true) {
            long top = Raw.getLongAcquire(entry + BlockClass.TOP);
            if (top == 0) {
                return 0;
            }
            int mid = Long.numberOfTrailingZeros(top);
            long midWord = entry + BlockClass.MID + (long) mid * Long.BYTES;
            long midBits = Raw.getLongAcquire(midWord);
            if (midBits == 0) {
                nameClass(record, k, entry);
                Hints.lowerMid(entry, mid);
                continue;
            }
            int low = mid << 6 | Long.numberOfTrailingZeros(midBits);
            long lowWord = entry + BlockClass.LOW + (long) low * Long.BYTES;
            long lowBits = Raw.getLongAcquire(lowWord);
            if (lowBits == 0) {
                nameClass(record, k, entry);
                Hints.lowerLow(entry, low);
                continue;
            }
            int number = low << 6 | rotation.pick(blockClass, low, lowBits);
            int index = Raw.getInt(entry + BlockClass.SLABS + (long) number * Integer.BYTES);
            long ref = findIn(record, k, blockClass, index, number);
            if (ref != 0) {
                return ref;
            }
        }
    }

    /** Names some block of the class in the record, so that the sweep mends a hint cleared in it. */
    private static void nameClass(ThreadRecord record, int k, long entry) {
        record.block(k, (long) Raw.getInt(entry + BlockClass.SLABS) << 6);
    }

    /** Tries the block of a slab whose turn it is. */
    private long findIn(ThreadRecord record, int k, int blockClass, int index, int number) {
        long entry = memory.blockClass(blockClass);
        long slab = memory.slab(index);
        long free = Raw.getLongAcquire(slab + Slab.FREE);
        if (free == 0) {
            record.block(k, (long) index << 6);
            Hints.lowerSlab(entry, slab, number);
            return 0;
        }
        long behind = rotation.behindLast(blockClass, number, free);
        int m = Long.numberOfTrailingZeros(behind != 0 ? behind : free);
        long ref = (long) index << 6 | m;
        long at = slab + Slab.WORDS + (long) m * Long.BYTES;
        long word = Raw.getLongAcquire(at);
        long generation = generationOf(word) + 1;
        record.block(k, generation << GENERATION_SHIFT | ref);
        boolean won = stateOf(word) == FREE && Raw.casLong(at, word, word(generation, HELD, me));
        Raw.andLong(slab + Slab.FREE, ~(1L << m));
        if (won) {
            rotation.took(blockClass, number, m);
            return ref;
        }
        if (stateOf(Raw.getLongVolatile(at)) == FREE) {
            raise(memory, ref);
        }
        return 0;
    }

    /** Frees the block in place {@code k} of the record, HELD or PART, and empties the place. */
    public void free(ThreadRecord record, int k) {
        release(memory, refIn(record, k));
        record.block(k, 0);
    }

    /** The reference in place {@code k} of the record. */
    public static long refIn(ThreadRecord record, int k) {
        return record.block(k) & REF;
    }

    /** Makes a block free, whoever had it, and sets the hints. For the agent, and for who holds it. */
    public static void release(Memory memory, long ref) {
        long at = wordAt(memory, ref);
        Raw.putLongRelease(at, word(generationOf(Raw.getLong(at)), FREE, 0));
        raise(memory, ref);
    }

    /** Makes a block free if its word is still that. */
    public static boolean releaseIf(Memory memory, long ref, long word) {
        if (!Raw.casLong(wordAt(memory, ref), word, word(generationOf(word), FREE, 0))) {
            return false;
        }
        raise(memory, ref);
        return true;
    }

    private static void raise(Memory memory, long ref) {
        long slab = memory.slab((int) (ref >>> 6));
        Hints.set(slab + Slab.FREE, (int) ref & 63);
        Hints.raise(memory.blockClass(Raw.getInt(slab + Slab.CLASS)), Raw.getInt(slab + Slab.NUMBER));
    }

    /**
     * The block in place {@code k} of the record, which still names it, lies in a channel from now on. Its slot names it already, by {@link
     * ThreadRecord#block}.
     */
    public void send(ThreadRecord record, int k) {
        long hand = record.block(k);
        Raw.putLongRelease(wordAt(memory, hand & REF), word(hand >>> GENERATION_SHIFT, SENT, 0));
    }

    /** Takes the block that a slot names into place {@code k} of the record. Returns its reference. Killed before: it is freed with the slot. */
    public long receive(ThreadRecord record, int k, long sent) {
        long hand = sent + (1L << GENERATION_SHIFT);
        record.block(k, hand);
        Raw.putLongRelease(wordAt(memory, hand & REF), word(hand >>> GENERATION_SHIFT, HELD, me));
        return hand & REF;
    }

    /** The block this client holds is part of an object or table from now on. The record still names it. */
    public static void embed(Memory memory, long ref) {
        long at = wordAt(memory, ref);
        Raw.putLongRelease(at, word(generationOf(Raw.getLong(at)), PART, 0));
    }

    /** Sets every hint that may be missing about a block, its slab and its class: the dead may have cleared one. */
    public static void mendHints(Memory memory, long ref) {
        long slab = memory.slab((int) (ref >>> 6));
        Hints.mend(memory.blockClass(Raw.getInt(slab + Slab.CLASS)), slab);
    }

    /** The reference of the block that starts at that offset and was taken for that size. */
    public static long refAt(Memory memory, long offset, long size) {
        long entry = memory.blockClass(SizeClasses.classOf(size));
        int count = Raw.getIntAcquire(entry + BlockClass.SLAB_COUNT);
        for (int number = 0; number < count; number++) {
            int index = Raw.getInt(entry + BlockClass.SLABS + (long) number * Integer.BYTES);
            long base = Raw.getLong(memory.slab(index) + Slab.BASE); // 0: the slab rests
            long in = offset - base;
            long blockSize = Raw.getLong(entry + BlockClass.SIZE);
            if (base > 0 && in >= 0 && in < blockSize * Raw.getInt(memory.slab(index) + Slab.BLOCKS)) {
                return (long) index << 6 | in / blockSize;
            }
        }
        throw new DragonException(
                DragonException.Category.INTERNAL, "memory.block", "no block of " + size + " bytes is at " + offset);
    }

    /** Whether a block this client holds was never handed out before: its bytes are zero. */
    public static boolean isFresh(Memory memory, long ref) {
        return generationOf(Raw.getLong(wordAt(memory, ref))) == 1;
    }
}
