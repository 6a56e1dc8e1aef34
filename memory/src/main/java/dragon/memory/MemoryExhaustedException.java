package dragon.memory;

/** The node's books refused memory: nothing was touched or claimed, and the run goes on. */
public final class MemoryExhaustedException extends DragonException {
    private static final long serialVersionUID = 1L;

    private final long need;
    private final long have;
    private final long limit;
    private final String setting;

    /** A refusal of {@code need} bytes while {@code have} of {@code limit} are left; {@code setting} names what raises the limit. */
    public MemoryExhaustedException(long need, long have, long limit, String setting) {
        super(
                Category.RESOURCES,
                "memory.exhausted",
                "the node's shared memory is used up: need " + need + " bytes, have " + have + " of a limit of " + limit
                        + "; free objects or messages, or raise " + setting);
        this.need = need;
        this.have = have;
        this.limit = limit;
        this.setting = setting;
    }

    /** Bytes asked for. */
    public long need() {
        return need;
    }

    /** Bytes left to grant. */
    public long have() {
        return have;
    }

    /** Bytes that may be granted in all. */
    public long limit() {
        return limit;
    }

    /** The setting that raises the limit. */
    public String setting() {
        return setting;
    }
}
