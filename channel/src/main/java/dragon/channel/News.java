package dragon.channel;

import dragon.memory.Layout;
import dragon.memory.Layout.ClientEntry;
import dragon.memory.Layout.RecordEntry;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.RunState;
import dragon.memory.ThreadRecord;

/** What the agent tells those who wait: that they look again. */
final class News {
    private static final long SEVERAL = 1;

    private final Memory memory;

    News(Memory memory) {
        this.memory = memory;
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
     * Tells everyone who waits on the object to look again, and delivers choices that the dead made and did not. A reference that may have died in the
     * dead's hand must not serve again: QUEUED is taken from idle records, too.
     */
    void tell(long object) {
        Raw.fence();
        forEachRecord(false, (record, client, index) -> tell(object, record, client, index));
    }

    private void tell(long object, long record, int client, int index) {
        while (true) {
            int word = Raw.getIntVolatile(record);
            long waitObject = Raw.getLong(record + RecordEntry.WAIT_OBJECT);
            long queue = Raw.getLong(record + RecordEntry.WAIT_QUEUE) - object;
            boolean queuedHere = queue >= ObjectLayout.QUEUE_0 && queue < ObjectLayout.RING;
            if (waitObject != object && waitObject != SEVERAL && !queuedHere) {
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
