package dragon.channel;

import dragon.memory.Blocks;
import dragon.memory.Client;
import dragon.memory.DragonException;
import dragon.memory.Raw;
import dragon.memory.References;
import dragon.memory.ThreadRecord;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Objects;
import java.util.function.BooleanSupplier;
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

    static final int CAPACITY = ObjectLayout.BODY;
    static final int SLOT_BYTES = CAPACITY + Integer.BYTES;
    static final int LIMIT = SLOT_BYTES + Integer.BYTES;
    static final int HEAD_RING = LIMIT + Long.BYTES;
    static final int TAIL_RING = HEAD_RING + Long.BYTES;
    private static final int FIRST_SLOTS = 64;

    private final Sending sending;
    private final Receiving receiving;

    private Channel(Bound bound) {
        this(bound.client(), bound.handle(), bound.role(), bound.use());
    }

    /** Without a use: the mailbox as its clients see it, which outlives them. */
    Channel(Client client, Handle handle, Role role, References.@Nullable Use use) {
        super(client, handle, role, use);
        this.sending = new Sending(this);
        this.receiving = new Receiving(this);
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
        return create(client, capacity, slotSize, ends, role, 0);
    }

    /**
     * A new channel whose senders are held up when they are far ahead of the receivers.
     *
     * @param limit bytes in flight, each message at least its slot: a message with which there are more is sent, too, but its {@code send} returns only
     *     when less than half of that is in flight, or its time limit passes; when the receivers are gone meanwhile it throws
     *     {@link ChannelClosedException}. 0: no limit
     */
    public static Channel create(Client client, int capacity, int slotSize, boolean ends, Role role, long limit) {
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
            if (!Blocks.isFresh(client.memory(), Raw.getLong(address + ObjectLayout.BLOCK))) {
                Ring.clear(ring, slots, slotSize);
            }
            Ring.format(ring, slots, slotSize, capacity == 0 ? Ring.GROWABLE : 0, 0);
            Raw.putInt(address + CAPACITY, capacity);
            Raw.putInt(address + SLOT_BYTES, slotSize);
            Raw.putLong(address + LIMIT, limit);
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
        sending.send(data, 0, Waiter.FOREVER);
    }

    /** Sends a copy of the bytes, marked with 24 bits of flags, within a limit. */
    public void send(byte[] data, int flags, Duration limit) {
        if (!sending.send(data, flags, Limits.deadline(limit))) {
            throw new TimeLimitException("room in " + this, limit);
        }
    }

    /** Sends a copy of the bytes if there is room. */
    public boolean trySend(byte[] data) {
        return sending.send(data, 0, Waiter.NO_WAIT);
    }

    /** Sends a copy of the bytes. */
    public void send(MemorySegment data) {
        sending.send(data, 0, Waiter.FOREVER);
    }

    /** Sends a copy of the bytes, marked with 24 bits of flags, within a limit. */
    public void send(MemorySegment data, int flags, Duration limit) {
        if (!sending.send(data, flags, Limits.deadline(limit))) {
            throw new TimeLimitException("room in " + this, limit);
        }
    }

    /** Sends a copy of the bytes if there is room. */
    public boolean trySend(MemorySegment data) {
        return sending.send(data, 0, Waiter.NO_WAIT);
    }

    /** Sends a copy of the buffer's remaining bytes, and leaves the buffer as it is. */
    public void send(ByteBuffer data) {
        sending.send(MemorySegment.ofBuffer(data), 0, Waiter.FOREVER);
    }

    /** Sends eight bytes. */
    public void sendLong(long value) {
        sending.sendLong(value);
    }

    /**
     * Sends {@code count} of these values from {@code from} on, each as a message of eight bytes, in this order. Costs less than one by one. When it throws,
     * those before are sent; when the process is killed, at most one of those it was sending is lost.
     */
    public void sendLongs(long[] values, int from, int count) {
        sending.sendLongs(values, from, count);
    }

    /** Sends what was written into a loan, {@code length} bytes from its start, without a copy. The loan ends. */
    public void send(Loan loan, long length) {
        sending.send(loan, length);
    }

    /** One message of four words, for the mailbox. */
    void sendWords(ThreadRecord record, long a, long b, long c, long d) {
        sending.sendWords(record, a, b, c, d);
    }

    // Receiving

    /** The next message's bytes. */
    public byte[] receive() {
        return Objects.requireNonNull(receiving.receive(Waiter.FOREVER)).data();
    }

    /** The next message's bytes, within a limit. */
    public byte[] receive(Duration limit) {
        Message message = receiving.receive(Limits.deadline(limit));
        if (message == null) {
            throw new TimeLimitException("message in " + this, limit);
        }
        return message.data();
    }

    /** The next message's bytes; null if there is none. */
    public byte @Nullable [] tryReceive() {
        Message message = receiving.receive(Waiter.NO_WAIT);
        return message == null ? null : message.data();
    }

    /** The next message. */
    public Message receiveMessage() {
        return Objects.requireNonNull(receiving.receive(Waiter.FOREVER));
    }

    /** The next message, within a limit; null if there is none. */
    public @Nullable Message receiveMessage(Duration limit) {
        return receiving.receive(Limits.deadline(limit));
    }

    /**
     * The next message, into {@code into}. Returns its size.
     *
     * @throws MessageTooLargeException if it does not fit; the exception has it
     */
    public long receive(MemorySegment into) {
        return receiving.receive(into, Waiter.FOREVER);
    }

    /** As {@link #receive(MemorySegment)} if there is a message; -1: there is none. */
    public long tryReceive(MemorySegment into) {
        return receiving.receive(into, Waiter.NO_WAIT);
    }

    /** The next message, which has eight bytes. */
    public long receiveLong() {
        return receiving.receiveLong();
    }

    /**
     * Waits for the next message, which has eight bytes, and takes up to {@code most} that are ready and have eight bytes into {@code into}. Returns how many,
     * at least 1, or 0 if {@code most} is 0. Costs less than one by one. Other receivers get what is behind them; when the process is killed, those it took go
     * with it.
     */
    public int receiveLongs(long[] into, int from, int most) {
        return receiving.receiveLongs(into, from, most);
    }

    /** The next message where it lies, if it is a large one: its bytes are in the loan until that is closed. */
    public Loan receiveLoan() {
        return receiving.receiveLoan();
    }

    // Looking and closing

    /** As {@link #poll}, but {@code other} ends the wait, too: who makes that true calls {@link #lookAgain} then. For the agent's mailbox. */
    boolean pollOr(BooleanSupplier other, long deadline) {
        return receiving.pollOr(other, deadline);
    }

    /** Whether a message, or the end, is there to be received, at the latest when the limit passes. */
    public boolean poll(Duration limit) {
        return receiving.poll(Limits.deadline(limit));
    }

    @Override
    boolean isReady() {
        return receiving.isReady();
    }

    @Override
    long watchQueue() {
        return address() + ObjectLayout.QUEUE_0;
    }

    /** Whether nothing is there to be received, nor on its way: for the agent's mailbox. */
    boolean isDrained() {
        return receiving.isDrained();
    }

    /**
     * Closes the channel for everyone, at once: senders fail, receivers get what is left and then the end. Killed between the store and the last choice:
     * the sweep tells all who wait.
     */
    public void shut() {
        ThreadRecord record = client().record();
        begin(record, ThreadRecord.UPDATE);
        try {
            Raw.orInt(address() + ObjectLayout.CLOSED, ObjectLayout.CLOSED_BY_CALL);
            WaitQueue.chooseUpTo(client().memory(), watchQueue(), client().number(), Integer.MAX_VALUE);
            WaitQueue.chooseUpTo(
                    client().memory(), address() + ObjectLayout.QUEUE_1, client().number(), Integer.MAX_VALUE);
        } finally {
            end(record);
        }
    }

    /** Messages that are ready: exact when nobody is at work in the channel. */
    public long size() {
        return receiving.size();
    }

    /** Messages it holds at most; 0: it grows. */
    public int capacity() {
        return Raw.getInt(address() + CAPACITY);
    }
}
