package dragon.channel;

/** What an object is. */
public enum Kind {
    /** {@link Channel}. */
    CHANNEL(1, 2),
    /** {@link Semaphore}. */
    SEMAPHORE(2, 1),
    /** {@link Lock}. */
    LOCK(3, 1),
    /** {@link Lock}, recursive. */
    RLOCK(4, 1),
    /** {@link Event}. */
    EVENT(5, 1),
    /** {@link Condition}. */
    CONDITION(6, 1),
    /** {@link Area}. */
    AREA(7, 0),
    /** A barrier: so far only Python has it. */
    BARRIER(8, 1),
    /** Which messages of a channel are not done with: so far only Python has it. */
    TASKS(9, 1);

    private final int code;
    private final int queues;

    Kind(int code, int queues) {
        this.code = code;
        this.queues = queues;
    }

    /** The value in shared memory. */
    public int code() {
        return code;
    }

    /** How many wait queues such an object has. */
    int queues() {
        return queues;
    }
}
