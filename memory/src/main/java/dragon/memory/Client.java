package dragon.memory;

import dragon.memory.Layout.ClientEntry;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * This process as an attached client: its number, its threads' records, its references and its blocks. Thread-safe. Made once per process and memory,
 * from the number the agent gave.
 */
public final class Client {
    private final Memory memory;
    private final int number;
    private final long entry;
    private final Blocks blocks;
    private final References references;
    private final Records records;
    private final AtomicLong tokens;
    private final ThreadLocal<@Nullable ThreadRecord> mine = new ThreadLocal<>();

    private Client(Memory memory, int number, Books books) {
        this.memory = memory;
        this.number = number;
        this.entry = memory.client(number);
        this.blocks = new Blocks(memory, number, books);
        this.references = new References(this);
        this.records = new Records(this);
        this.tokens = new AtomicLong(firstToken(memory, number));
    }

    /** Is that client from now on. {@code books} is asked when memory is used up. */
    public static Client attach(Memory memory, int number, Books books) {
        long state = Raw.getLongAcquire(memory.client(number) + ClientEntry.STATE);
        if (number <= 0 || (state & 0xff) != ClientEntry.LIVE) {
            throw new DragonException(
                    DragonException.Category.INTERNAL,
                    "memory.client",
                    "client " + number + " is not attached (state " + (state & 0xff) + "): ask the agent for a number");
        }
        Libc.prepareToRing();
        return new Client(memory, number, books);
    }

    /** The memory it is attached to. */
    public Memory memory() {
        return memory;
    }

    /** Its number, which names it in shared words. */
    public int number() {
        return number;
    }

    /** The address of its entry. */
    public long entry() {
        return entry;
    }

    /** The run-time's id of this process. */
    public long processId() {
        return Raw.getLong(entry + ClientEntry.PROCESS_ID);
    }

    /** The memory's blocks, taken in this client's name. */
    public Blocks blocks() {
        return blocks;
    }

    /** The objects it is bound to. */
    public References references() {
        return references;
    }

    /** The calling thread's record. */
    public ThreadRecord record() {
        ThreadRecord record = mine.get();
        return record != null ? record : firstRecord();
    }

    private ThreadRecord firstRecord() {
        ThreadRecord record = records.take();
        mine.set(record);
        return record;
    }

    ThreadRecord takeRecord() {
        return records.take();
    }

    Records records() {
        return records;
    }

    /**
     * After a handle was marked closed: every operation of this process that relies on the reference has said so when this returns, or will find the
     * handle closed; those that sleep are woken to find it.
     */
    public void disturb(int entry) {
        if (!Libc.fenceAllThreads()) {
            Raw.fence();
        }
        records.disturb(entry);
    }

    /**
     * After something became true for which threads of this process sleep in operations that rely on the reference: they look again. Who is about to sleep
     * looks once more, after a fence, when it can be woken: so one of the two sees the other.
     */
    public void lookAgain(int entry) {
        Raw.fence();
        records.disturb(entry);
    }

    /** One less than the first token of the client that has a number now. Tokens of those who had it before may still be out: the entry's generation keeps them apart. */
    public static long firstToken(Memory memory, int number) {
        long generation = Raw.getLongAcquire(memory.client(number) + ClientEntry.STATE) >>> 8;
        return (long) number << 46 | (generation & 0x3fff) << 32;
    }

    /** A new token for a handle that leaves this process. */
    public long nextToken() {
        return tokens.incrementAndGet();
    }

    /** Says that this process ends in order: its locks stay as they are. */
    public void orderly() {
        Raw.orInt(entry + ClientEntry.FLAGS, ClientEntry.ORDERLY);
    }

    /** Takes a block for one of the client's own tables and links it. Killed before the link: the sweep frees it; after
     * it: it is the entry's. */
    void addTable(ThreadRecord record, long field, long bytes) {
        long ref = blocks.alloc(record, 1, bytes);
        if (!Blocks.isFresh(memory, ref)) {
            Raw.zero(blocks.address(ref), bytes);
        }
        Raw.putLongRelease(entry + field, Blocks.offsetOf(memory, ref));
        Blocks.embed(memory, ref);
        record.block(1, 0);
    }
}
