package dragon.memory;

/** Where the fields of the shared structures lie: {@code spec/shared-memory.md} in constants, each computed from the one before. */
public final class Layout {
    private Layout() {}

    /** The agent's client number. */
    public static final int AGENT = 1;

    /** Alignment of objects and of what is written by different processes. */
    public static final int LINE = 64;

    /** Section 2, at offset 0. */
    public static final class Header {
        public static final long MAGIC_VALUE = 0x314d4e4f47415244L; // the bytes DRAGONM1
        public static final int VERSION_VALUE = 1;
        public static final int SIZE_OF = 4096;

        public static final int MAGIC = 0;
        public static final int VERSION = MAGIC + Long.BYTES;
        public static final int HEADER_SIZE = VERSION + Integer.BYTES;
        public static final int SIZE = HEADER_SIZE + Integer.BYTES;
        public static final int RUN_ID_HIGH = SIZE + Long.BYTES;
        public static final int RUN_ID_LOW = RUN_ID_HIGH + Long.BYTES;
        public static final int NODE = RUN_ID_LOW + Long.BYTES;
        public static final int PAGE_SIZE = NODE + Integer.BYTES;
        public static final int RUN_STATE = PAGE_SIZE + Integer.BYTES;
        public static final int AGENT_PID = RUN_STATE + Integer.BYTES;
        public static final int CLIENTS = AGENT_PID + Integer.BYTES;
        public static final int CLIENTS_CAPACITY = CLIENTS + Long.BYTES;
        public static final int CLIENT_SIZE = CLIENTS_CAPACITY + Integer.BYTES;
        public static final int CLASSES = CLIENT_SIZE + Integer.BYTES;
        public static final int SLABS = CLASSES + Long.BYTES;
        public static final int SLABS_CAPACITY = SLABS + Long.BYTES;
        public static final int CLASS_STRIDE = SLABS_CAPACITY + Integer.BYTES;
        public static final int ARENA = CLASS_STRIDE + Integer.BYTES;
        public static final int MAILBOX = ARENA + Long.BYTES;
        public static final int PINS = MAILBOX + Long.BYTES;
        public static final int NEXT_ID = 2 * LINE;
        public static final int LIMIT = 3 * LINE;
        public static final int GRANTED = LIMIT + Long.BYTES;
        public static final int CLIENTS_HIGH = 4 * LINE;

        private Header() {}
    }

    /** Section 3: an entry of the client table. */
    public static final class ClientEntry {
        public static final int SIZE_OF = 8192;
        public static final int FREE = 0;
        public static final int LIVE = 1;
        public static final int SWEEPING = 2;
        public static final int ORDERLY = 1;

        public static final int STATE = 0;
        public static final int OS_PID = STATE + Long.BYTES;
        public static final int FLAGS = OS_PID + Integer.BYTES;
        public static final int PROCESS_ID = FLAGS + Integer.BYTES;
        public static final int REFS_HIGH = PROCESS_ID + Long.BYTES;
        public static final int RECORDS_HIGH = REFS_HIGH + Integer.BYTES;
        public static final int REFS_EXT = RECORDS_HIGH + Integer.BYTES;
        public static final int REF_TABLES = 14;
        public static final int RECORDS_EXT = REFS_EXT + REF_TABLES * Long.BYTES;
        public static final int RECORD_TABLES = 8;
        public static final int REFS = 4 * LINE;
        public static final int INLINE_REFS = 96;
        public static final int RECORDS = REFS + INLINE_REFS * Long.BYTES;
        public static final int INLINE_RECORDS = 56;
        public static final int RECORDS_PER_TABLE = 512;

        private ClientEntry() {}
    }

    /** Section 3: a thread record. */
    public static final class RecordEntry {
        public static final int SIZE_OF = 2 * LINE;

        public static final int WORD = 0;
        public static final int TID = WORD + Integer.BYTES;
        public static final int WAIT_OBJECT = TID + Integer.BYTES;
        public static final int WAIT_QUEUE = WAIT_OBJECT + Long.BYTES;
        public static final int OP = WAIT_QUEUE + Long.BYTES;
        public static final int BELL = OP + Integer.BYTES;
        public static final int OP_OBJECT = BELL + Integer.BYTES;
        public static final int BLOCKS = OP_OBJECT + Long.BYTES;
        public static final int BLOCKS_IN_HAND = 4;

        private RecordEntry() {}
    }

    /** Section 4: an entry of the class table. */
    public static final class BlockClass {
        public static final int COUNT = 119;

        public static final int SIZE = 0;
        public static final int BLOCKS = SIZE + Long.BYTES;
        public static final int SLAB_COUNT = BLOCKS + Integer.BYTES;
        public static final int TOP = LINE;
        public static final int MID = 2 * LINE;
        public static final int LOW = MID + 64 * Long.BYTES;
        public static final int SLABS = LOW + 4096 * Long.BYTES;

        private BlockClass() {}
    }

    /** Section 4: an entry of the slab table. */
    public static final class Slab {
        public static final int MOST = 262144;

        public static final int BASE = 0;
        public static final int CLASS = BASE + Long.BYTES;
        public static final int BLOCKS = CLASS + Integer.BYTES;
        public static final int NUMBER = BLOCKS + Integer.BYTES;
        public static final int FREE = 32;
        public static final int WORDS = LINE;
        public static final int SIZE_OF = WORDS + 64 * Long.BYTES;

        private Slab() {}
    }

    /** Section 9: the table of pins that count. */
    public static final class PinTable {
        public static final int SETS = 512;
        public static final int PLACES = 8;
        public static final int SET = PLACES * Long.BYTES;
        public static final int SIZE_OF = SETS * SET;

        private PinTable() {}
    }

    /** The least multiple of {@code unit} (a power of two) that is not below {@code value}. */
    public static long roundUp(long value, long unit) {
        return (value + unit - 1) & -unit;
    }
}
