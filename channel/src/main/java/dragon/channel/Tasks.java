package dragon.channel;

import dragon.memory.Memory;
import dragon.memory.Raw;

/**
 * The agent's part in counting which messages of a channel are not done with (section 9): what becomes of those that a client had in hand when it ended. They stand in
 * its reference, which is cleared right after.
 */
final class Tasks {
    private static final int WORD = ObjectLayout.BODY;
    private static final int LOST = ObjectLayout.BODY + Long.BYTES;

    private Tasks() {}

    /**
     * The client is gone. In order: what it had in hand is left to be done by others. Killed: it counts as done, and as lost, but for what others have said to be done.
     */
    static void left(Memory memory, long object, int inHand, boolean orderly) {
        long at = memory.address(object);
        int change;
        long word;
        do {
            word = Raw.getLongVolatile(at + WORD);
            int balance = (int) word;
            change = orderly ? inHand : Math.min(inHand, Math.max(0, -balance));
        } while (!Raw.casLong(at + WORD, word, next(word, change)));
        if (!orderly) {
            long lost;
            do {
                lost = Raw.getLongVolatile(at + LOST);
            } while (!Raw.casLong(at + LOST, lost, lost + inHand - change));
        }
    }

    private static long next(long word, int change) {
        return ((word >>> Integer.SIZE) + 1) << Integer.SIZE | Integer.toUnsignedLong((int) word + change);
    }
}
