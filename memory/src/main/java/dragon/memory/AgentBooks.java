package dragon.memory;

import dragon.memory.Layout.BlockClass;
import dragon.memory.Layout.Header;
import dragon.memory.Layout.Slab;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * The agent's books: grants slabs to classes while the header's limit allows. Every byte is charged before anyone may touch it. What is wholly free again can be granted to any
 * class: its slab's bytes are taken away, without their pages, and the slab rests until its class needs it. Thread-safe; there is one per node, in the agent, whose death ends
 * the run: so nothing here has to survive a kill, only to be seen in order by others.
 */
public final class AgentBooks implements Books {
    private static final int SMALL_PART = 256;
    private static final long MOST = 8 << 20;
    private static final int FEW =
            8; // so few of its slabs have a free block: a class grows, else its askers came for every block

    private final Memory memory;
    private final String setting;
    private final Slabs table;
    private final Arena arena;
    private final List<TreeSet<Integer>> resting = new ArrayList<>(); // by class; in the order of their numbers
    private int slabs = 1; // entry 0 is unused

    /** Books of a fresh memory. {@code setting} names, in a refusal, what raises the limit. */
    public AgentBooks(Memory memory, String setting) {
        this.memory = memory;
        this.setting = setting;
        this.table = new Slabs(memory);
        this.arena = new Arena(Raw.getLong(memory.base() + Header.ARENA), memory.size());
        for (int c = 0; c < SizeClasses.COUNT; c++) {
            resting.add(new TreeSet<>());
        }
    }

    @Override
    public synchronized void grow(int blockClass) {
        long entry = memory.blockClass(blockClass);
        int known = Raw.getInt(entry + BlockClass.SLAB_COUNT);
        int present = known - resting.get(blockClass).size();
        int open = Hints.open(entry, known);
        long bytes = SizeClasses.slabBytes(blockClass, memory.pageSize());
        if (open > present / FEW || open > 0 && !hasRoom(blockClass, bytes)) {
            return; // another asker's slabs, or blocks freed meanwhile: the caller looks again
        }
        if (bytes > left()) {
            makeRoom(bytes - left());
        }
        int more = slabsAtOnce(present, blockClass, bytes);
        do {
            charge(blockClass, bytes);
            notifyAll();
            table.open(resting(blockClass), arena.take(bytes));
        } while (--more > 0 && hasRoom(blockClass, bytes));
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

    /** A slab of the class that rests; a new one where there is none. */
    private int resting(int blockClass) {
        Integer lowest = resting.get(blockClass).pollFirst();
        if (lowest != null) {
            return lowest;
        }
        table.add(slabs, blockClass);
        return slabs++;
    }

    /** Returns once that many bytes are granted. */
    public synchronized void awaitGranted(long bytes) throws InterruptedException {
        while (memory.granted() < bytes) {
            wait();
        }
    }

    /** One more than the slabs there ever were, which are numbered from 1. */
    synchronized int slabs() {
        return slabs;
    }

    /**
     * Slabs that were taken out of use and lie one after another: their pages go, and their bytes can be granted again. Returns how many bytes; 0 if the system does not
     * want them: then they are in use as before.
     */
    long retire(List<Integer> run) {
        long bytes = run.stream().mapToLong(table::bytes).sum();
        if (!Libc.giveBack(memory.address(table.base(run.getFirst())), bytes, memory.pageSize())) {
            run.forEach(table::release);
            return 0;
        }
        run.forEach(this::rest);
        return bytes;
    }

    private synchronized void rest(int slab) {
        long bytes = table.bytes(slab);
        arena.give(table.rest(slab), bytes);
        resting.get(table.blockClass(slab)).add(slab);
        Raw.putLongRelease(memory.base() + Header.GRANTED, memory.granted() - bytes);
    }

    /** Before anybody is refused: retires slabs that are wholly free, as many as are needed; none if that is not enough. */
    private void makeRoom(long needed) {
        List<Integer> taken = new ArrayList<>();
        long bytes = 0;
        for (int slab = 1; slab < slabs && bytes < needed; slab++) {
            if (looksFree(slab) && table.take(slab)) {
                taken.add(slab);
                bytes += table.bytes(slab);
            }
        }
        if (bytes < needed) {
            taken.forEach(table::release);
        } else {
            table.runs(taken).forEach(this::retire);
        }
    }

    private boolean looksFree(int slab) {
        long free = Raw.getLongAcquire(memory.slab(slab) + Slab.FREE);
        return free != 0 && Long.bitCount(free) == SizeClasses.blocksOf(table.blockClass(slab));
    }

    private void charge(int blockClass, long bytes) {
        if (!hasRoom(blockClass, bytes)) {
            throw new MemoryExhaustedException(
                    bytes, hasPlace(blockClass, bytes) ? Math.max(0, left()) : 0, memory.limit(), setting);
        }
        Raw.putLongRelease(memory.base() + Header.GRANTED, memory.granted() + bytes);
    }

    /** What may still be granted. */
    private long left() {
        return memory.limit() - memory.granted();
    }

    private boolean hasRoom(int blockClass, long bytes) {
        return bytes <= left() && hasPlace(blockClass, bytes);
    }

    private boolean hasPlace(int blockClass, long bytes) {
        return (slabs < memory.slabsCapacity() || !resting.get(blockClass).isEmpty()) && arena.has(bytes);
    }
}
