package dragon.channel;

import dragon.memory.Blocks;
import dragon.memory.Client;
import dragon.memory.DragonException;
import dragon.memory.InterruptedWaitException;
import dragon.memory.Raw;
import dragon.memory.ThreadRecord;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * How a channel's messages are sent: claim a slot, write, publish, wake. Large bytes are copied into a block first, so that nobody waits for the copy.
 *
 * <p>Killed with the slot claimed: the sweep abandons it, and frees the block it names. Once it is published, the message is everyone's.
 */
final class Sending {
    private static final int CLOSED_TO_SENDERS = ObjectLayout.NO_RECEIVERS | ObjectLayout.CLOSED_BY_CALL;

    /** An attempt's result: closed. */
    private static final long CLOSED = -1;

    private final Channel channel;
    private final Client client;
    private final int me;
    private final int capacity;
    private final int inline;
    private final long limit;
    private final long closed;
    private final long tailRing;
    private final long headRing;
    private final long firstRing;
    private final long receivers;
    private final long senders;
    private final Waiter.Attempt sendAttempt = this::attemptSend;
    private final Waiter.Attempt settleAttempt = this::attemptSettle;

    Sending(Channel channel) {
        long address = channel.address();
        this.channel = channel;
        this.client = channel.client();
        this.me = client.number();
        this.capacity = Raw.getInt(address + Channel.CAPACITY);
        this.inline = Raw.getInt(address + Channel.SLOT_BYTES) - Slot.BYTES;
        this.limit = Raw.getLong(address + Channel.LIMIT);
        this.closed = address + ObjectLayout.CLOSED;
        this.tailRing = address + Channel.TAIL_RING;
        this.headRing = address + Channel.HEAD_RING;
        this.firstRing = address + ObjectLayout.RING;
        this.receivers = address + ObjectLayout.QUEUE_0;
        this.senders = address + ObjectLayout.QUEUE_1;
    }

    /** Sends eight bytes, and waits without limit. */
    void sendLong(long value) {
        ThreadRecord record = client.record();
        channel.begin(record, ThreadRecord.SEND);
        try {
            long slot = claimSend(record, Waiter.FOREVER);
            Raw.putInt(slot + Slot.LENGTH, Long.BYTES);
            Raw.putInt(slot + Slot.KIND_AND_FLAGS, 0);
            Raw.putLong(slot + Slot.BYTES, value);
            publish(record, slot, Waiter.FOREVER);
        } finally {
            channel.end(record);
        }
    }

    /**
     * Sends eight bytes each as messages of their own, and waits without limit. One fence and one look at who waits serve many: before the sender waits itself,
     * and after the last. Killed in between: what is published is everyone's, and the sweep tells who waits.
     */
    void sendLongs(long[] values, int from, int count) {
        Objects.checkFromIndexSize(from, count, values.length);
        ThreadRecord record = client.record();
        channel.begin(record, ThreadRecord.SEND);
        try {
            for (int i = from; i < from + count; i++) {
                long slot = attemptSend(record);
                if (slot <= 0) {
                    tell(record, false);
                    slot = claimSend(record, Waiter.FOREVER);
                }
                Raw.putInt(slot + Slot.LENGTH, Long.BYTES);
                Raw.putInt(slot + Slot.KIND_AND_FLAGS, 0);
                Raw.putLong(slot + Slot.BYTES, values[i]);
                boolean weighed = limit != 0 && Weight.counts(slot, inline + Slot.BYTES);
                Ring.publishUnfenced(slot);
                if (weighed) {
                    tell(record, true);
                }
            }
        } finally {
            tell(record, false);
            channel.end(record);
        }
    }

    /** After messages that were published without a fence. */
    private void tell(ThreadRecord record, boolean weighed) {
        Raw.fence();
        published(record, weighed, Waiter.FOREVER);
    }

    /** Sends what was written into a loan, {@code length} bytes from its start, without a copy. The loan ends. */
    void send(Loan loan, long length) {
        Objects.checkFromIndexSize(0, length, loan.segment().byteSize());
        long named = loan.named();
        ThreadRecord record = client.record();
        channel.begin(record, ThreadRecord.SEND);
        try {
            long slot = claimSend(record, Waiter.FOREVER);
            writeBlock(slot, named, length, 0);
            loan.sent();
            Ring.publish(slot);
            loan.gone();
            published(record, true, Waiter.FOREVER);
        } finally {
            channel.end(record);
        }
    }

    /** One message of four words, for the mailbox. */
    void sendWords(ThreadRecord record, long a, long b, long c, long d) {
        channel.begin(record, ThreadRecord.SEND);
        try {
            long slot = claimSend(record, Waiter.FOREVER);
            Raw.putInt(slot + Slot.LENGTH, 4 * Long.BYTES);
            Raw.putInt(slot + Slot.KIND_AND_FLAGS, 0);
            Raw.putLong(slot + Slot.BYTES, a);
            Raw.putLong(slot + Slot.BYTES + 8, b);
            Raw.putLong(slot + Slot.BYTES + 16, c);
            Raw.putLong(slot + Slot.BYTES + 24, d);
            publish(record, slot, Waiter.FOREVER);
        } finally {
            channel.end(record);
        }
    }

    /** Sends a copy of the bytes; false: the deadline passed. */
    boolean send(byte[] data, int flags, long deadline) {
        int size = data.length;
        if (size > inline) {
            return send(MemorySegment.ofArray(data), flags, deadline);
        }
        checkFlags(flags);
        ThreadRecord record = client.record();
        channel.begin(record, ThreadRecord.SEND);
        try {
            long slot = claimSend(record, deadline);
            if (slot == 0) {
                return false;
            }
            Raw.putInt(slot + Slot.LENGTH, size);
            Raw.putInt(slot + Slot.KIND_AND_FLAGS, flags);
            Raw.copyIn(data, 0, slot + Slot.BYTES, size);
            publish(record, slot, deadline);
            return true;
        } finally {
            channel.end(record);
        }
    }

    /** Sends a copy of the bytes; false: the deadline passed. */
    boolean send(MemorySegment data, int flags, long deadline) {
        checkFlags(flags);
        long size = data.byteSize();
        ThreadRecord record = client.record();
        channel.begin(record, ThreadRecord.SEND);
        try {
            if (size > inline) {
                return sendBlock(record, data, flags, deadline);
            }
            long slot = claimSend(record, deadline);
            if (slot == 0) {
                return false;
            }
            writeInline(record, slot, data, flags);
            publish(record, slot, deadline);
            return true;
        } finally {
            channel.end(record);
        }
    }

    /** The caller's memory may be closed under it: then the slot is abandoned, as if the sender had died. */
    private void writeInline(ThreadRecord record, long slot, MemorySegment data, int flags) {
        try {
            Raw.putInt(slot + Slot.LENGTH, (int) data.byteSize());
            Raw.putInt(slot + Slot.KIND_AND_FLAGS, flags);
            Raw.copyIn(data, 0, slot + Slot.BYTES, data.byteSize());
        } catch (Throwable failure) {
            Ring.abandon(slot);
            Waiter.passOn(record, receivers);
            throw failure;
        }
    }

    /** Killed before the claim: the sweep frees the block, HELD by the dead; until READY: it is freed with the slot. */
    private boolean sendBlock(ThreadRecord record, MemorySegment data, int flags, long deadline) {
        if (deadline == Waiter.NO_WAIT && capacity != 0 && !Ring.hasRoom(firstRing)) {
            return false;
        }
        Blocks blocks = client.blocks();
        long ref = blocks.alloc(record, 0, data.byteSize());
        long slot = 0;
        try {
            Raw.copyIn(data, 0, blocks.address(ref), data.byteSize());
            slot = claimSend(record, deadline);
        } finally {
            if (slot == 0) {
                blocks.free(record, 0);
            }
        }
        if (slot == 0) {
            return false;
        }
        writeBlock(slot, record.block(0), data.byteSize(), flags);
        blocks.send(record, 0);
        Ring.publish(slot);
        record.block(0, 0);
        published(record, true, deadline);
        return true;
    }

    private static void writeBlock(long slot, long named, long length, int flags) {
        Raw.putInt(slot + Slot.LENGTH, (int) length);
        Raw.putInt(slot + Slot.KIND_AND_FLAGS, Slot.KIND_BLOCK << Slot.KIND_SHIFT | flags);
        Raw.putLong(slot + Slot.BYTES, named);
        Raw.putLong(slot + Slot.BLOCK_LENGTH, length);
    }

    private static void checkFlags(int flags) {
        if ((flags & ~Slot.MOST_FLAGS) != 0) {
            throw new DragonException(
                    DragonException.Category.USER, "channel.flags", "flags have 24 bits, not as " + flags);
        }
    }

    /** Claims a slot for writing; 0: the deadline passed. */
    private long claimSend(ThreadRecord record, long deadline) {
        long slot = attemptSend(record);
        if (slot == 0) {
            slot = Waiter.await(record, channel, senders, sendAttempt, false, deadline);
        }
        if (slot == CLOSED) {
            Waiter.passOn(record, senders);
            throw new ChannelClosedException(
                    "nobody will receive what is sent on " + channel + ": it was closed, or all receivers are gone");
        }
        return slot;
    }

    private long attemptSend(ThreadRecord record) {
        if ((Raw.getIntAcquire(closed) & CLOSED_TO_SENDERS) != 0) {
            return CLOSED;
        }
        long slot = capacity == 0 ? Chain.send(record, tailRing) : Ring.claimSend(firstRing, me);
        if (slot == Ring.NONE) {
            return 0;
        }
        if ((Raw.getIntVolatile(closed) & CLOSED_TO_SENDERS) != 0) {
            Ring.abandon(slot);
            Waiter.passOn(record, receivers);
            return CLOSED;
        }
        return slot;
    }

    private void publish(ThreadRecord record, long slot, long deadline) {
        boolean weighed = limit != 0 && Weight.counts(slot, inline + Slot.BYTES);
        Ring.publish(slot);
        published(record, weighed, deadline);
    }

    /** Wakes a receiver, and passes on to the next sender if there is room for it. The message is sent; who is far ahead is held up now. */
    private void published(ThreadRecord record, boolean weighed, long deadline) {
        if (WaitQueue.anyone(receivers)) {
            Waiter.passOn(record, receivers);
        }
        if (capacity != 0 && WaitQueue.anyone(senders) && Ring.hasRoom(firstRing)) {
            Waiter.passOn(record, senders);
        }
        if (limit != 0 && weighed && deadline != Waiter.NO_WAIT && exceeds(limit)) {
            settle(record, deadline);
        }
    }

    /**
     * Waits until receivers have caught up, or the deadline passes, or the thread is interrupted, since the message is sent. Killed here: nobody notices,
     * the sender holds nothing.
     */
    private void settle(ThreadRecord record, long deadline) {
        long result;
        try {
            result = Waiter.await(record, channel, senders, settleAttempt, true, deadline);
        } catch (InterruptedWaitException itsStatusStays) {
            return;
        }
        if (result == CLOSED) {
            throw new ChannelClosedException("nobody will receive what was sent on " + channel
                    + " and not received yet: it was closed, or all receivers are gone");
        }
    }

    /** Half the limit: who was held up goes on for a while before it is held up again. */
    private long attemptSettle(ThreadRecord record) {
        if ((Raw.getIntAcquire(closed) & CLOSED_TO_SENDERS) != 0) {
            return CLOSED;
        }
        return exceeds(limit / 2) ? 0 : 1;
    }

    private boolean exceeds(long bytes) {
        return Weight.exceeds(client.memory(), headRing, bytes);
    }
}
