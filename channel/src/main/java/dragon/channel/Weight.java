package dragon.channel;

import dragon.memory.Memory;
import dragon.memory.Raw;

/**
 * How many bytes are in flight in a channel with a limit (section 9). Nobody counts them, so no death leaves a count wrong: who wants to know walks the
 * rings. Large messages are weighed one by one, small ones at every {@link #OFTEN}th slot.
 */
final class Weight {
    private static final int OFTEN = 64;

    private Weight() {}

    /** Whether the message in that slot is one at which sender and receiver look how much is in flight. */
    static boolean counts(long slot, int slotSize) {
        return Slot.kind(slot) == Slot.KIND_BLOCK || slot / slotSize % OFTEN == 0;
    }

    /**
     * Whether the messages that are ready, each at least its slot, have more bytes than that. One that is taken meanwhile may be counted wrongly; the next
     * look is right.
     */
    static boolean exceeds(Memory memory, long headRing, long limit) {
        long left = limit;
        for (long offset = Raw.getLongAcquire(headRing); offset != 0 && left >= 0; ) {
            long ring = memory.address(offset);
            left = Ring.subtractWeights(ring, left);
            offset = Ring.next(ring);
        }
        return left < 0;
    }

    /** Bytes of a message that is ready. */
    static long of(long slot, int slotSize) {
        return Slot.kind(slot) == Slot.KIND_BLOCK
                ? Math.max(slotSize, Raw.getLong(slot + Slot.BLOCK_LENGTH))
                : slotSize;
    }
}
