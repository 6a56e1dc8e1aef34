package dragon.memory;

/**
 * How large a node's memory is made. All of it is address space; only what is used becomes memory.
 *
 * @param size bytes of the file
 * @param limit bytes the books may grant, the header and tables not among them
 * @param clients entries of the client table: processes attached at once, plus one
 * @param slabs entries of the slab table, at most 262144
 * @param node the node's number
 */
public record MemoryPlan(long size, long limit, int clients, int slabs, int node) {
    public static final int USUAL_CLIENTS = 1 << 14;
    public static final int MOST_CLIENTS = 1 << 18;

    private static final long HUGE_PAGE = 2 << 20;

    /** Checks the bounds the layout has. */
    public MemoryPlan {
        require(limit > 0 && size >= limit, "a memory of " + size + " bytes cannot grant a limit of " + limit);
        require(clients > Layout.AGENT && clients <= MOST_CLIENTS, "clients must be 2 to 262144, not " + clients);
        require(slabs > 1 && slabs <= Layout.Slab.MOST, "slabs must be 2 to 262144, not " + slabs);
        require(node >= 0, "a node's number is not negative: " + node);
    }

    /** The usual plan: a file four times the limit and at least 1 TiB, {@link #USUAL_CLIENTS}. */
    public static MemoryPlan of(long limit, int node) {
        return of(limit, USUAL_CLIENTS, node);
    }

    /** As usual, but for so many entries of the client table. */
    public static MemoryPlan of(long limit, int clients, int node) {
        return new MemoryPlan(Math.max(1L << 40, Math.multiplyExact(limit, 4)), limit, clients, Layout.Slab.MOST, node);
    }

    /** The same, or what of it fits into that many bytes of address space: a smaller file, which may grant less. Throws {@link DragonException} if not even {@code least} can be granted. */
    public MemoryPlan within(long space, long least) {
        long most = (space & -HUGE_PAGE) - arenaAt();
        require(
                most >= least,
                "the node's memory needs " + (arenaAt() + least + HUGE_PAGE) + " bytes at least, and " + space
                        + " can be had");
        return most >= size ? this : new MemoryPlan(most, Math.min(limit, most), clients, slabs, node);
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new DragonException(DragonException.Category.USER, "memory.plan", otherwise);
        }
    }

    /** Where the client table starts. */
    long clientsAt() {
        return Layout.Header.SIZE_OF;
    }

    /** Where the class table starts. */
    long classesAt() {
        return clientsAt() + (long) clients * Layout.ClientEntry.SIZE_OF;
    }

    /** Bytes from class to class. */
    int classStride() {
        return (int) Layout.roundUp(Layout.BlockClass.SLABS + (long) slabs * Integer.BYTES, 4096);
    }

    /** Where the slab table starts. */
    long slabsAt() {
        return classesAt() + (long) Layout.BlockClass.COUNT * classStride();
    }

    /** Where the table of pins starts. */
    long pinsAt() {
        return slabsAt() + (long) slabs * Layout.Slab.SIZE_OF;
    }

    /** The first byte handed out. */
    long arenaAt() {
        return Layout.roundUp(pinsAt() + Layout.PinTable.SIZE_OF, HUGE_PAGE);
    }
}
