package dragon.memory;

import dragon.memory.Layout.Slab;
import java.util.Arrays;

/**
 * Gives the pages of slabs that nobody uses back to the system (section 4); the slabs stay their classes'. For one thread of the agent, off every user's
 * path: removing pages stops all who have them mapped for a moment, so it is done for runs of {@link #LEAST_RUN} and more, and with long rests.
 *
 * <p>A slab is cold when it was free at two looks in a row and no block of it was taken in between. The first slabs of each class, a rotation of them, stay
 * warm. While its pages go the slab's blocks are AGENT, so nobody can take them; if the agent is killed then, the run is over.
 */
public final class ColdPages {
    private static final long LEAST_RUN = 2 << 20;
    private static final long MOST_AT_ONCE = 16 << 20;
    private static final long NEVER = -1;
    private static final int RESTS = 10;

    private final Memory memory;
    private final AgentBooks books;

    /** By slab: the sum of its blocks' generations when it was seen free, or when its pages went; NEVER: it was in use. */
    private long[] seen = {};

    private long[] gone = {};

    /** For a node's memory, by its books. */
    public ColdPages(Memory memory, AgentBooks books) {
        this.memory = memory;
        this.books = books;
    }

    /** Gives back what was cold since the last look, and returns how many bytes. Rests in between. */
    public long look() throws InterruptedException {
        int end = books.slabs();
        int known = seen.length;
        seen = Arrays.copyOf(seen, end);
        gone = Arrays.copyOf(gone, end);
        Arrays.fill(seen, known, end, NEVER);
        Arrays.fill(gone, known, end, NEVER);
        long removed = 0;
        long run = 0;
        int first = 1;
        for (int slab = 1; slab < end; slab++) {
            if (!isCold(slab)) {
                removed += remove(first, slab, run);
                first = slab + 1;
                run = 0;
                continue;
            }
            run += bytes(slab);
            if (run >= MOST_AT_ONCE) {
                removed += remove(first, slab + 1, run);
                first = slab + 1;
                run = 0;
            }
        }
        return removed + remove(first, end, run);
    }

    private boolean isCold(int slab) {
        long use = use(slab);
        boolean cold = use != NEVER && use == seen[slab] && use != gone[slab] && !staysWarm(slab);
        seen[slab] = use;
        return cold;
    }

    private boolean staysWarm(int slab) {
        return Raw.getInt(memory.slab(slab) + Slab.NUMBER) < Rotation.slabs(blockClass(slab));
    }

    /** The sum of the generations of a slab whose blocks are all free; NEVER where one is not. */
    private long use(int slab) {
        long sum = 0;
        for (int m = 0; m < SizeClasses.blocksOf(blockClass(slab)); m++) {
            long word = Raw.getLongVolatile(wordAt(slab, m));
            if (Blocks.stateOf(word) != Blocks.FREE) {
                return NEVER;
            }
            sum += Blocks.generationOf(word);
        }
        return sum;
    }

    private int blockClass(int slab) {
        return Raw.getInt(memory.slab(slab) + Slab.CLASS);
    }

    private long bytes(int slab) {
        return SizeClasses.slabBytes(blockClass(slab), memory.pageSize());
    }

    private long wordAt(int slab, int m) {
        return Blocks.wordAt(memory, (long) slab << 6 | m);
    }

    /** Removes the pages of slabs that lie one after another. */
    private long remove(int from, int to, long run) throws InterruptedException {
        if (run < LEAST_RUN) {
            return 0;
        }
        int taken = from;
        while (taken < to && take(taken)) {
            taken++;
        }
        long bytes = 0;
        for (int slab = from; slab < taken; slab++) {
            bytes += bytes(slab);
        }
        long began = System.nanoTime();
        if (bytes > 0) {
            Libc.giveBack(memory.address(Raw.getLong(memory.slab(from) + Slab.BASE)), bytes, memory.pageSize());
        }
        long took = System.nanoTime() - began;
        for (int slab = from; slab < taken; slab++) {
            giveBack(slab, SizeClasses.blocksOf(blockClass(slab)));
            gone[slab] = seen[slab];
        }
        Thread.sleep(took * RESTS / 1_000_000);
        return bytes;
    }

    /** Takes a slab out of use; false: a block of it was taken meanwhile. */
    private boolean take(int slab) {
        int blocks = SizeClasses.blocksOf(blockClass(slab));
        for (int m = 0; m < blocks; m++) {
            long word = Raw.getLongVolatile(wordAt(slab, m));
            long out = Blocks.word(Blocks.generationOf(word), Blocks.AGENT, 0);
            if (Blocks.stateOf(word) != Blocks.FREE || !Raw.casLong(wordAt(slab, m), word, out)) {
                giveBack(slab, m);
                return false;
            }
        }
        return true;
    }

    private void giveBack(int slab, int blocks) {
        for (int m = 0; m < blocks; m++) {
            Blocks.release(memory, (long) slab << 6 | m);
        }
    }
}
