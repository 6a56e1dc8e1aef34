package dragon.agent;

/**
 * The ids of this node's processes: {@code (node + 1) << 32 | n}. 0 to 5 are the run-time's own parts, and the user's process that stands for the head where the head is some
 * other program; workers count up from 6.
 */
final class Ids {
    private static final int AGENT = 1;
    private static final int FIRST_ZYGOTE = 3;
    private static final int HEAD = 4;
    private static final int FIRST_OTHER = 5;
    private static final int FIRST_WORKER = 6;
    private static final int LATER_ZYGOTES = 1 << 31; // out of the way of workers, whose ids users see

    private final long base;
    private int next = FIRST_WORKER;
    private boolean otherTaken;

    Ids(int node) {
        base = (node + 1L) << 32;
    }

    long agent() {
        return base | AGENT;
    }

    long head() {
        return base | HEAD;
    }

    long firstZygote() {
        return base | FIRST_ZYGOTE;
    }

    long laterZygotes() {
        return base | Integer.toUnsignedLong(LATER_ZYGOTES);
    }

    /** For a new worker. */
    long worker() {
        return base | next++;
    }

    /** For a process that user code started. */
    long other() {
        if (!otherTaken) {
            otherTaken = true;
            return base | FIRST_OTHER;
        }
        return worker();
    }
}
