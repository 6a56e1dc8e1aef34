package dragon.model;

/**
 * The shared words of {@code spec/shared-memory.md} in 32 bits: fewer bits a field, the same fields.
 *
 * <p>Slot word {@code lap << 8 | state << 5 | owner}; position {@code lap << 3 | index}; record word {@code generation << 4 | queued << 3 | state}; waiter reference
 * {@code record << 8 | generation}; block word {@code generation << 8 | state << 5 | owner}.
 */
final class Words {
    static final int FREE = 0;
    static final int WRITING = 1;
    static final int READY = 2;
    static final int READING = 3;
    static final int ABANDONED = 4;
    static final int CLOSED = 5;

    static final int IDLE = 0;
    static final int PARKED = 1;
    static final int CHOSEN = 2;
    static final int NEWS = 3;
    static final int QUEUED = 8;

    static final int HELD = 1;
    static final int SENT = 2;

    /** {@code wait_object} and {@code op_object} of one who waits on several. */
    static final int SEVERAL = -1;

    /** Lock owner word: free, its last owner died abnormally. */
    static final int DIED = 64;

    private static final String[] SLOT = {"FREE", "WRITING", "READY", "READING", "ABANDONED", "CLOSED"};
    private static final String[] RECORD = {"IDLE", "PARKED", "CHOSEN", "NEWS"};
    private static final String[] BLOCK = {"FREE", "HELD", "SENT"};

    private Words() {}

    static int slot(int lap, int state, int owner) {
        return lap << 8 | state << 5 | owner;
    }

    static int lap(int slotWord) {
        return slotWord >> 8;
    }

    static int slotState(int slotWord) {
        return slotWord >> 5 & 7;
    }

    static int owner(int word) {
        return word & 31;
    }

    static int position(int lap, int index) {
        return lap << 3 | index;
    }

    static int lapOf(int position) {
        return position >> 3;
    }

    static int index(int position) {
        return position & 7;
    }

    static int record(int generation, int queued, int state) {
        return generation << 4 | queued | state;
    }

    static int generation(int recordWord) {
        return recordWord >> 4;
    }

    static boolean queued(int recordWord) {
        return (recordWord & QUEUED) != 0;
    }

    static int waitState(int recordWord) {
        return recordWord & 7;
    }

    static int reference(int record, int generation) {
        return record << 8 | generation;
    }

    static int block(int generation, int state, int owner) {
        return generation << 8 | state << 5 | owner;
    }

    static int blockState(int blockWord) {
        return blockWord >> 5 & 7;
    }

    static int blockGeneration(int blockWord) {
        return blockWord >> 8;
    }

    static String showSlot(int w) {
        return SLOT[slotState(w)] + (owner(w) == 0 ? "" : "(" + owner(w) + ")") + " lap " + lap(w);
    }

    static String showPosition(int p) {
        return "lap " + lapOf(p) + " index " + index(p);
    }

    static String showRecord(int w) {
        return RECORD[waitState(w)] + (queued(w) ? " QUEUED" : "") + " g" + generation(w);
    }

    static String showBlock(int w) {
        return BLOCK[blockState(w)] + (owner(w) == 0 ? "" : "(" + owner(w) + ")") + " g" + blockGeneration(w);
    }
}
