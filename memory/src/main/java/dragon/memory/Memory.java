package dragon.memory;

import dragon.memory.Layout.BlockClass;
import dragon.memory.Layout.Header;
import java.security.SecureRandom;

/**
 * The node's memory as this process maps it: the header's words and the addresses of the tables. Thread-safe; valid until {@link #close()}, which
 * only tests and the end of a process need.
 */
public final class Memory implements AutoCloseable {
    private static final int PAGE_SIZE = 4096;

    private final long base;
    private final long size;
    private final int fd;
    private final long clients;
    private final int clientsCapacity;
    private final long classes;
    private final int classStride;
    private final long slabs;
    private final int slabsCapacity;
    private final long pins;
    private final int node;

    private Memory(long base, long size, int fd) {
        this.base = base;
        this.size = size;
        this.fd = fd;
        this.clients = base + Raw.getLong(base + Header.CLIENTS);
        this.clientsCapacity = Raw.getInt(base + Header.CLIENTS_CAPACITY);
        this.classes = base + Raw.getLong(base + Header.CLASSES);
        this.classStride = Raw.getInt(base + Header.CLASS_STRIDE);
        this.slabs = base + Raw.getLong(base + Header.SLABS);
        this.slabsCapacity = Raw.getInt(base + Header.SLABS_CAPACITY);
        this.pins = base + Raw.getLong(base + Header.PINS);
        this.node = Raw.getInt(base + Header.NODE);
    }

    /** Makes a node's memory, for its agent. The descriptor is close-on-exec and stays open: others map it. */
    public static Memory create(MemoryPlan plan) {
        SecureRandom random = new SecureRandom();
        return create(plan, random.nextLong(), random.nextLong());
    }

    /** As {@link #create(MemoryPlan)}, for a run with that id. */
    public static Memory create(MemoryPlan plan, long runIdHigh, long runIdLow) {
        long size = Layout.roundUp(plan.arenaAt() + plan.size(), PAGE_SIZE);
        int fd = Libc.memfdCreate("dragon");
        try {
            Libc.truncate(fd, size);
            Libc.sealSize(fd);
            long base = Libc.map(fd, size);
            format(base, size, plan, runIdHigh, runIdLow);
            return new Memory(base, size, fd);
        } catch (Throwable failure) {
            Libc.close(fd);
            throw failure;
        }
    }

    private static void format(long base, long size, MemoryPlan plan, long runIdHigh, long runIdLow) {
        Raw.putInt(base + Header.VERSION, Header.VERSION_VALUE);
        Raw.putInt(base + Header.HEADER_SIZE, Header.SIZE_OF);
        Raw.putLong(base + Header.SIZE, size);
        Raw.putLong(base + Header.RUN_ID_HIGH, runIdHigh);
        Raw.putLong(base + Header.RUN_ID_LOW, runIdLow);
        Raw.putInt(base + Header.NODE, plan.node());
        Raw.putInt(base + Header.PAGE_SIZE, PAGE_SIZE);
        Raw.putInt(base + Header.RUN_STATE, RunState.RUNNING.code());
        Raw.putInt(base + Header.AGENT_PID, Libc.pid());
        Raw.putLong(base + Header.CLIENTS, plan.clientsAt());
        Raw.putInt(base + Header.CLIENTS_CAPACITY, plan.clients());
        Raw.putInt(base + Header.CLIENT_SIZE, Layout.ClientEntry.SIZE_OF);
        Raw.putLong(base + Header.CLASSES, plan.classesAt());
        Raw.putLong(base + Header.SLABS, plan.slabsAt());
        Raw.putInt(base + Header.SLABS_CAPACITY, plan.slabs());
        Raw.putInt(base + Header.CLASS_STRIDE, plan.classStride());
        Raw.putLong(base + Header.ARENA, plan.arenaAt());
        Raw.putLong(base + Header.PINS, plan.pinsAt());
        Raw.putLong(base + Header.NEXT_ID, 16);
        Raw.putLong(base + Header.LIMIT, plan.limit());
        Raw.putInt(base + Header.CLIENTS_HIGH, Layout.AGENT);
        for (int c = 0; c < BlockClass.COUNT; c++) {
            long entry = base + plan.classesAt() + (long) c * plan.classStride();
            Raw.putLong(entry + BlockClass.SIZE, SizeClasses.sizeOf(c));
            Raw.putInt(entry + BlockClass.BLOCKS, SizeClasses.blocksOf(c));
        }
        Raw.putLongRelease(base + Header.MAGIC, Header.MAGIC_VALUE);
    }

    /**
     * Maps the memory behind a descriptor, which the caller may close afterwards. Refuses a file that is no node's memory, or of a version this
     * build does not speak.
     */
    public static Memory map(int fd) {
        long probe = Libc.map(fd, Header.SIZE_OF);
        long size;
        try {
            check(probe);
            size = Raw.getLong(probe + Header.SIZE);
        } finally {
            Libc.unmap(probe, Header.SIZE_OF);
        }
        return new Memory(Libc.map(fd, size), size, -1);
    }

    private static void check(long header) {
        if (Raw.getLongAcquire(header + Header.MAGIC) != Header.MAGIC_VALUE) {
            throw refused("the descriptor is not a node's memory: its first bytes are not DRAGONM1");
        }
        int version = Raw.getInt(header + Header.VERSION);
        if (version != Header.VERSION_VALUE) {
            throw refused("the node's memory has layout version " + version + ", this build of Dragon speaks version "
                    + Header.VERSION_VALUE + "; use the same build for all processes of a run");
        }
    }

    private static DragonException refused(String why) {
        return new DragonException(DragonException.Category.USER, "memory.version", why);
    }

    /** Unmaps it, and closes the descriptor if this process made it. Nothing of this memory may be touched afterwards. */
    @Override
    public void close() {
        Libc.unmap(base, size);
        if (fd >= 0) {
            Libc.close(fd);
        }
    }

    /** The descriptor of a memory that was made here; -1 if it was mapped. */
    public int fd() {
        return fd;
    }

    /** Address of offset 0. */
    public long base() {
        return base;
    }

    /** Bytes of the file. */
    public long size() {
        return size;
    }

    /** The address of an offset. */
    public long address(long offset) {
        return base + offset;
    }

    /** The node's number. */
    public int node() {
        return node;
    }

    /** High half of the run's random id. */
    public long runIdHigh() {
        return Raw.getLong(base + Header.RUN_ID_HIGH);
    }

    /** Low half of the run's random id. */
    public long runIdLow() {
        return Raw.getLong(base + Header.RUN_ID_LOW);
    }

    /** The node's page size in bytes. */
    public int pageSize() {
        return Raw.getInt(base + Header.PAGE_SIZE);
    }

    /** How the run stands. */
    public RunState runState() {
        return RunState.of(Raw.getIntAcquire(base + Header.RUN_STATE));
    }

    /** Whether the run goes on. */
    public boolean running() {
        return Raw.getIntAcquire(base + Header.RUN_STATE) == RunState.RUNNING.code();
    }

    /** Bytes that may be granted. */
    public long limit() {
        return Raw.getLongAcquire(base + Header.LIMIT);
    }

    /** Bytes granted to slabs. */
    public long granted() {
        return Raw.getLongAcquire(base + Header.GRANTED);
    }

    /** Entries of the client table. */
    public int clientsCapacity() {
        return clientsCapacity;
    }

    /** Highest client number ever used, plus 1. */
    public int clientsHigh() {
        return Raw.getIntAcquire(base + Header.CLIENTS_HIGH);
    }

    /** The address of a client's entry. */
    public long client(int number) {
        return clients + (long) number * Layout.ClientEntry.SIZE_OF;
    }

    /** The address of a thread record of a client; 0 if its table does not exist. */
    public long record(int client, int index) {
        long entry = client(client);
        if (index < Layout.ClientEntry.INLINE_RECORDS) {
            return entry + Layout.ClientEntry.RECORDS + (long) index * Layout.RecordEntry.SIZE_OF;
        }
        int further = index - Layout.ClientEntry.INLINE_RECORDS;
        int table = further / Layout.ClientEntry.RECORDS_PER_TABLE;
        if (table >= Layout.ClientEntry.RECORD_TABLES) {
            return 0;
        }
        long offset = Raw.getLongAcquire(entry + Layout.ClientEntry.RECORDS_EXT + (long) table * Long.BYTES);
        int row = further % Layout.ClientEntry.RECORDS_PER_TABLE;
        return offset == 0 ? 0 : base + offset + (long) row * Layout.RecordEntry.SIZE_OF;
    }

    /** The address of a class's entry. */
    public long blockClass(int blockClass) {
        return classes + (long) blockClass * classStride;
    }

    /** Entries of the slab table. */
    public int slabsCapacity() {
        return slabsCapacity;
    }

    /** The address of a slab's entry. */
    public long slab(int index) {
        return slabs + (long) index * Layout.Slab.SIZE_OF;
    }

    /** The address of the set of the table of pins in which a token may lie. */
    public long pinSet(long token) {
        return pins + ((token ^ token >>> 46) & Layout.PinTable.SETS - 1) * Layout.PinTable.SET;
    }

    /** The offset of the agent's mailbox. */
    public long mailbox() {
        return Raw.getLongAcquire(base + Header.MAILBOX);
    }

    /** Said once, by the agent. */
    public void mailbox(long offset) {
        Raw.putLongRelease(base + Header.MAILBOX, offset);
    }

    /** A new object id of this node. */
    public long nextId() {
        long low = Raw.addLong(base + Header.NEXT_ID, 1);
        return (node + 1L) << 32 | low & 0xffffffffL;
    }
}
