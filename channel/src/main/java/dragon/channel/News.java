package dragon.channel;

import dragon.memory.Layout;
import dragon.memory.Layout.ClientEntry;
import dragon.memory.Layout.RecordEntry;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.RunState;
import dragon.memory.ThreadRecord;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/**
 * What the agent tells those who wait: that they look again. Who waits on what stands in the threads' records and nowhere else; so a look at all of them tells for all objects
 * of which there is news, and many deaths cost one look. Not thread-safe.
 */
final class News {
    private static final long SEVERAL = 1;

    private final Memory memory;
    private final Set<Long> due = new HashSet<>();

    News(Memory memory) {
        this.memory = memory;
    }

    /** Everyone who waits on the object is to look again: {@link #tell} tells them. */
    void add(long object) {
        due.add(object);
    }

    /** Is there anything to tell? */
    boolean isDue() {
        return !due.isEmpty();
    }

    /** What is done with one record of a client that is not free. */
    @FunctionalInterface
    private interface RecordVisitor {
        void visit(long record, int client, int index);
    }

    private void forEachRecord(boolean sweepingToo, RecordVisitor visitor) {
        int high = memory.clientsHigh();
        for (int client = Layout.AGENT; client < high; client++) {
            long entry = memory.client(client);
            int state = (int) Raw.getLongAcquire(entry + ClientEntry.STATE) & 0xff;
            if (state != ClientEntry.LIVE && !(sweepingToo && state == ClientEntry.SWEEPING)) {
                continue;
            }
            int records = Raw.getIntAcquire(entry + ClientEntry.RECORDS_HIGH);
            for (int index = 0; index < records; index++) {
                long record = memory.record(client, index);
                if (record != 0) {
                    visitor.visit(record, client, index);
                }
            }
        }
    }

    /**
     * Tells everyone who waits on one of the objects to look again, and delivers choices that the dead made and did not. A reference that may have died in the
     * dead's hand must not serve again: QUEUED is taken from idle records, too.
     */
    void tell() {
        if (due.isEmpty()) {
            return;
        }
        long[] objects = new long[due.size()];
        int count = 0;
        for (long each : due) {
            objects[count++] = each;
        }
        due.clear();
        Arrays.sort(objects);
        Raw.fence();
        forEachRecord(false, (record, client, index) -> tell(objects, record, client, index));
    }

    private void tell(long[] objects, long record, int client, int index) {
        while (true) {
            int word = Raw.getIntVolatile(record);
            if (!concerns(objects, record)) {
                return;
            }
            int state = ThreadRecord.state(word);
            if (state == ThreadRecord.IDLE) {
                boolean queued = (word & ThreadRecord.QUEUED) != 0;
                if (!queued || Raw.casInt(record, word, word & ~ThreadRecord.QUEUED)) {
                    return;
                }
            } else if (wakeWith(record, word, client, index)) {
                return;
            }
        }
    }

    /** Does its thread wait on one of the objects, or on several of whatever kind, or does its reference lie in a queue of one of them? */
    private static boolean concerns(long[] objects, long record) {
        long waitObject = Raw.getLong(record + RecordEntry.WAIT_OBJECT);
        if (waitObject == SEVERAL || waitObject != 0 && Arrays.binarySearch(objects, waitObject) >= 0) {
            return true;
        }
        long queue = Raw.getLong(record + RecordEntry.WAIT_QUEUE);
        int place = Arrays.binarySearch(objects, queue - ObjectLayout.QUEUE_0);
        int last = place >= 0 ? place : -place - 2; // of those that begin before the queue
        return last >= 0 && queue - objects[last] < ObjectLayout.RING;
    }

    /** PARKED turns to NEWS; then, or if it had been chosen or told before, the thread is woken. False: the word changed. */
    private boolean wakeWith(long record, int word, int client, int index) {
        if (ThreadRecord.state(word) == ThreadRecord.PARKED) {
            int news = ThreadRecord.withState(word & ~ThreadRecord.QUEUED, ThreadRecord.NEWS);
            if (!Raw.casInt(record, word, news)) {
                return false;
            }
        }
        WaitQueue.wake(memory, record, word, client, index);
        return true;
    }

    /** Ends the run for everyone: whoever waits is woken and finds it over. It never goes back. */
    void endRun(RunState state) {
        long at = memory.base() + Layout.Header.RUN_STATE;
        if (Raw.casInt(at, RunState.RUNNING.code(), state.code())) {
            forEachRecord(true, (record, client, index) -> {
                int word = Raw.getIntVolatile(record);
                while (ThreadRecord.state(word) != ThreadRecord.IDLE && !wakeWith(record, word, client, index)) {
                    word = Raw.getIntVolatile(record);
                }
            });
        }
    }
}
