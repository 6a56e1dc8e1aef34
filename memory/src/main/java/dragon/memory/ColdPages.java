package dragon.memory;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Has slabs that nobody uses retired (section 4): their pages go back to the system, and their bytes into the books. For one thread of the agent, off every user's
 * path: removing pages stops all who have them mapped for a moment, so it is done for runs of {@link #LEAST_RUN} and more, and with long rests.
 *
 * <p>A slab is cold when it was free at two looks in a row and no block of it was taken in between. The first slabs of each class, a rotation of them, stay
 * warm for {@link #WARM} looks more.
 */
public final class ColdPages {
    private static final long LEAST_RUN = 2 << 20;
    private static final long MOST_AT_ONCE = 16 << 20;
    private static final int WARM = 8;
    private static final int RESTS = 10;

    private final AgentBooks books;
    private final Slabs table;

    /** By slab: its use when it was seen last, and at how many looks since then it was free and the same. */
    private long[] seen = {};

    private int[] looks = {};

    /** For a node's memory, by its books. */
    public ColdPages(Memory memory, AgentBooks books) {
        this.table = new Slabs(memory);
        this.books = books;
    }

    /** Gives back what was cold since the last look, and returns how many bytes. Rests in between. */
    public long look() throws InterruptedException {
        int end = books.slabs();
        int known = seen.length;
        seen = Arrays.copyOf(seen, end);
        looks = Arrays.copyOf(looks, end);
        Arrays.fill(seen, known, end, Slabs.IN_USE);
        List<Integer> cold = new ArrayList<>();
        for (int slab = 1; slab < end; slab++) {
            if (isCold(slab)) {
                cold.add(slab);
            }
        }
        long removed = 0;
        for (List<Integer> run : table.runs(cold)) {
            if (bytes(run) >= LEAST_RUN) {
                removed += remove(run);
            }
        }
        return removed;
    }

    private boolean isCold(int slab) {
        long use = table.use(slab);
        looks[slab] = use != Slabs.IN_USE && use == seen[slab] ? looks[slab] + 1 : 0;
        seen[slab] = use;
        return looks[slab] > (table.number(slab) < Rotation.slabs(table.blockClass(slab)) ? WARM : 0);
    }

    private long bytes(List<Integer> slabs) {
        return slabs.stream().mapToLong(table::bytes).sum();
    }

    /** A run of slabs goes, piece by piece, but for those that were taken meanwhile. */
    private long remove(List<Integer> run) throws InterruptedException {
        long removed = 0;
        long bytes = 0;
        List<Integer> piece = new ArrayList<>();
        for (int slab : run) {
            if (table.take(slab)) {
                piece.add(slab);
                bytes += table.bytes(slab);
            }
            if (bytes >= MOST_AT_ONCE) {
                removed += retire(piece);
                piece.clear();
                bytes = 0;
            }
        }
        return removed + retire(piece);
    }

    private long retire(List<Integer> piece) throws InterruptedException {
        long bytes = 0;
        for (List<Integer> run : table.runs(piece)) { // only now nobody else can give it another place
            long began = System.nanoTime();
            bytes += books.retire(run);
            Thread.sleep((System.nanoTime() - began) * RESTS / 1_000_000);
        }
        return bytes;
    }
}
