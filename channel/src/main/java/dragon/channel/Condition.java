package dragon.channel;

import dragon.memory.Client;
import dragon.memory.InterruptedWaitException;
import dragon.memory.Raw;
import dragon.memory.RunOverException;
import dragon.memory.ThreadRecord;
import java.time.Duration;

/**
 * Sleepers in shared memory that are chosen exactly, by whoever holds the lock. A wait may end without a notification when a process that took part was
 * killed; it never sleeps through one.
 */
public final class Condition extends SharedObject {
    private final long queue;

    private Condition(Bound bound) {
        super(bound);
        this.queue = address() + ObjectLayout.QUEUE_0;
    }

    /** A new condition. */
    public static Condition create(Client client) {
        Bound bound = SharedObject.create(client, Kind.CONDITION, 0, Role.USER, ObjectLayout.QUEUE_1, address -> {});
        return new Condition(bound);
    }

    /** The condition that the handle names. */
    public static Condition bind(Client client, Handle handle) {
        return new Condition(SharedObject.bind(client, Kind.CONDITION, handle, Role.USER));
    }

    /** Releases the lock, sleeps until notified, and takes the lock again as it was held. */
    public void await(Lock lock) {
        await(lock, Waiter.FOREVER);
    }

    /** As {@link #await(Lock)}, at most that long. False: nobody notified. The lock is the caller's either way. */
    public boolean await(Lock lock, Duration limit) {
        return await(lock, Limits.deadline(limit));
    }

    /**
     * The record stays with the condition until the lock is taken again, so that a notification that dies with its receiver is told on by the sweep; the
     * lock has another record.
     */
    private boolean await(Lock lock, long deadline) {
        ThreadRecord record = client().record();
        ThreadRecord inner = record.inner();
        begin(record, ThreadRecord.WAIT);
        try {
            Waiter.arm(record, this, queue);
            int times;
            try {
                times = lock.releaseAll(inner);
            } catch (Throwable notHeld) {
                if (record.disarm()) {
                    Waiter.passOn(record, queue);
                }
                throw notHeld;
            }
            try {
                return sleep(record, deadline);
            } finally {
                acquireDespiteInterrupts(lock, inner, times);
            }
        } finally {
            end(record);
        }
    }

    private boolean sleep(ThreadRecord record, long deadline) {
        Raw.fence();
        if (client().memory().running() && deadline != Waiter.NO_WAIT) {
            record.park(deadline);
        }
        boolean interrupted =
                Thread.currentThread().isInterrupted() && ThreadRecord.state(record.word()) != ThreadRecord.CHOSEN;
        boolean chosen = record.disarm();
        if (interrupted && client().memory().running()) {
            if (chosen) {
                Waiter.passOn(record, queue); // it may have been the sweep's news of a lost notification
            }
            throw new InterruptedWaitException(toString());
        }
        if (!client().memory().running()) {
            throw new RunOverException(client().memory().runState(), toString());
        }
        return chosen;
    }

    private static void acquireDespiteInterrupts(Lock lock, ThreadRecord record, int times) {
        boolean interrupted = Thread.interrupted();
        while (true) {
            try {
                lock.acquire(record, times, Waiter.FOREVER);
                break;
            } catch (InterruptedWaitException later) {
                interrupted |= Thread.interrupted();
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Wakes up to {@code n} sleepers. The caller holds the lock. Returns how many. */
    public int signal(int n) {
        ThreadRecord record = client().record();
        begin(record, ThreadRecord.UPDATE);
        try {
            Raw.fence();
            return WaitQueue.chooseUpTo(client().memory(), queue, client().number(), n);
        } finally {
            end(record);
        }
    }

    /** Wakes all who sleep. The caller holds the lock. */
    public int signalAll() {
        return signal(Integer.MAX_VALUE);
    }
}
