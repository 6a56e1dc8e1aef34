package dragon.channel;

import dragon.memory.Blocks;
import dragon.memory.Client;
import dragon.memory.DragonException;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.References;
import dragon.memory.RunOverException;
import dragon.memory.ThreadRecord;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A reference to an object in shared memory. The object lives as long as any process has one, or a handle is on its way ({@link Mailbox}).
 *
 * <p>Thread-safe. {@link #close()} ends this reference; operations on it then fail. When the process ends without it, the agent clears it.
 */
public abstract class SharedObject implements AutoCloseable {
    private final Client client;
    private final long offset;
    private final long id;
    private final Role role;
    private final References.@Nullable Use use;
    private final int entry;
    private volatile boolean closed;

    /** A reference that was made by {@link #create} or {@link #bind}. */
    SharedObject(Bound bound) {
        this(bound.client, bound.handle, bound.role, bound.use);
    }

    /** Without a use: an object that outlives every use of this. */
    SharedObject(Client client, Handle handle, Role role, References.@Nullable Use use) {
        this.client = client;
        this.offset = handle.offset();
        this.id = handle.id();
        this.role = role;
        this.use = use;
        this.entry = use == null ? ThreadRecord.NOTHING : use.entry();
    }

    /** What a new reference is made of. */
    record Bound(Client client, Handle handle, Role role, References.Use use) {}

    /** Where it lies in the node's memory. */
    public final long offset() {
        return offset;
    }

    /** Its id. */
    public final long id() {
        return id;
    }

    /** Offset and id, for another process to be bound. */
    public final Handle handle() {
        return new Handle(offset, id);
    }

    /** The role of this reference. */
    public final Role role() {
        return role;
    }

    /** The client that is bound. */
    public final Client client() {
        return client;
    }

    /** Where watchers of {@link AnyOf} wait: the address of a wait queue; 0 if this kind cannot be watched. */
    long watchQueue() {
        return 0;
    }

    /** Whether a watcher need not wait. */
    boolean isReady() {
        return false;
    }

    final long address() {
        return client.memory().address(offset);
    }

    /** Starts an operation: what it is on stands in the record before anything is claimed. */
    final void begin(ThreadRecord record, int op) {
        record.using(entry);
        record.begin(op, offset);
        if (closed) {
            end(record);
            throw ended();
        }
    }

    /** Ends an operation. */
    final void end(ThreadRecord record) {
        record.end();
        record.using(ThreadRecord.NOTHING);
        if (closed) {
            finishClosing(record);
        }
    }

    final boolean isClosed() {
        return closed;
    }

    final DragonException ended() {
        return new DragonException(
                DragonException.Category.USER, "object.closed", "this reference to " + this + " was closed");
    }

    /** Keeps the reference while it is waited for beside others. */
    final void retain() {
        if (closed || use == null || !client.references().retain(use)) {
            throw ended();
        }
    }

    /** Ends {@link #retain}. */
    final void letGo(ThreadRecord record) {
        if (use != null && client.references().release(use)) {
            finishClosing(record);
        }
    }

    /** Wakes the threads of this process that sleep in operations on this, whatever became of the waiter references that others took from its queues. */
    final void lookAgain() {
        client.lookAgain(entry);
    }

    /**
     * Ends this reference. Threads of this process that are in operations on it leave them with an error, if they sleep; the reference is cleared when
     * the last has left. If it was this process's last in its role, the agent is told, who frees the object when nobody is left.
     */
    @Override
    public void close() {
        synchronized (this) {
            if (closed || use == null) {
                return;
            }
            closed = true;
        }
        client.references().release(use);
        client.disturb(entry);
        finishClosing(client.record());
    }

    /** Killed in between: the record names the object until the agent was told, and the sweep audits it. */
    private void finishClosing(ThreadRecord record) {
        record.begin(ThreadRecord.UPDATE, offset);
        try {
            if (use != null && client.references().clear(use, () -> Ends.dropAndTell(client, offset, role.bit()))) {
                Mailbox.of(client).released(record.inner(), handle(), role);
            }
        } finally {
            record.end();
        }
    }

    @Override
    public String toString() {
        return getClass().getSimpleName() + " " + handle();
    }

    /**
     * Makes an object and binds to it.
     *
     * <p>Killed before its block is PART: the sweep clears the reference and frees the block, and nobody else knows of it.
     *
     * @param fill writes the body, given the object's address; the rest is zero but for kind, flags and wait queues
     */
    static Bound create(Client client, Kind kind, int flags, Role role, long bytes, LongConsumer fill) {
        Memory memory = client.memory();
        ThreadRecord record = client.record();
        client.references().reserve(record);
        record.begin(ThreadRecord.CREATE, 0);
        try {
            long ref = client.blocks().alloc(record, 0, bytes);
            long offset = Blocks.offsetOf(memory, ref);
            long address = memory.address(offset);
            record.begin(ThreadRecord.CREATE, offset);
            format(memory, kind, flags, ref, address);
            fill.accept(address);
            long id = memory.nextId();
            References.Use use = client.references().add(record, offset | role.bit());
            countIfTracked(client, offset, role, use);
            Raw.putIntRelease(address + ObjectLayout.STATE, ObjectLayout.LIVE);
            Raw.putLongRelease(address + ObjectLayout.ID, id);
            Blocks.embed(memory, ref);
            record.block(0, 0);
            return new Bound(client, new Handle(offset, id), role, use);
        } finally {
            record.end();
        }
    }

    private static void format(Memory memory, Kind kind, int flags, long ref, long address) {
        if (!Blocks.isFresh(memory, ref)) {
            Raw.zero(address, ObjectLayout.QUEUE_0 + (long) kind.queues() * WaitQueue.SIZE_OF);
        }
        Raw.putInt(address + ObjectLayout.KIND, kind.code());
        Raw.putLong(address + ObjectLayout.BLOCK, ref);
        Raw.putInt(address + ObjectLayout.FLAGS, flags);
        for (int i = 0; i < kind.queues(); i++) {
            WaitQueue.format(memory, address + ObjectLayout.QUEUE_0 + (long) i * WaitQueue.SIZE_OF);
        }
    }

    /**
     * Binds to an object that exists: the reference is written before the look at the id, so either the agent's audit sees it, or we see that the object
     * is gone.
     *
     * @throws NoSuchObjectException if it no longer exists
     */
    static Bound bind(Client client, Kind kind, Handle handle, Role role) {
        Memory memory = client.memory();
        long offset = handle.offset();
        if (offset <= 0 || (offset & Role.MASK) != 0 || offset >= memory.size() - ObjectLayout.RING) {
            throw new DragonException(DragonException.Category.USER, "object.handle", "no object can be at " + handle);
        }
        long address = memory.address(offset);
        ThreadRecord record = client.record();
        Bound bound = new Bound(client, handle, role, client.references().add(record, offset | role.bit()));
        Raw.fence();
        while (true) {
            // The state first: the memory may be another object by then, LIVE with another id.
            int state = Raw.getIntAcquire(address + ObjectLayout.STATE);
            if (Raw.getLongAcquire(address + ObjectLayout.ID) != handle.id() || state == ObjectLayout.DEAD) {
                throw gone(bound, "no longer exists");
            }
            if (state == ObjectLayout.LIVE) {
                check(kind, address, bound);
                countIfTracked(client, offset, role, bound.use);
                return bound;
            }
            awaitVerdict(memory);
        }
    }

    private static void countIfTracked(Client client, long offset, Role role, References.Use use) {
        if (Ends.tracked(client.memory(), offset)) {
            client.references().count(use, () -> Ends.add(client.memory(), offset, role.bit()));
        }
    }

    private static void check(Kind kind, long address, Bound bound) {
        int found = Raw.getInt(address + ObjectLayout.KIND);
        if (found != kind.code()) {
            throw gone(bound, "is no " + kind + " (it is of kind " + found + ")");
        }
    }

    /** DYING lasts for the agent's second look. */
    private static void awaitVerdict(Memory memory) {
        if (!memory.running()) {
            throw new RunOverException(memory.runState(), "an object");
        }
        Thread.yield();
    }

    /** An audit may have seen the reference, as one to the object that is there now: the agent looks at that once more. */
    private static NoSuchObjectException gone(Bound bound, String what) {
        References references = bound.client.references();
        ThreadRecord record = bound.client.record();
        if (references.release(bound.use)) {
            record.begin(ThreadRecord.UPDATE, bound.handle.offset());
            try {
                if (references.clear(bound.use)) {
                    Mailbox.of(bound.client).released(record.inner(), bound.handle, bound.role);
                }
            } finally {
                record.end();
            }
        }
        return new NoSuchObjectException("object " + bound.handle + " " + what);
    }
}
