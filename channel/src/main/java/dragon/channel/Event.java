package dragon.channel;

import dragon.memory.Client;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.ThreadRecord;
import java.time.Duration;

/** A value in shared memory that is 0 until somebody sets it. Setting it wakes everyone who waits. */
public final class Event extends SharedObject {
    private static final int VALUE = ObjectLayout.BODY;

    private final long value;
    private final long queue;
    private final Waiter.Attempt attempt = record -> isSet() ? 1 : 0;

    private Event(Bound bound) {
        super(bound);
        this.value = address() + VALUE;
        this.queue = address() + ObjectLayout.QUEUE_0;
    }

    /** A new event, not set. */
    public static Event create(Client client) {
        Bound bound = SharedObject.create(client, Kind.EVENT, 0, Role.USER, ObjectLayout.QUEUE_1, address -> {});
        return new Event(bound);
    }

    /** The event that the handle names. */
    public static Event bind(Client client, Handle handle) {
        return new Event(SharedObject.bind(client, Kind.EVENT, handle, Role.USER));
    }

    /** Sets the value, which is not 0, and wakes all. Killed after the store: the sweep tells all who wait. */
    public void set(long newValue) {
        ThreadRecord record = client().record();
        begin(record, ThreadRecord.UPDATE);
        try {
            Raw.putLongVolatile(value, newValue);
            WaitQueue.chooseUpTo(client().memory(), queue, client().number(), Integer.MAX_VALUE);
        } finally {
            end(record);
        }
    }

    /** The agent's: sets the event that the handle names, if there is one, while nobody can free it. Killed in between, the agent ends the run, which wakes everyone. */
    static boolean set(Memory memory, Handle event, long newValue, int agent) {
        long offset = event.offset();
        if (!Slots.isObject(memory, offset) || Slots.kind(memory, offset) != Kind.EVENT.code()) {
            return false;
        }
        long object = memory.address(offset);
        if (Raw.getLongAcquire(object + ObjectLayout.ID) != event.id()) {
            return false;
        }
        Raw.putLongVolatile(object + VALUE, newValue);
        WaitQueue.chooseUpTo(memory, object + ObjectLayout.QUEUE_0, agent, Integer.MAX_VALUE);
        return true;
    }

    /** Makes it unset. */
    public void clear() {
        Raw.putLongRelease(value, 0);
    }

    /** Waits until it is set, without limit. */
    public void await() {
        await(Waiter.FOREVER);
    }

    /** Waits until it is set, at most that long. False: it is not. */
    public boolean await(Duration limit) {
        return await(Limits.deadline(limit));
    }

    private boolean await(long deadline) {
        if (isSet()) {
            return true;
        }
        ThreadRecord record = client().record();
        begin(record, ThreadRecord.WAIT);
        try {
            return Waiter.await(record, this, queue, attempt, true, deadline) != 0;
        } finally {
            end(record);
        }
    }

    /** The value; 0 if it is not set. */
    public long value() {
        return Raw.getLongAcquire(value);
    }

    /** Whether it is set. */
    public boolean isSet() {
        return value() != 0;
    }

    @Override
    long watchQueue() {
        return queue;
    }

    @Override
    boolean isReady() {
        return isSet();
    }
}
