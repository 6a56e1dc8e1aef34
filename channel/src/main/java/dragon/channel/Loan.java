package dragon.channel;

import dragon.memory.Blocks;
import dragon.memory.Client;
import dragon.memory.DragonException;
import dragon.memory.Raw;
import dragon.memory.ThreadRecord;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A block of shared memory in this process's hand: to write a message in place, or to read a received one. Used by one thread at a time; ends by being
 * sent or closed. When the process is killed, the sweep frees the block.
 */
public final class Loan implements AutoCloseable {
    private static final int FIRST_PLACE = 2;
    private static final int LAST_PLACE = 3;

    private final Client client;
    private final ThreadRecord record;
    private final int place;
    private final long address;
    private final long length;
    private final byte @Nullable [] copy;
    private final int flags;
    private boolean ended;

    private Loan(
            Client client,
            ThreadRecord record,
            int place,
            long address,
            long length,
            byte @Nullable [] copy,
            int flags) {
        this.client = client;
        this.record = record;
        this.place = place;
        this.address = address;
        this.length = length;
        this.copy = copy;
        this.flags = flags;
    }

    /** Takes a block that holds {@code size} bytes, to be written and sent. Its bytes are what they were. */
    public static Loan take(Client client, long size) {
        ThreadRecord record = withPlace(client.record());
        int place = placeIn(record);
        long ref = client.blocks().alloc(record, place, size);
        return new Loan(client, record, place, client.blocks().address(ref), size, null, 0);
    }

    /** The calling thread's first record that has a place left; its further records are for loans beyond two. */
    static ThreadRecord withPlace(ThreadRecord first) {
        ThreadRecord record = first;
        while (placeIn(record) < 0) {
            record = record.inner();
        }
        return record;
    }

    /** A place of the record that names no block; -1: none. */
    static int placeIn(ThreadRecord record) {
        for (int k = FIRST_PLACE; k <= LAST_PLACE; k++) {
            if (record.block(k) == 0) {
                return k;
            }
        }
        return -1;
    }

    /** The block that lies in a place of the record, with a message in it. */
    static Loan received(Client client, ThreadRecord record, int place, long length, int flags) {
        long address = client.blocks().address(Blocks.refIn(record, place));
        return new Loan(client, record, place, address, length, null, flags);
    }

    /** A message that lay in no block: a copy of it. */
    static Loan copied(Client client, ThreadRecord record, byte[] data, int flags) {
        return new Loan(client, record, -1, 0, data.length, data, flags);
    }

    /** The bytes. Not to be touched after the end of the loan, when they are somebody else's. */
    public MemorySegment segment() {
        check();
        // Made here rather than kept: so the JIT knows what it is, and leaves plain loads and stores of loops over it.
        return copy == null ? Raw.segment(address, length) : MemorySegment.ofArray(copy);
    }

    /** What the sender marked a received message with. */
    public int flags() {
        return flags;
    }

    /** What a slot names the block by. */
    long named() {
        check();
        if (place < 0) {
            throw new DragonException(
                    DragonException.Category.USER, "loan.copied", "this message lay in no block: send its bytes");
        }
        return record.block(place);
    }

    /** The block lies in the slot that names it. */
    void sent() {
        client.blocks().send(record, place);
    }

    /** The slot is published: the block is no longer this process's. */
    void gone() {
        record.block(place, 0);
        ended = true;
    }

    private void check() {
        if (ended) {
            throw new DragonException(DragonException.Category.USER, "loan.ended", "this loan was sent or closed");
        }
    }

    /** Gives the block back. */
    @Override
    public void close() {
        if (!ended) {
            ended = true;
            if (place >= 0) {
                client.blocks().free(record, place);
            }
        }
    }
}
