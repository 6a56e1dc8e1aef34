package dragon.channel;

import dragon.memory.Blocks;
import dragon.memory.Client;
import dragon.memory.DragonException;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.References;
import dragon.memory.ThreadRecord;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A FIFO of messages in shared memory: many senders, many receivers, in any process of the node. A small message lies in its slot; a large one is copied
 * into a block before anything is claimed, and the slot carries the block's name. Thread-safe.
 *
 * <p>When a process is killed, a message is lost only if it was in its hands; everyone else goes on as soon as the agent has swept. Uncontended operations
 * make no system call. {@code send} and {@code receive} wait without limit, or until a limit passes ({@link TimeLimitException}); {@code trySend} and
 * {@code tryReceive} do not wait. When the other side is gone or the channel was closed they throw {@link ChannelClosedException}, receivers after the
 * last message.
 */
public final class Channel extends SharedObject {
    /** Slot size if nothing else is said: messages up to 112 bytes lie in their slot. */
    public static final int SLOT_SIZE = 128;

    private static final int CAPACITY_AT = ObjectLayout.BODY;
    private static final int SLOT_SIZE_AT = CAPACITY_AT + Integer.BYTES;
    private static final int HEAD_RING = ObjectLayout.BODY + 16;
    private static final int TAIL_RING = HEAD_RING + Long.BYTES;
    private static final int FIRST_SLOTS = 64;

    static final int LENGTH = 8;
    static final int KIND_AND_FLAGS = 12;
    static final int BYTES = 16;
    static final int BLOCK_LENGTH = 24;
    static final int KIND_SHIFT = 24;
    static final int KIND_BLOCK = 1;
    private static final int MOST_FLAGS = (1 << KIND_SHIFT) - 1;

    private static final int CLOSED_TO_SENDERS = ObjectLayout.NO_RECEIVERS | ObjectLayout.CLOSED_BY_CALL;
    private static final int CLOSED_TO_RECEIVERS = ObjectLayout.NO_SENDERS | ObjectLayout.CLOSED_BY_CALL;

    /** An attempt's result: closed. */
    private static final long CLOSED = -1;

    private final Memory memory;
    private final int me;
    private final int capacity;
    private final int inline;
    private final long closed;
    private final long headRing;
    private final long tailRing;
    private final long receivers;
    private final long senders;
    private final long firstRing;
    private final Waiter.Attempt sendAttempt = this::attemptSend;
    private final Waiter.Attempt receiveAttempt = this::attemptReceive;
    private final Waiter.Attempt pollAttempt = record -> isReady() ? 1 : 0;

    private Channel(Bound bound) {
        this(bound.client(), bound.handle(), bound.role(), bound.use());
    }

    /** Without a use: the mailbox as its clients see it, which outlives them. */
    Channel(Client client, Handle handle, Role role, References.@Nullable Use use) {
        super(client, handle, role, use);
        this.memory = client.memory();
        this.me = client.number();
        this.capacity = Raw.getInt(address() + CAPACITY_AT);
        this.inline = Raw.getInt(address() + SLOT_SIZE_AT) - BYTES;
        this.closed = address() + ObjectLayout.CLOSED;
        this.headRing = address() + HEAD_RING;
        this.tailRing = address() + TAIL_RING;
        this.receivers = address() + ObjectLayout.QUEUE_0;
        this.senders = address() + ObjectLayout.QUEUE_1;
        this.firstRing = address() + ObjectLayout.RING;
    }

    /** A new channel that grows without bound, for anyone to send and receive. */
    public static Channel create(Client client) {
        return create(client, 0, SLOT_SIZE, false, Role.USER);
    }

    /**
     * A new channel.
     *
     * @param capacity messages it holds at most; 0: it grows
     * @param slotSize bytes of a slot, a multiple of 16: messages up to 16 less lie in it
     * @param ends whether it closes when nobody is bound as sender, or as receiver, any more
     * @param role of the reference returned
     */
    public static Channel create(Client client, int capacity, int slotSize, boolean ends, Role role) {
        if (capacity < 0 || capacity > Ring.MOST || slotSize < 48 || slotSize % 16 != 0 || slotSize > 1 << 16) {
            throw new DragonException(
                    DragonException.Category.USER,
                    "channel.shape",
                    "a channel has a capacity of 0 to " + Ring.MOST + " and slots of 48 to 65536 bytes by 16, not "
                            + capacity + " and " + slotSize);
        }
        int slots = capacity == 0 ? FIRST_SLOTS : capacity;
        long bytes = ObjectLayout.RING + Ring.bytes(slots, slotSize);
        int flags = ends ? ObjectLayout.ENDS : 0;
        Bound bound = SharedObject.create(client, Kind.CHANNEL, flags, role, bytes, address -> {
            long ring = address + ObjectLayout.RING;
            Ring.clear(ring, slots, slotSize);
            Ring.format(ring, slots, slotSize, capacity == 0 ? Ring.GROWABLE : 0, 0);
            Raw.putInt(address + CAPACITY_AT, capacity);
            Raw.putInt(address + SLOT_SIZE_AT, slotSize);
            Raw.putLong(address + HEAD_RING, ring - client.memory().base());
            Raw.putLong(address + TAIL_RING, ring - client.memory().base());
        });
        return new Channel(bound);
    }

    /** The channel that the handle names. */
    public static Channel bind(Client client, Handle handle, Role role) {
        return new Channel(SharedObject.bind(client, Kind.CHANNEL, handle, role));
    }

    // Sending

    /** Sends a copy of the bytes. */
    public void send(byte[] data) {
        send(data, 0, data.length, 0, Waiter.FOREVER);
    }

    /** Sends a copy of the bytes, marked with 24 bits of flags, within a limit. */
    public void send(byte[] data, int flags, Duration limit) {
        if (!send(data, 0, data.length, flags, Limits.deadline(limit))) {
            throw new TimeLimitException("room in " + this, limit);
        }
    }

    /** Sends a copy of the bytes if there is room. */
    public boolean trySend(byte[] data) {
        return send(data, 0, data.length, 0, Waiter.NO_WAIT);
    }

    /** Sends a copy of the bytes. */
    public void send(MemorySegment data) {
        send(data, 0, Waiter.FOREVER);
    }

    /** Sends a copy of the bytes, marked with 24 bits of flags, within a limit. */
    public void send(MemorySegment data, int flags, Duration limit) {
        if (!send(data, flags, Limits.deadline(limit))) {
            throw new TimeLimitException("room in " + this, limit);
        }
    }

    /** Sends a copy of the bytes if there is room. */
    public boolean trySend(MemorySegment data) {
        return send(data, 0, Waiter.NO_WAIT);
    }

    /** Sends a copy of the buffer's remaining bytes, and leaves the buffer as it is. */
    public void send(ByteBuffer data) {
        send(MemorySegment.ofBuffer(data), 0, Waiter.FOREVER);
    }

    /** Sends eight bytes. */
    public void sendLong(long value) {
        ThreadRecord record = client().record();
        begin(record, ThreadRecord.SEND);
        try {
            long slot = claimSend(record, Waiter.FOREVER);
            Raw.putInt(slot + LENGTH, Long.BYTES);
            Raw.putInt(slot + KIND_AND_FLAGS, 0);
            Raw.putLong(slot + BYTES, value);
            publish(record, slot);
        } finally {
            end(record);
        }
    }

    /** Sends what was written into a loan, {@code length} bytes from its start, without a copy. The loan ends. */
    public void send(Loan loan, long length) {
        Objects.checkFromIndexSize(0, length, loan.segment().byteSize());
        long named = loan.named();
        ThreadRecord record = client().record();
        begin(record, ThreadRecord.SEND);
        try {
            long slot = claimSend(record, Waiter.FOREVER);
            writeBlock(slot, named, length, 0);
            loan.sent();
            Ring.publish(slot);
            loan.gone();
            published(record);
        } finally {
            end(record);
        }
    }

    /** One message of four words, for the mailbox. */
    void sendWords(ThreadRecord record, long a, long b, long c, long d) {
        begin(record, ThreadRecord.SEND);
        try {
            long slot = claimSend(record, Waiter.FOREVER);
            Raw.putInt(slot + LENGTH, 4 * Long.BYTES);
            Raw.putInt(slot + KIND_AND_FLAGS, 0);
            Raw.putLong(slot + BYTES, a);
            Raw.putLong(slot + BYTES + 8, b);
            Raw.putLong(slot + BYTES + 16, c);
            Raw.putLong(slot + BYTES + 24, d);
            publish(record, slot);
        } finally {
            end(record);
        }
    }

    private boolean send(byte[] data, int start, int size, int flags, long deadline) {
        if (size > inline) {
            return send(MemorySegment.ofArray(data), flags, deadline);
        }
        checkFlags(flags);
        ThreadRecord record = client().record();
        begin(record, ThreadRecord.SEND);
        try {
            long slot = claimSend(record, deadline);
            if (slot == 0) {
                return false;
            }
            Raw.putInt(slot + LENGTH, size);
            Raw.putInt(slot + KIND_AND_FLAGS, flags);
            Raw.copyIn(data, start, slot + BYTES, size);
            publish(record, slot);
            return true;
        } finally {
            end(record);
        }
    }

    private boolean send(MemorySegment data, int flags, long deadline) {
        checkFlags(flags);
        long size = data.byteSize();
        ThreadRecord record = client().record();
        begin(record, ThreadRecord.SEND);
        try {
            if (size > inline) {
                return sendBlock(record, data, flags, deadline);
            }
            long slot = claimSend(record, deadline);
            if (slot == 0) {
                return false;
            }
            writeInline(record, slot, data, flags);
            publish(record, slot);
            return true;
        } finally {
            end(record);
        }
    }

    /** The caller's memory may be closed under it: then the slot is abandoned, as if the sender had died. */
    private void writeInline(ThreadRecord record, long slot, MemorySegment data, int flags) {
        try {
            Raw.putInt(slot + LENGTH, (int) data.byteSize());
            Raw.putInt(slot + KIND_AND_FLAGS, flags);
            Raw.copyIn(data, 0, slot + BYTES, data.byteSize());
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
        Blocks blocks = client().blocks();
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
        published(record);
        return true;
    }

    private static void writeBlock(long slot, long named, long length, int flags) {
        Raw.putInt(slot + LENGTH, (int) length);
        Raw.putInt(slot + KIND_AND_FLAGS, KIND_BLOCK << KIND_SHIFT | flags);
        Raw.putLong(slot + BYTES, named);
        Raw.putLong(slot + BLOCK_LENGTH, length);
    }

    private static void checkFlags(int flags) {
        if ((flags & ~MOST_FLAGS) != 0) {
            throw new DragonException(
                    DragonException.Category.USER, "channel.flags", "flags have 24 bits, not as " + flags);
        }
    }

    /** Claims a slot for writing; 0: the deadline passed. */
    private long claimSend(ThreadRecord record, long deadline) {
        long slot = attemptSend(record);
        if (slot == 0) {
            slot = Waiter.await(record, this, senders, sendAttempt, false, deadline);
        }
        if (slot == CLOSED) {
            Waiter.passOn(record, senders);
            throw new ChannelClosedException(
                    "nobody will receive what is sent on " + this + ": it was closed, or all receivers are gone");
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

    private void publish(ThreadRecord record, long slot) {
        Ring.publish(slot);
        published(record);
    }

    /** Wakes a receiver, and passes on to the next sender if there is room for it. */
    private void published(ThreadRecord record) {
        if (WaitQueue.anyone(receivers)) {
            Waiter.passOn(record, receivers);
        }
        if (capacity != 0 && WaitQueue.anyone(senders) && Ring.hasRoom(firstRing)) {
            Waiter.passOn(record, senders);
        }
    }

    // Receiving

    /** The next message's bytes. */
    public byte[] receive() {
        return Objects.requireNonNull(receive(Waiter.FOREVER)).data();
    }

    /** The next message's bytes, within a limit. */
    public byte[] receive(Duration limit) {
        Message message = receive(Limits.deadline(limit));
        if (message == null) {
            throw new TimeLimitException("message in " + this, limit);
        }
        return message.data();
    }

    /** The next message's bytes; null if there is none. */
    public byte @Nullable [] tryReceive() {
        Message message = receive(Waiter.NO_WAIT);
        return message == null ? null : message.data();
    }

    /** The next message. */
    public Message receiveMessage() {
        return Objects.requireNonNull(receive(Waiter.FOREVER));
    }

    /** The next message, within a limit; null if there is none. */
    public @Nullable Message receiveMessage(Duration limit) {
        return receive(Limits.deadline(limit));
    }

    /**
     * The next message, into {@code into}. Returns its size.
     *
     * @throws MessageTooLargeException if it does not fit; the exception has it
     */
    public long receive(MemorySegment into) {
        return receive(into, Waiter.FOREVER);
    }

    /** As {@link #receive(MemorySegment)} if there is a message; -1: there is none. */
    public long tryReceive(MemorySegment into) {
        return receive(into, Waiter.NO_WAIT);
    }

    /** The next message, which has eight bytes. */
    public long receiveLong() {
        ThreadRecord record = client().record();
        begin(record, ThreadRecord.RECEIVE);
        try {
            long slot = claimReceive(record, Waiter.FOREVER);
            if (Raw.getInt(slot + LENGTH) != Long.BYTES || kind(slot) == KIND_BLOCK) {
                throw new DragonException(
                        DragonException.Category.USER,
                        "channel.not-long",
                        "a message of " + take(record, slot).data().length + " bytes was read as one of 8; it is gone");
            }
            long value = Raw.getLong(slot + BYTES);
            release(record, slot);
            return value;
        } finally {
            end(record);
        }
    }

    /** The next message where it lies, if it is a large one: its bytes are in the loan until that is closed. */
    public Loan receiveLoan() {
        ThreadRecord record = client().record();
        ThreadRecord holder = Loan.withPlace(record);
        int place = Loan.placeIn(holder);
        begin(record, ThreadRecord.RECEIVE);
        try {
            long slot = claimReceive(record, Waiter.FOREVER);
            if (kind(slot) != KIND_BLOCK) {
                Message message = take(record, slot);
                return Loan.copied(client(), record, message.data(), message.flags());
            }
            long length = Raw.getLong(slot + BLOCK_LENGTH);
            int flags = Raw.getInt(slot + KIND_AND_FLAGS) & MOST_FLAGS;
            client().blocks().receive(holder, place, Raw.getLong(slot + BYTES));
            release(record, slot);
            return Loan.received(client(), holder, place, length, flags);
        } finally {
            end(record);
        }
    }

    private @Nullable Message receive(long deadline) {
        ThreadRecord record = client().record();
        begin(record, ThreadRecord.RECEIVE);
        try {
            long slot = claimReceive(record, deadline);
            return slot == 0 ? null : take(record, slot);
        } finally {
            end(record);
        }
    }

    private long receive(MemorySegment into, long deadline) {
        ThreadRecord record = client().record();
        begin(record, ThreadRecord.RECEIVE);
        try {
            long slot = claimReceive(record, deadline);
            if (slot == 0) {
                return -1;
            }
            return kind(slot) == KIND_BLOCK ? takeBlock(record, slot, into) : takeInline(record, slot, into);
        } finally {
            end(record);
        }
    }

    private static int kind(long slot) {
        return Raw.getInt(slot + KIND_AND_FLAGS) >>> KIND_SHIFT;
    }

    private long takeInline(ThreadRecord record, long slot, MemorySegment into) {
        int length = Raw.getInt(slot + LENGTH);
        if (length > into.byteSize()) {
            throw new MessageTooLargeException(take(record, slot), into.byteSize());
        }
        try {
            Raw.copyOut(slot + BYTES, into, 0, length);
        } finally {
            release(record, slot);
        }
        return length;
    }

    private long takeBlock(ThreadRecord record, long slot, MemorySegment into) {
        long length = Raw.getLong(slot + BLOCK_LENGTH);
        if (length > into.byteSize()) {
            throw new MessageTooLargeException(take(record, slot), into.byteSize());
        }
        long ref = client().blocks().receive(record, 0, Raw.getLong(slot + BYTES));
        try {
            release(record, slot);
            Raw.copyOut(client().blocks().address(ref), into, 0, length);
        } finally {
            client().blocks().free(record, 0);
        }
        return length;
    }

    /** Copies a claimed message out. Killed until the slot is free: it is freed with its block; then: the block stands in the record. */
    private Message take(ThreadRecord record, long slot) {
        int flags = Raw.getInt(slot + KIND_AND_FLAGS) & MOST_FLAGS;
        if (kind(slot) != KIND_BLOCK) {
            try {
                byte[] data = new byte[Raw.getInt(slot + LENGTH)];
                Raw.copyOut(slot + BYTES, data, 0, data.length);
                return new Message(flags, data);
            } finally {
                release(record, slot);
            }
        }
        long length = Raw.getLong(slot + BLOCK_LENGTH);
        long ref = client().blocks().receive(record, 0, Raw.getLong(slot + BYTES));
        try {
            release(record, slot);
            byte[] data = new byte[Math.toIntExact(length)];
            Raw.copyOut(client().blocks().address(ref), data, 0, data.length);
            return new Message(flags, data);
        } finally {
            client().blocks().free(record, 0);
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
            slot = Waiter.await(record, this, receivers, receiveAttempt, false, deadline);
        }
        if (slot == CLOSED) {
            Waiter.passOn(record, receivers);
            throw new ChannelClosedException("the end of " + this + ": it was closed, or all senders are gone");
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

    /**
     * Frees a read slot, wakes a sender, and passes on to the next receiver if there is something for it: a message, or the end. The freed slot may have
     * been what hid the next ring's messages from others.
     */
    private void release(ThreadRecord record, long slot) {
        Ring.release(slot);
        Raw.fence();
        if (capacity != 0 && WaitQueue.anyone(senders)) {
            Waiter.passOn(record, senders);
        }
        if (WaitQueue.anyone(receivers)
                && (Chain.peek(memory, headRing) > 0 || (Raw.getIntVolatile(closed) & CLOSED_TO_RECEIVERS) != 0)) {
            Waiter.passOn(record, receivers);
        }
    }

    // Looking and closing

    /** Waits until a message, or the end, is there to be received. */
    public void await() {
        poll(Waiter.FOREVER);
    }

    /** Whether a message, or the end, is there to be received, at the latest when the limit passes. */
    public boolean poll(Duration limit) {
        return poll(Limits.deadline(limit));
    }

    private boolean poll(long deadline) {
        if (isReady()) {
            return true;
        }
        ThreadRecord record = client().record();
        begin(record, ThreadRecord.RECEIVE);
        try {
            return Waiter.await(record, this, receivers, pollAttempt, true, deadline) != 0;
        } finally {
            end(record);
        }
    }

    @Override
    boolean isReady() {
        int closedBefore = Raw.getIntVolatile(closed) & CLOSED_TO_RECEIVERS;
        long slot = Chain.peek(memory, headRing);
        return slot > 0 || slot == Ring.NONE && closedBefore != 0;
    }

    @Override
    long watchQueue() {
        return receivers;
    }

    /** Whether the receivers' side is drained up to no message that is being written: for the agent's mailbox. */
    boolean isDrained() {
        return Chain.peek(memory, headRing) == Ring.NONE;
    }

    /**
     * Closes the channel for everyone, at once: senders fail, receivers get what is left and then the end. Killed between the store and the last choice:
     * the sweep tells all who wait.
     */
    public void shut() {
        ThreadRecord record = client().record();
        begin(record, ThreadRecord.UPDATE);
        try {
            Raw.orInt(closed, ObjectLayout.CLOSED_BY_CALL);
            WaitQueue.chooseUpTo(memory, receivers, me, Integer.MAX_VALUE);
            WaitQueue.chooseUpTo(memory, senders, me, Integer.MAX_VALUE);
        } finally {
            end(record);
        }
    }

    /** Messages that are ready: exact when nobody is at work in the channel. */
    public long size() {
        return Chain.ready(memory, headRing);
    }

    /** Messages it holds at most; 0: it grows. */
    public int capacity() {
        return capacity;
    }
}
