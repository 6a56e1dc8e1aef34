package dragon.channel;

import dragon.memory.Client;
import dragon.memory.InterruptedWaitException;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.RunOverException;
import dragon.memory.ThreadRecord;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Waits on several channels and events at once, with one wait record whose reference lies in each of their queues. Takes nothing; so it always passes a
 * choice on.
 */
public final class AnyOf {
    private static final long SEVERAL = 1;

    private final Client client;
    private final List<? extends SharedObject> objects;

    private AnyOf(Client client, List<? extends SharedObject> objects) {
        this.client = client;
        this.objects = objects;
    }

    /**
     * Waits until at least one is ready: a channel with a message or its end, a set event. Returns those that are; none: the limit passed.
     */
    public static <T extends SharedObject> List<T> await(List<T> objects, Duration limit) {
        return await(objects, Limits.deadline(limit));
    }

    /** As {@link #await(List, Duration)}, without limit. */
    public static <T extends SharedObject> List<T> await(List<T> objects) {
        return await(objects, Waiter.FOREVER);
    }

    private static <T extends SharedObject> List<T> await(List<T> objects, long deadline) {
        for (T each : objects) {
            if (each.watchQueue() == 0) {
                throw new IllegalArgumentException(each + " cannot be waited for beside others");
            }
        }
        if (!objects.isEmpty() && deadline != Waiter.NO_WAIT && !isAnyReady(objects)) {
            new AnyOf(objects.getFirst().client(), objects).sleep(deadline);
        }
        List<T> ready = new ArrayList<>(objects);
        ready.removeIf(each -> !each.isReady());
        return ready;
    }

    private static boolean isAnyReady(List<? extends SharedObject> objects) {
        for (SharedObject each : objects) {
            if (each.isReady()) {
                return true;
            }
        }
        return false;
    }

    /** Killed: the references are stale with the sweep, which looks at every object this process is bound to. */
    private void sleep(long deadline) {
        ThreadRecord record = client.record();
        int retained = 0;
        record.using(ThreadRecord.SEVERAL);
        record.begin(ThreadRecord.WAIT, SEVERAL);
        try {
            for (; retained < objects.size(); retained++) {
                objects.get(retained).retain();
            }
            if (Spinner.spin(record, r -> isAnyReady(objects) ? 1 : 0, deadline) == 0) {
                long start = System.nanoTime();
                while (round(record, deadline) && !isAnyReady(objects)) { // woken for what another took
                    InterruptedWaitException.check(objects);
                }
                Spinner.slept(record, start);
            }
            passOn(record);
        } finally {
            record.end();
            record.using(ThreadRecord.NOTHING);
            for (int i = 0; i < retained; i++) {
                objects.get(i).letGo(record);
            }
        }
    }

    /** Arms, tries again and parks. False: ready, or the deadline passed. */
    private boolean round(ThreadRecord record, long deadline) {
        boolean again = false;
        try {
            arm(record);
            Raw.fence();
            if (!isAnyReady(objects)) {
                checkRunning();
                checkOpen();
                again = record.park(deadline);
            }
        } finally {
            boolean chosen = record.disarm();
            if (!again || !chosen) {
                passOn(record);
            }
        }
        checkOpen();
        return again;
    }

    private void checkOpen() {
        for (SharedObject each : objects) {
            if (each.isClosed()) {
                throw each.ended();
            }
        }
    }

    private void arm(ThreadRecord record) {
        long reference = record.reference(record.arm(SEVERAL, 0, 0, false));
        for (SharedObject each : objects) {
            WaitQueue.enqueue(record, each.watchQueue(), reference);
        }
    }

    private void checkRunning() {
        Memory memory = client.memory();
        if (!memory.running()) {
            throw new RunOverException(memory.runState(), objects.toString());
        }
    }

    private void passOn(ThreadRecord record) {
        for (SharedObject each : objects) {
            Waiter.passOn(record, each.watchQueue());
        }
    }
}
