package dragon.channel;

import dragon.memory.Blocks;
import dragon.memory.Client;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.ThreadRecord;

/** A chain of rings that starts with four slots, which are full: 1 to 4. Its messages are one word. */
final class Rings {
    static final int FULL = WaitQueue.CAPACITY;

    private static final Memory MEMORY = Node.GROUND.memory();

    final long tail;
    final long head;
    private final long start;

    Rings() {
        ThreadRecord record = Node.A.record();
        long ref = Node.A.blocks().alloc(record, 0, WaitQueue.SIZE_OF);
        start = Node.A.blocks().address(ref);
        Blocks.embed(MEMORY, ref);
        record.block(0, 0);
        tail = start + WaitQueue.TAIL_RING;
        head = start + WaitQueue.HEAD_RING;
        fill();
    }

    private void fill() {
        Raw.zero(start, WaitQueue.SIZE_OF);
        WaitQueue.format(MEMORY, start);
        for (int i = 1; i <= FULL; i++) {
            send(Node.A, i);
        }
    }

    /** The ring it starts with. */
    long first() {
        return start + WaitQueue.RING;
    }

    /** Sends, and grows where that is needed. */
    void send(Client client, long message) {
        write(Chain.send(client.record(), tail), message);
    }

    /** Writes into a claimed slot. */
    static void write(long slot, long message) {
        Raw.putLong(slot + Long.BYTES, message);
        Ring.publish(slot);
    }

    /** The next message; 0: none can be taken now. */
    long next(Client client) {
        long slot = Chain.tryReceive(MEMORY, head, client.number());
        if (slot < 0) {
            return 0;
        }
        long message = Raw.getLong(slot + Long.BYTES);
        Ring.release(slot);
        return message;
    }

    /** As at the start. The blocks of its other rings are free again. */
    void reset() {
        for (long next = Ring.next(first()); next != 0; ) {
            long ring = MEMORY.address(next);
            next = Ring.next(ring);
            Blocks.release(MEMORY, Raw.getLong(ring + Ring.BLOCK));
        }
        fill();
    }
}
