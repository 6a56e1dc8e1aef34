package dragon.channel;

import dragon.memory.Client;
import dragon.memory.DragonException;
import dragon.memory.Raw;
import dragon.memory.ThreadRecord;
import java.time.Duration;

/**
 * A lock in shared memory whose owner is a thread of a process. A plain one may be released by anyone; a recursive one only by its owner, as often as it
 * acquired it. If its owner is killed, the lock is passed on with that news; if the owner's process ended in order, it stays locked.
 */
public final class Lock extends SharedObject {
    /** How an acquisition went. */
    public enum Outcome {
        /** The lock is the caller's. */
        ACQUIRED,
        /** The lock is the caller's, and its last owner was killed while it held it: what it guards may be half changed. */
        OWNER_DIED,
        /** The time limit passed. */
        TIMED_OUT
    }

    static final int OWNER = ObjectLayout.BODY;
    static final int COUNT = OWNER + Long.BYTES;
    static final long DIED = 1L << 63;

    private static final long DONE = 1;
    private static final long DONE_DIED = 2;

    private final boolean recursive;
    private final long owner;
    private final long count;
    private final long queue;
    private final Waiter.Attempt attempt = this::tryAcquire;

    private Lock(Bound bound, boolean recursive) {
        super(bound);
        this.recursive = recursive;
        this.owner = address() + OWNER;
        this.count = address() + COUNT;
        this.queue = address() + ObjectLayout.QUEUE_0;
    }

    private static Kind kind(boolean recursive) {
        return recursive ? Kind.RLOCK : Kind.LOCK;
    }

    /** A new lock, free. */
    public static Lock create(Client client, boolean recursive) {
        Bound bound = SharedObject.create(client, kind(recursive), 0, Role.USER, ObjectLayout.QUEUE_1, address -> {});
        return new Lock(bound, recursive);
    }

    /** The lock that the handle names. */
    public static Lock bind(Client client, Handle handle, boolean recursive) {
        return new Lock(SharedObject.bind(client, kind(recursive), handle, Role.USER), recursive);
    }

    /** Takes the lock, and waits for it without limit. */
    public Outcome acquire() {
        return acquire(client().record(), 1, Waiter.FOREVER);
    }

    /** Takes the lock, and waits for it at most that long. */
    public Outcome acquire(Duration limit) {
        return acquire(client().record(), 1, Limits.deadline(limit));
    }

    /** @param times what a recursive lock's count becomes; more than 1 only after a condition's wait */
    Outcome acquire(ThreadRecord record, int times, long deadline) {
        if (recursive && isMine(record)) {
            Raw.putIntRelease(count, Raw.getInt(count) + times);
            return Outcome.ACQUIRED;
        }
        begin(record, ThreadRecord.UPDATE);
        try {
            long done = tryAcquire(record);
            if (done == 0) {
                done = Waiter.await(record, this, queue, attempt, false, deadline);
            }
            if (done == 0) {
                return Outcome.TIMED_OUT;
            }
            if (recursive) {
                Raw.putIntRelease(count, times);
            }
            return done == DONE_DIED ? Outcome.OWNER_DIED : Outcome.ACQUIRED;
        } finally {
            end(record);
        }
    }

    private static long me(ThreadRecord record) {
        return (long) record.client().number() << 32 | record.tid() & 0xffffffffL;
    }

    /** Killed after the CAS: the lock is owned by the dead, and the sweep passes it on. */
    private long tryAcquire(ThreadRecord record) {
        while (true) {
            long found = Raw.getLongAcquire(owner);
            if (found != 0 && found != DIED) {
                return 0;
            }
            if (Raw.casLong(owner, found, me(record))) {
                return found == DIED ? DONE_DIED : DONE;
            }
        }
    }

    /**
     * Lets go once.
     *
     * @throws DragonException (code {@code "lock.free"}) if nobody holds it, (code {@code "lock.owner"}) if a recursive lock is not the caller's
     */
    public void release() {
        ThreadRecord record = client().record();
        if (recursive) {
            if (!isMine(record)) {
                throw new DragonException(
                        DragonException.Category.USER, "lock.owner", this + " is not held by this thread");
            }
            int left = Raw.getInt(count) - 1;
            Raw.putIntRelease(count, left);
            if (left > 0) {
                return;
            }
        }
        free(record);
    }

    /** Lets go wholly, for a condition's wait. Returns how often the caller held it. */
    int releaseAll(ThreadRecord record) {
        int times = 1;
        if (recursive) {
            times = isMine(record) ? Raw.getInt(count) : 0;
            if (times == 0) {
                throw new DragonException(
                        DragonException.Category.USER, "lock.owner", this + " is not held by this thread");
            }
            Raw.putIntRelease(count, 0);
        }
        free(record);
        return times;
    }

    /** Killed before the CAS: still the dead's; after it: the sweep tells all who wait. */
    private void free(ThreadRecord record) {
        begin(record, ThreadRecord.UPDATE);
        try {
            while (true) {
                long found = Raw.getLongAcquire(owner);
                if (found == 0 || found == DIED) {
                    throw new DragonException(
                            DragonException.Category.USER, "lock.free", this + " is released but nobody holds it");
                }
                if (Raw.casLong(owner, found, 0)) {
                    break;
                }
            }
            if (WaitQueue.anyone(queue)) {
                Waiter.passOn(record, queue);
            }
        } finally {
            end(record);
        }
    }

    private boolean isMine(ThreadRecord record) {
        return Raw.getLongAcquire(owner) == me(record);
    }

    /** Whether the calling thread holds it. */
    public boolean isMine() {
        return isMine(client().record());
    }

    /** Whether anyone holds it. */
    public boolean isLocked() {
        long found = Raw.getLongAcquire(owner);
        return found != 0 && found != DIED;
    }

    /** How often the calling thread holds it. */
    public int count() {
        if (!isMine()) {
            return 0;
        }
        return recursive ? Raw.getInt(count) : 1;
    }
}
