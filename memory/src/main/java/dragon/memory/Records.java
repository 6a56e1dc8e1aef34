package dragon.memory;

import dragon.memory.Layout.ClientEntry;
import dragon.memory.Layout.RecordEntry;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Gives the threads of this process their records. A thread keeps its record as long as it lives, so that taking one costs a thread-local load; the
 * record of a thread that ended goes to the next newcomer.
 */
final class Records {
    private record Lent(ThreadRecord record, WeakReference<@Nullable Thread> thread) {}

    private final Client client;
    private final List<Lent> lent = new ArrayList<>();

    Records(Client client) {
        this.client = client;
    }

    /** A record for the calling thread. */
    synchronized ThreadRecord take() {
        Thread thread = Thread.currentThread();
        ThreadRecord record = takeLeft(thread);
        if (record == null) {
            record = add();
            lent.add(new Lent(record, new WeakReference<>(thread)));
        }
        record.taken(thread.isVirtual() ? 1 << 31 | record.index() : Libc.tid());
        return record;
    }

    /** Whether any thread is inside an operation that relies on the reference. */
    synchronized boolean anyUsing(int entry) {
        for (Lent each : lent) {
            if (each.record.isUsing(entry)) {
                return true;
            }
        }
        return false;
    }

    /** Wakes all threads that sleep in operations on the reference, or on several. */
    synchronized void disturb(int entry) {
        for (Lent each : lent) {
            if (each.record.isUsing(entry) || each.record.isUsing(ThreadRecord.SEVERAL)) {
                each.record.disturb();
            }
        }
    }

    private @Nullable ThreadRecord takeLeft(Thread newcomer) {
        for (int i = 0; i < lent.size(); i++) {
            Lent each = lent.get(i);
            Thread owner = each.thread.get();
            if ((owner == null || !owner.isAlive()) && each.record.unused()) {
                lent.set(i, new Lent(each.record, new WeakReference<>(newcomer)));
                return each.record;
            }
        }
        return null;
    }

    private ThreadRecord add() {
        Memory memory = client.memory();
        int index = lent.size();
        long address = memory.record(client.number(), index);
        if (address == 0) {
            throw new DragonException(
                    DragonException.Category.RESOURCES,
                    "memory.threads",
                    index + " threads of this process use shared memory at once, which is the most there can be");
        }
        Raw.putIntRelease(client.entry() + ClientEntry.RECORDS_HIGH, index + 1);
        ThreadRecord record = new ThreadRecord(client, index, address);
        if (memory.record(client.number(), index + 1) == 0) {
            addTable(record, index + 1);
        }
        return record;
    }

    /** Adds the table in which the record {@code index} lies, by means of the last one before it, which is not in use yet. */
    private void addTable(ThreadRecord record, int index) {
        int table = (index - ClientEntry.INLINE_RECORDS) / ClientEntry.RECORDS_PER_TABLE;
        if (table < ClientEntry.RECORD_TABLES) {
            long field = ClientEntry.RECORDS_EXT + (long) table * Long.BYTES;
            client.addTable(record, field, (long) ClientEntry.RECORDS_PER_TABLE * RecordEntry.SIZE_OF);
        }
    }
}
