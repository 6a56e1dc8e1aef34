package dragon.memory;

import dragon.memory.Layout.BlockClass;
import dragon.memory.Layout.Header;
import dragon.memory.Layout.Slab;

/**
 * The agent's books: grants slabs to classes while the header's limit allows. Every byte is charged before anyone may touch it. Thread-safe; there
 * is one per node, in the agent, whose death ends the run: so nothing here has to survive a kill, only to be seen in order by others.
 */
public final class AgentBooks implements Books {
    private static final int SMALL_PART = 256;
    private static final long MOST = 8 << 20;
    private static final int FEW =
            8; // so few of its slabs have a free block: a class grows, else its askers came for every block

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
        int present = Raw.getInt(entry + BlockClass.SLAB_COUNT);
        int open = Hints.open(entry, present);
        long bytes = SizeClasses.slabBytes(blockClass, memory.pageSize());
        if (open > present / FEW || open > 0 && !hasRoom(bytes)) {
            return; // another asker's slabs, or blocks freed meanwhile: the caller looks again
        }
        int more = slabsAtOnce(present, blockClass, bytes);
        do {
            charge(bytes);
            notifyAll();
            long base = Raw.getLong(memory.base() + Header.ARENA) + used;
            used += bytes;
            addSlab(entry, blockClass, slabs++, base);
        } while (--more > 0 && hasRoom(bytes));
    }

    /**
     * At first a rotation of large blocks, or one slab; later three times as many as are present, up to {@link #MOST}, so that a burst of many blocks costs few
     * questions. In any case at most a small part of what is left, or one slab.
     */
    private int slabsAtOnce(int present, int blockClass, long bytes) {
        long most = present > 0 ? Math.min(3L * present, MOST / bytes) : Rotation.slabs(blockClass);
        long affordable = left() / SMALL_PART / bytes;
        return (int) Math.max(1, Math.min(most, affordable));
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
        if (!hasRoom(bytes)) {
            throw new MemoryExhaustedException(
                    bytes, hasPlace(bytes) ? Math.max(0, left()) : 0, memory.limit(), setting);
        }
        Raw.putLongRelease(memory.base() + Header.GRANTED, memory.granted() + bytes);
    }

    /** What may still be granted. */
    private long left() {
        return memory.limit() - memory.granted();
    }

    private boolean hasRoom(long bytes) {
        return bytes <= left() && hasPlace(bytes);
    }

    private boolean hasPlace(long bytes) {
        long arena = Raw.getLong(memory.base() + Header.ARENA);
        return slabs < memory.slabsCapacity() && arena + used + bytes <= memory.size();
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
