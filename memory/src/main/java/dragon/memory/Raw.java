package dragon.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * Words of memory by address, each with the access mode its name says. An address is {@code memory.base() + offset}. All compare-and-set and
 * fetch-and-op are sequentially consistent.
 *
 * <p>One constant segment spans the whole address space, so that the JIT sees constants and leaves a plain load or store. Nothing checks that
 * an address is mapped: callers hold an object, a block or the header.
 */
public final class Raw {
    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle().withInvokeExactBehavior();
    private static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle().withInvokeExactBehavior();

    private Raw() {}

    /** The memory at that address as a segment that never dies: the caller keeps what it shows mapped. */
    public static MemorySegment segment(long address, long size) {
        return ALL.asSlice(address, size);
    }

    /** Plain load. */
    public static int getInt(long address) {
        return (int) INT.get(ALL, address);
    }

    /** Acquire load. */
    public static int getIntAcquire(long address) {
        return (int) INT.getAcquire(ALL, address);
    }

    /** Sequentially consistent load. */
    public static int getIntVolatile(long address) {
        return (int) INT.getVolatile(ALL, address);
    }

    /** Plain store. */
    public static void putInt(long address, int value) {
        if (Crash.ON) {
            Crash.step();
        }
        INT.set(ALL, address, value);
    }

    /** Release store. */
    public static void putIntRelease(long address, int value) {
        if (Crash.ON) {
            Crash.step();
        }
        INT.setRelease(ALL, address, value);
    }

    /** Compare and set. */
    public static boolean casInt(long address, int expected, int value) {
        if (Crash.ON) {
            Crash.step();
        }
        return INT.compareAndSet(ALL, address, expected, value);
    }

    /** Fetch and add. */
    public static int addInt(long address, int delta) {
        if (Crash.ON) {
            Crash.step();
        }
        return (int) INT.getAndAdd(ALL, address, delta);
    }

    /** Fetch and or. */
    public static int orInt(long address, int bits) {
        if (Crash.ON) {
            Crash.step();
        }
        return (int) INT.getAndBitwiseOr(ALL, address, bits);
    }

    /** Exchange. */
    public static int swapInt(long address, int value) {
        if (Crash.ON) {
            Crash.step();
        }
        return (int) INT.getAndSet(ALL, address, value);
    }

    /** Plain load. */
    public static long getLong(long address) {
        return (long) LONG.get(ALL, address);
    }

    /** Opaque (relaxed) load. */
    public static long getLongOpaque(long address) {
        return (long) LONG.getOpaque(ALL, address);
    }

    /** Acquire load. */
    public static long getLongAcquire(long address) {
        return (long) LONG.getAcquire(ALL, address);
    }

    /** Sequentially consistent load. */
    public static long getLongVolatile(long address) {
        return (long) LONG.getVolatile(ALL, address);
    }

    /** Plain store. */
    public static void putLong(long address, long value) {
        if (Crash.ON) {
            Crash.step();
        }
        LONG.set(ALL, address, value);
    }

    /** Opaque (relaxed) store. */
    public static void putLongOpaque(long address, long value) {
        if (Crash.ON) {
            Crash.step();
        }
        LONG.setOpaque(ALL, address, value);
    }

    /** Release store. */
    public static void putLongRelease(long address, long value) {
        if (Crash.ON) {
            Crash.step();
        }
        LONG.setRelease(ALL, address, value);
    }

    /** Sequentially consistent store: a release store and a full fence. */
    public static void putLongVolatile(long address, long value) {
        if (Crash.ON) {
            Crash.step();
        }
        LONG.setVolatile(ALL, address, value);
    }

    /** Compare and set. */
    public static boolean casLong(long address, long expected, long value) {
        if (Crash.ON) {
            Crash.step();
        }
        return LONG.compareAndSet(ALL, address, expected, value);
    }

    /** Fetch and add. */
    public static long addLong(long address, long delta) {
        if (Crash.ON) {
            Crash.step();
        }
        return (long) LONG.getAndAdd(ALL, address, delta);
    }

    /** Fetch and or. */
    public static long orLong(long address, long bits) {
        if (Crash.ON) {
            Crash.step();
        }
        return (long) LONG.getAndBitwiseOr(ALL, address, bits);
    }

    /** Fetch and and. */
    public static long andLong(long address, long bits) {
        if (Crash.ON) {
            Crash.step();
        }
        return (long) LONG.getAndBitwiseAnd(ALL, address, bits);
    }

    /** Full fence. */
    public static void fence() {
        VarHandle.fullFence();
    }

    /** Copies bytes into memory. The range of {@code from} was checked by the caller, before it claimed anything. */
    public static void copyIn(MemorySegment from, long start, long address, long size) {
        if (Crash.ON) {
            Crash.step();
        }
        if (size < BulkCopy.WATCHED) {
            plainCopyIn(from, start, address, size);
        } else {
            BulkCopy.copyIn(from, start, address, size);
        }
    }

    static void plainCopyIn(MemorySegment from, long start, long address, long size) {
        MemorySegment.copy(from, start, ALL, address, size);
    }

    /** Copies bytes into memory. */
    public static void copyIn(byte[] from, int start, long address, int size) {
        if (Crash.ON) {
            Crash.step();
        }
        MemorySegment.copy(from, start, ALL, ValueLayout.JAVA_BYTE, address, size);
    }

    /** Copies bytes of memory out. */
    public static void copyOut(long address, byte[] into, int start, int size) {
        MemorySegment.copy(ALL, ValueLayout.JAVA_BYTE, address, into, start, size);
    }

    /** Copies bytes of memory out. */
    public static void copyOut(long address, MemorySegment into, long start, long size) {
        MemorySegment.copy(ALL, address, into, start, size);
    }

    /** Zeroes bytes. */
    public static void zero(long address, long size) {
        if (Crash.ON) {
            Crash.step();
        }
        ALL.asSlice(address, size).fill((byte) 0);
    }
}
