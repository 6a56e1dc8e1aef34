package dragon.channel;

import dragon.memory.Client;
import dragon.memory.DragonException;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.ThreadRecord;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How a channel's messages are received: claim a slot, copy the bytes out or take the block, free the slot, wake and pass on.
 *
 * <p>Killed with the slot claimed: the sweep frees it with its block, and the message is lost with its reader. Once the slot is free, the block stands in the
 * record.
 */
final class Receiving {
    private static final int CLOSED_TO_RECEIVERS = ObjectLayout.NO_SENDERS | ObjectLayout.CLOSED_BY_CALL;

    /** An attempt's result: closed. */
    private static final long CLOSED = -1;

    private final Channel channel;
    private final Client client;
    private final Memory memory;
    private final int me;
    private final int capacity;
    private final int slotSize;
    private final long closed;
    private final long headRing;
    private final long receivers;
    private final long senders;
    private final Waiter.Attempt receiveAttempt = this::attemptReceive;

    Receiving(Channel channel) {
        long address = channel.address();
        this.channel = channel;
        this.client = channel.client();
        this.memory = client.memory();
        this.me = client.number();
        this.capacity = Raw.getInt(address + Channel.CAPACITY);
        this.slotSize = Raw.getInt(address + Channel.SLOT_BYTES);
        this.closed = address + ObjectLayout.CLOSED;
        this.headRing = address + Channel.HEAD_RING;
        this.receivers = address + ObjectLayout.QUEUE_0;
        this.senders = address + ObjectLayout.QUEUE_1;
    }

    /** The next message, which has eight bytes. */
    long receiveLong() {
        ThreadRecord record = client.record();
        channel.begin(record, ThreadRecord.RECEIVE);
        try {
            long slot = claimLong(record);
            long value = Raw.getLong(slot + Slot.BYTES);
            release(record, slot);
            return value;
        } finally {
            channel.end(record);
        }
    }

    /**
     * The next message, which has eight bytes, and as many behind it as are ready and have eight bytes. One fence and one look at who waits serve all.
     * Killed in between: the sweep frees the one slot that is claimed, and tells who waits.
     */
    int receiveLongs(long[] into, int from, int most) {
        Objects.checkFromIndexSize(from, most, into.length);
        if (most == 0) {
            return 0;
        }
        ThreadRecord record = client.record();
        channel.begin(record, ThreadRecord.RECEIVE);
        try {
            long slot = claimLong(record);
            boolean weighed = false;
            int taken = 0;
            do {
                into[from + taken++] = Raw.getLong(slot + Slot.BYTES);
                weighed |= Weight.counts(slot, slotSize);
                Ring.release(slot);
                slot = taken < most ? Chain.tryReceive(memory, headRing, me, Slot.EIGHT_BYTES) : 0;
            } while (slot > 0);
            tell(record, weighed);
            return taken;
        } finally {
            channel.end(record);
        }
    }

    /** Claims the next message, which has to have eight bytes. */
    private long claimLong(ThreadRecord record) {
        long slot = claimReceive(record, Waiter.FOREVER);
        if (Slot.shape(slot) != Slot.EIGHT_BYTES) {
            throw new DragonException(
                    DragonException.Category.USER,
                    "channel.not-long",
                    "a message of " + take(record, slot).data().length + " bytes was read as one of 8; it is gone");
        }
        return slot;
    }

    /** The next message where it lies, if it is a large one: its bytes are in the loan until that is closed. */
    Loan receiveLoan() {
        ThreadRecord record = client.record();
        ThreadRecord holder = Loan.withPlace(record);
        int place = Loan.placeIn(holder);
        channel.begin(record, ThreadRecord.RECEIVE);
        try {
            long slot = claimReceive(record, Waiter.FOREVER);
            if (Slot.kind(slot) != Slot.KIND_BLOCK) {
                Message message = take(record, slot);
                return Loan.copied(client, record, message.data(), message.flags());
            }
            long length = Raw.getLong(slot + Slot.BLOCK_LENGTH);
            int flags = Slot.flags(slot);
            client.blocks().receive(holder, place, Raw.getLong(slot + Slot.BYTES));
            release(record, slot);
            return Loan.received(client, holder, place, length, flags);
        } finally {
            channel.end(record);
        }
    }

    /** The next message; null: the deadline passed. */
    @Nullable
    Message receive(long deadline) {
        ThreadRecord record = client.record();
        channel.begin(record, ThreadRecord.RECEIVE);
        try {
            long slot = claimReceive(record, deadline);
            return slot == 0 ? null : take(record, slot);
        } finally {
            channel.end(record);
        }
    }

    /** The next message's bytes, into {@code into}. Returns their number; -1: the deadline passed. */
    long receive(MemorySegment into, long deadline) {
        ThreadRecord record = client.record();
        channel.begin(record, ThreadRecord.RECEIVE);
        try {
            long slot = claimReceive(record, deadline);
            if (slot == 0) {
                return -1;
            }
            return Slot.kind(slot) == Slot.KIND_BLOCK ? takeBlock(record, slot, into) : takeInline(record, slot, into);
        } finally {
            channel.end(record);
        }
    }

    private long takeInline(ThreadRecord record, long slot, MemorySegment into) {
        int length = Raw.getInt(slot + Slot.LENGTH);
        if (length > into.byteSize()) {
            throw new MessageTooLargeException(take(record, slot), into.byteSize());
        }
        try {
            Raw.copyOut(slot + Slot.BYTES, into, 0, length);
        } finally {
            release(record, slot);
        }
        return length;
    }

    private long takeBlock(ThreadRecord record, long slot, MemorySegment into) {
        long length = Raw.getLong(slot + Slot.BLOCK_LENGTH);
        if (length > into.byteSize()) {
            throw new MessageTooLargeException(take(record, slot), into.byteSize());
        }
        long ref = client.blocks().receive(record, 0, Raw.getLong(slot + Slot.BYTES));
        try {
            release(record, slot);
            Raw.copyOut(client.blocks().address(ref), into, 0, length);
        } finally {
            client.blocks().free(record, 0);
        }
        return length;
    }

    /** Copies a claimed message out. Killed until the slot is free: it is freed with its block; then: the block stands in the record. */
    private Message take(ThreadRecord record, long slot) {
        int flags = Slot.flags(slot);
        if (Slot.kind(slot) != Slot.KIND_BLOCK) {
            try {
                byte[] data = new byte[Raw.getInt(slot + Slot.LENGTH)];
                Raw.copyOut(slot + Slot.BYTES, data, 0, data.length);
                return new Message(flags, data);
            } finally {
                release(record, slot);
            }
        }
        long length = Raw.getLong(slot + Slot.BLOCK_LENGTH);
        long ref = client.blocks().receive(record, 0, Raw.getLong(slot + Slot.BYTES));
        try {
            release(record, slot);
            byte[] data = new byte[Math.toIntExact(length)];
            Raw.copyOut(client.blocks().address(ref), data, 0, data.length);
            return new Message(flags, data);
        } finally {
            client.blocks().free(record, 0);
        }
    }

    /** Claims the oldest message; 0: the deadline passed. */
    private long claimReceive(ThreadRecord record, long deadline) {
        long slot = Chain.tryReceive(memory, headRing, me);
        if (slot > 0) {
            return slot;
        }
        slot = attemptReceive(record);
        if (slot == 0) {
            slot = Waiter.await(record, channel, receivers, receiveAttempt, false, deadline);
        }
        if (slot == CLOSED) {
            Waiter.passOn(record, receivers);
            throw new ChannelClosedException("the end of " + channel + ": it was closed, or all senders are gone");
        }
        return slot;
    }

    /** Closed is loaded before the walk that finds nothing: a sender looks at it once more after its claim. */
    private long attemptReceive(ThreadRecord record) {
        int closedBefore = Raw.getIntVolatile(closed) & CLOSED_TO_RECEIVERS;
        long slot = Chain.tryReceive(memory, headRing, me);
        if (slot > 0) {
            return slot;
        }
        return slot == Ring.NONE && closedBefore != 0 ? CLOSED : 0;
    }

    /** Frees a read slot, and tells who waits. */
    private void release(ThreadRecord record, long slot) {
        boolean weighed = Weight.counts(slot, slotSize);
        Ring.release(slot);
        tell(record, weighed);
    }

    /**
     * After slots were freed: wakes a sender (one that waits for less to be in flight not at each small message, but at the last), and passes on to the next
     * receiver if there is something for it: a message, or the end. A freed slot may have been what hid the next ring's messages from others.
     */
    private void tell(ThreadRecord record, boolean weighed) {
        Raw.fence();
        if (WaitQueue.anyone(senders) && (capacity != 0 || weighed || Chain.peek(memory, headRing) <= 0)) {
            Waiter.passOn(record, senders);
        }
        if (WaitQueue.anyone(receivers)
                && (Chain.peek(memory, headRing) > 0 || (Raw.getIntVolatile(closed) & CLOSED_TO_RECEIVERS) != 0)) {
            Waiter.passOn(record, receivers);
        }
    }

    /** Waits until a message, or the end, is there; false: the deadline passed. */
    boolean poll(long deadline) {
        return pollOr(() -> false, deadline);
    }

    /** Waits until a message, or the end, is there, or {@code other} holds; false: the deadline passed. */
    boolean pollOr(BooleanSupplier other, long deadline) {
        if (other.getAsBoolean() || isReady()) {
            return true;
        }
        Waiter.Attempt look = record -> other.getAsBoolean() || isReady() ? 1 : 0;
        ThreadRecord record = client.record();
        channel.begin(record, ThreadRecord.RECEIVE);
        try {
            return Waiter.await(record, channel, receivers, look, true, deadline) != 0;
        } finally {
            channel.end(record);
        }
    }

    /** Whether a message, or the end, is there to be received. */
    boolean isReady() {
        int closedBefore = Raw.getIntVolatile(closed) & CLOSED_TO_RECEIVERS;
        long slot = Chain.peek(memory, headRing);
        return slot > 0 || slot == Ring.NONE && closedBefore != 0;
    }

    /** Whether the receivers' side is drained up to no message that is being written: for the agent's mailbox. */
    boolean isDrained() {
        return Chain.peek(memory, headRing) == Ring.NONE;
    }

    /** Messages that are ready. */
    long size() {
        return Chain.ready(memory, headRing);
    }
}
