package dragon.memory;

import dragon.memory.Layout.ClientEntry;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;

/**
 * The objects this process is bound to, as its entry in shared memory lists them (section 3): the truth of who uses an object. Several handles of one
 * object and role share one entry. Thread-safe within the process; the agent reads it at any time.
 *
 * <p>An entry is cleared only when no thread of this process is inside an operation that relies on it ({@link ThreadRecord#using}): the object, and the
 * memory it lies in, might be another's right afterwards.
 */
public final class References {
    /** One entry, and how many handles rely on it. */
    public static final class Use {
        private final long reference;
        private final int entry;
        private int handles = 1;
        private boolean counted;
        private boolean cleared;

        private Use(long reference, int entry) {
            this.reference = reference;
            this.entry = entry;
        }

        /** The entry's number. */
        public int entry() {
            return entry;
        }
    }

    /** The object's place in a reference; the bits below are the role, those above count the tasks that a client has in hand. */
    public static final long OFFSET = 0x0000_ffff_ffff_ffc0L;

    /** In a reference: it is among the handles that its object counts. */
    public static final long COUNTED = 1 << 3;

    private static final int TASKS_SHIFT = 48;
    private static final int OPEN_SHIFT = 3;
    private static final int OPEN_MOST = 7;

    private final Client client;
    private final Map<Long, Use> uses = new HashMap<>();
    private final ArrayDeque<Integer> gaps = new ArrayDeque<>();
    private int high;

    References(Client client) {
        this.client = client;
    }

    /** Makes sure that {@link #add} needs no memory the next time. */
    public synchronized void reserve(ThreadRecord record) {
        if (gaps.isEmpty()) {
            gaps.push(nextEntry(record));
        }
    }

    /** Writes a reference: the object cannot go away from now on, if it was alive. */
    public synchronized Use add(ThreadRecord record, long offsetAndRole) {
        Use use = uses.get(offsetAndRole);
        if (use == null) {
            use = new Use(offsetAndRole, gaps.isEmpty() ? nextEntry(record) : gaps.pop());
            uses.put(offsetAndRole, use);
            Raw.putLongRelease(at(use), offsetAndRole);
        } else {
            use.handles++;
        }
        return use;
    }

    /** The object counts its references: {@code add} counts this one, and then it is marked so; once only. */
    public synchronized void count(Use use, Runnable add) {
        if (!use.counted) {
            use.counted = true;
            add.run();
            Raw.putLongRelease(at(use), use.reference | COUNTED);
        }
    }

    private long at(Use use) {
        return entryAt(client.memory(), client.number(), use.entry);
    }

    /** One more handle relies on the entry, which another keeps meanwhile. False: none does any more. */
    public synchronized boolean retain(Use use) {
        if (use.handles == 0) {
            return false;
        }
        use.handles++;
        return true;
    }

    /** A handle is done. True: it was the last, and the entry is to be cleared. */
    public synchronized boolean release(Use use) {
        use.handles--;
        if (use.handles > 0) {
            return false;
        }
        uses.remove(use.reference);
        return true;
    }

    /** As {@link #clear(Use, Runnable)}, of a reference that was not counted. */
    public boolean clear(Use use) {
        return clear(use, () -> {});
    }

    /**
     * Clears the entry if no handle and no operation of this process relies on it. True, once only: it did; tell the agent. If it was counted, it is first
     * marked as not, and {@code drop} takes it off, while it still keeps the object.
     */
    public synchronized boolean clear(Use use, Runnable drop) {
        if (use.handles > 0 || use.cleared || client.records().anyUsing(use.entry)) {
            return false;
        }
        use.cleared = true;
        if (use.counted) {
            Raw.putLongRelease(at(use), use.reference);
            drop.run();
        }
        Raw.putLongRelease(at(use), 0);
        gaps.push(use.entry);
        return true;
    }

    private int nextEntry(ThreadRecord record) {
        int entry = high;
        if (entryAt(client.memory(), client.number(), entry) == 0) {
            int table = tableOf(entry);
            if (table >= ClientEntry.REF_TABLES) {
                throw new DragonException(
                        DragonException.Category.RESOURCES,
                        "memory.references",
                        "this process is bound to " + entry + " objects, which is the most there can be");
            }
            client.addTable(record, ClientEntry.REFS_EXT + (long) table * Long.BYTES, 512L * Long.BYTES << table);
        }
        high = entry + 1;
        Raw.putIntRelease(client.entry() + ClientEntry.REFS_HIGH, high);
        return entry;
    }

    /** Table k holds the 512 << k entries from 96 + 512 * (2^k - 1) on. */
    private static int tableOf(int entry) {
        return Integer.SIZE - 1 - Integer.numberOfLeadingZeros((entry - ClientEntry.INLINE_REFS) / 512 + 1);
    }

    /** How many tasks a client has in hand for sure, by its reference to what counts them (section 9): without those that it was claiming or doing. */
    public static int tasks(long reference) {
        return (int) (reference >>> TASKS_SHIFT) - openTasks(reference);
    }

    /** How many it was just claiming or doing. */
    public static int openTasks(long reference) {
        return (int) (reference >>> OPEN_SHIFT) & OPEN_MOST;
    }

    /** Entries a client ever used: the bound for scans. */
    public static int high(Memory memory, int client) {
        return Raw.getIntAcquire(memory.client(client) + ClientEntry.REFS_HIGH);
    }

    /** The address of a client's entry; 0 if its table does not exist. */
    public static long entryAt(Memory memory, int client, int entry) {
        long at = memory.client(client);
        if (entry < ClientEntry.INLINE_REFS) {
            return at + ClientEntry.REFS + (long) entry * Long.BYTES;
        }
        int table = tableOf(entry);
        if (table >= ClientEntry.REF_TABLES) {
            return 0;
        }
        long offset = Raw.getLongAcquire(at + ClientEntry.REFS_EXT + (long) table * Long.BYTES);
        int row = entry - ClientEntry.INLINE_REFS - 512 * ((1 << table) - 1);
        return offset == 0 ? 0 : memory.address(offset) + (long) row * Long.BYTES;
    }
}
