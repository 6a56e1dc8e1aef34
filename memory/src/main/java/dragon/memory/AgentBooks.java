package dragon.memory;

import dragon.memory.Layout.BlockClass;
import dragon.memory.Layout.Header;
import dragon.memory.Layout.Slab;

/**
 * The agent's books: grants slabs to classes while the header's limit allows (of large blocks at first as many as rotate). Every byte is charged before anyone may touch it. Thread-safe; there
 * is one per node, in the agent, whose death ends the run: so nothing here has to survive a kill, only to be seen in order by others.
 */
public final class AgentBooks implements Books {
    private static final int SMALL_PART = 256;

    private final Memory memory;
    private final String setting;
    private int slabs = 1; // entry 0 is unused
    private long used; // bytes of the arena

    /** Books of a fresh memory. {@code setting} names, in a refusal, what raises the limit. */
    public AgentBooks(Memory memory, String setting) {
        this.memory = memory;
        this.setting = setting;
    }

    @Override
    public synchronized void grow(int blockClass) {
        long entry = memory.blockClass(blockClass);
        if (Raw.getLongVolatile(entry + BlockClass.TOP) != 0) {
            return; // another asker's slab, or a block freed meanwhile: the caller looks again
        }
        long bytes = SizeClasses.slabBytes(blockClass, memory.pageSize());
        for (int more = slabsAtOnce(entry, blockClass, bytes); more > 0; more--) {
            charge(bytes);
            notifyAll();
            long base = Raw.getLong(memory.base() + Header.ARENA) + used;
            used += bytes;
            addSlab(entry, blockClass, slabs++, base);
        }
    }

    /** The first time, a whole rotation of large blocks where that is a small part of what is left; else one. */
    private int slabsAtOnce(long entry, int blockClass, long bytes) {
        if (Raw.getInt(entry + BlockClass.SLAB_COUNT) != 0) {
            return 1;
        }
        long affordable = (memory.limit() - memory.granted()) / SMALL_PART / bytes;
        return Math.clamp(affordable, 1, Rotation.slabs(blockClass));
    }

    /** Returns once that many bytes are granted. */
    public synchronized void awaitGranted(long bytes) throws InterruptedException {
        while (memory.granted() < bytes) {
            wait();
        }
    }

    /** One more than the slabs granted so far, which are numbered from 1 and lie in this order. */
    synchronized int slabs() {
        return slabs;
    }

    private void charge(long bytes) {
        long limit = memory.limit();
        long granted = memory.granted();
        long arena = Raw.getLong(memory.base() + Header.ARENA);
        boolean room = slabs < memory.slabsCapacity() && arena + used + bytes <= memory.size();
        if (bytes > limit - granted || !room) {
            throw new MemoryExhaustedException(bytes, room ? Math.max(0, limit - granted) : 0, limit, setting);
        }
        Raw.putLongRelease(memory.base() + Header.GRANTED, granted + bytes);
    }

    private void addSlab(long entry, int blockClass, int index, long base) {
        int number = Raw.getInt(entry + BlockClass.SLAB_COUNT);
        int blocks = SizeClasses.blocksOf(blockClass);
        long slab = memory.slab(index);
        Raw.putLong(slab + Slab.BASE, base);
        Raw.putInt(slab + Slab.CLASS, blockClass);
        Raw.putInt(slab + Slab.BLOCKS, blocks);
        Raw.putInt(slab + Slab.NUMBER, number);
        Raw.putInt(entry + BlockClass.SLABS + (long) number * Integer.BYTES, index);
        Raw.putIntRelease(entry + BlockClass.SLAB_COUNT, number + 1);
        Raw.orLong(slab + Slab.FREE, -1L >>> (64 - blocks));
        Hints.raise(entry, number);
    }
}
