package dragon.channel;

import dragon.memory.DragonException;
import dragon.memory.InterruptedWaitException;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.RunOverException;
import dragon.memory.ThreadRecord;

/**
 * Waiting for an object's condition (section 7): try, spin, arm, try again, park. There is no period anywhere: a sleeper is woken by whoever makes its
 * condition true, by the agent's sweep, by {@link Thread#interrupt}, or by the end of the run.
 *
 * <p>The caller brackets the operation with {@link ThreadRecord#begin} and {@link ThreadRecord#end}. So a choice that dies with the chosen is told on by
 * the sweep, and a parked waiter that dies leaves a stale reference and nothing else.
 */
final class Waiter {
    /** Wait without limit. */
    static final long FOREVER = Long.MAX_VALUE;
    /** Try once. */
    static final long NO_WAIT = Long.MIN_VALUE;

    private static final long TIMED_OUT = Long.MIN_VALUE;

    /** What is waited for: tried again and again. */
    @FunctionalInterface
    interface Attempt {
        /** Not 0: done. Does its own passing on where it took something. */
        long attempt(ThreadRecord record);
    }

    private Waiter() {}

    /**
     * Waits until an attempt succeeds, and returns what it returned; 0: the deadline passed. The first attempt was made by the caller.
     *
     * @param object the object's offset, with {@code id} and the address of its wait {@code queue}
     * @param watch success takes nothing: another waiter is chosen always
     * @throws RunOverException if the run is over and the condition is not true
     * @throws InterruptedWaitException if the thread is interrupted while it sleeps and the condition is not true
     */
    static long await(
            ThreadRecord record, SharedObject object, long queue, Attempt attempt, boolean watch, long deadline) {
        if (deadline == NO_WAIT) {
            checkRunning(record, object); // who only ever tries hears of the end, too
            return 0;
        }
        long result = Spinner.spin(record, attempt, deadline);
        if (result != 0) {
            return result;
        }
        long start = System.nanoTime();
        do {
            result = round(record, object, queue, attempt, watch, deadline);
        } while (result == 0);
        Spinner.slept(record, start);
        return result == TIMED_OUT ? 0 : result;
    }

    /** One round of arming, trying again and parking. 0: look again from the start. */
    private static long round(
            ThreadRecord record, SharedObject object, long queue, Attempt attempt, boolean watch, long deadline) {
        arm(record, object, queue);
        Raw.fence();
        long result = attempt.attempt(record);
        if (result != 0) {
            boolean chosen = record.disarm();
            if (chosen || watch) {
                passOn(record, queue);
            }
            return result;
        }
        if (!record.client().memory().running() || object.isClosed()) {
            throw ended(record, object, queue, record.disarm());
        }
        if (record.park(deadline)) {
            record.idle();
            if (object.isClosed()) {
                throw ended(record, object, queue, true);
            }
            long found = retry(record, queue, attempt, watch);
            if (found == 0) {
                InterruptedWaitException.check(object);
            }
            return found;
        }
        return leave(record, queue, attempt, watch);
    }

    /** The run is over, or another thread closed the reference. A choice goes to the next. */
    private static DragonException ended(ThreadRecord record, SharedObject object, long queue, boolean chosen) {
        if (chosen) {
            passOn(record, queue);
        }
        checkRunning(record, object);
        return object.ended();
    }

    private static void checkRunning(ThreadRecord record, SharedObject object) {
        Memory memory = record.client().memory();
        if (!memory.running()) {
            throw new RunOverException(memory.runState(), object.toString());
        }
    }

    /** The deadline passed. Who was chosen in the same moment tries once more. */
    private static long leave(ThreadRecord record, long queue, Attempt attempt, boolean watch) {
        if (!record.disarm()) {
            return TIMED_OUT;
        }
        long result = retry(record, queue, attempt, watch);
        return result != 0 ? result : TIMED_OUT;
    }

    /** The try of who was woken. */
    private static long retry(ThreadRecord record, long queue, Attempt attempt, boolean watch) {
        long result = attempt.attempt(record);
        if (result != 0 && watch) {
            passOn(record, queue);
        }
        return result;
    }

    /** PARKED, and a reference in the queue: the one an earlier wait left there, or a new one. */
    static void arm(ThreadRecord record, SharedObject object, long queue) {
        if (record.rearm(queue - record.client().memory().base(), object.id())) {
            return;
        }
        int word = record.arm(object.offset(), queue - record.client().memory().base(), object.id(), false);
        boolean queued = false;
        try {
            WaitQueue.enqueue(record, queue, record.reference(word));
            queued = true;
        } finally {
            if (!queued) {
                record.idle();
                passOn(record, queue);
            }
        }
    }

    /** One more waiter is told, in the place of this one. */
    static void passOn(ThreadRecord record, long queue) {
        WaitQueue.choose(record.client().memory(), queue, record.client().number());
    }
}
