package dragon.channel;

import dragon.memory.Client;
import dragon.memory.DragonException;
import dragon.memory.Raw;
import dragon.memory.ThreadRecord;
import java.time.Duration;

/**
 * A counter in shared memory that processes take from and give to. It has no owner: what a killed process had acquired stays acquired.
 */
public final class Semaphore extends SharedObject {
    /** No maximum. */
    public static final int UNBOUNDED = -1;

    private static final int VALUE = ObjectLayout.BODY;
    private static final int MAX = VALUE + Integer.BYTES;

    private final long value;
    private final long queue;
    private final Waiter.Attempt attempt = this::tryAcquire;

    private Semaphore(Bound bound) {
        super(bound);
        this.value = address() + VALUE;
        this.queue = address() + ObjectLayout.QUEUE_0;
    }

    /** A new semaphore with that value, which is never more than {@code maximum}. */
    public static Semaphore create(Client client, int value, int maximum) {
        return new Semaphore(
                SharedObject.create(client, Kind.SEMAPHORE, 0, Role.USER, ObjectLayout.QUEUE_1, address -> {
                    Raw.putInt(address + VALUE, value);
                    Raw.putInt(address + MAX, maximum);
                }));
    }

    /** The semaphore that the handle names. */
    public static Semaphore bind(Client client, Handle handle) {
        return new Semaphore(SharedObject.bind(client, Kind.SEMAPHORE, handle, Role.USER));
    }

    /** Takes one, and waits for it without limit. */
    public void acquire() {
        acquire(Waiter.FOREVER);
    }

    /** Takes one, and waits for it at most that long. False: there was none. */
    public boolean tryAcquire(Duration limit) {
        return acquire(Limits.deadline(limit));
    }

    private boolean acquire(long deadline) {
        ThreadRecord record = client().record();
        begin(record, ThreadRecord.UPDATE);
        try {
            return tryAcquire(record) != 0 || Waiter.await(record, this, queue, attempt, false, deadline) != 0;
        } finally {
            end(record);
        }
    }

    /** Killed after the CAS: acquired by the dead, and nobody is owed a wake. Passes on when it leaves something to acquire. */
    private long tryAcquire(ThreadRecord record) {
        while (true) {
            int found = Raw.getIntAcquire(value);
            if (found == 0) {
                return 0;
            }
            if (Raw.casInt(value, found, found - 1)) {
                if (found != 1 && WaitQueue.anyone(queue)) {
                    Waiter.passOn(record, queue);
                }
                return 1;
            }
        }
    }

    /**
     * Gives {@code n}. Killed after the CAS: the sweep tells all waiters.
     *
     * @throws DragonException (code {@code "semaphore.maximum"}) if that were more than the maximum; nothing is changed then
     */
    public void release(int n) {
        if (n < 0) {
            throw new DragonException(
                    DragonException.Category.USER, "semaphore.negative", this + " cannot be released " + n + " times");
        }
        ThreadRecord record = client().record();
        begin(record, ThreadRecord.UPDATE);
        try {
            while (true) {
                int found = Raw.getIntAcquire(value);
                long sum = Integer.toUnsignedLong(found) + n;
                if (sum > Integer.toUnsignedLong(Raw.getInt(address() + MAX))) {
                    throw new DragonException(
                            DragonException.Category.USER,
                            "semaphore.maximum",
                            this + " released too often: " + sum + " is more than its maximum");
                }
                if (Raw.casInt(value, found, (int) sum)) {
                    break;
                }
            }
            for (int i = 0; i < n && WaitQueue.anyone(queue); i++) {
                Waiter.passOn(record, queue);
            }
        } finally {
            end(record);
        }
    }

    /** What can be taken right now. */
    public int value() {
        return Raw.getIntAcquire(value);
    }
}
