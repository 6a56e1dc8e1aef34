package dragon.memory;

import dragon.memory.Layout.RecordEntry;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A thread's record in shared memory (sections 3 and 7): what it is about to touch, and the word on which it sleeps. Used by one thread at a time,
 * which alone writes it, except that choosers and the agent change {@code word} by compare-and-set.
 *
 * <p>Killed anywhere: the record is what the sweep starts from, so each field is stored before the claim it announces (release stores; a claim is a
 * compare-and-set).
 */
public final class ThreadRecord {
    /** Not waiting. */
    public static final int IDLE = 0;
    /** Waiting, to be chosen. */
    public static final int PARKED = 1;
    /** Chosen by a waker. */
    public static final int CHOSEN = 2;
    /** Told to look again. */
    public static final int NEWS = 3;
    /** A reference to the record lies in a wait queue. */
    public static final int QUEUED = 8;
    /** The waiter listens to a socket, not to a futex. */
    public static final int BELL = 16;
    /** One generation of the word. */
    public static final int GENERATION = 32;

    /** Operations, for diagnosis. */
    public static final int SEND = 1;
    /** Receive or poll. */
    public static final int RECEIVE = 2;
    /** Create an object: the sweep undoes it. */
    public static final int CREATE = 4;
    /** Wait on an event, a condition or several objects. */
    public static final int WAIT = 5;
    /** Change a semaphore, lock or event. */
    public static final int UPDATE = 6;

    /** The running operation relies on no reference of this process. */
    public static final int NOTHING = -1;
    /** The running operation is on several objects, each retained. */
    public static final int SEVERAL = -2;

    private static final int STATE_MASK = 7;
    private static final VarHandle USING = using();

    private final Client client;
    private final int index;
    private final long address;
    private final MemorySegment timespec = Arena.ofAuto().allocate(16, 8);

    /** Process-local: the object whose queue holds this record's reference. The address of a dead object may have a new one. */
    private long queuedId;

    /** Process-local: how spinning paid lately; the waiter's notes. */
    private int luck;

    private boolean brief;

    /** Process-local: how an interrupt reaches the sleeping thread. */
    private @Nullable InterruptibleSleep sleep;

    private int tid;

    /** Process-local: the reference on which the running operation relies. Opaque stores and loads. */
    private int using = NOTHING;

    /** Process-local: this thread's record for operations within operations. */
    private @Nullable ThreadRecord inner;

    ThreadRecord(Client client, int index, long address) {
        this.client = client;
        this.index = index;
        this.address = address;
    }

    private static VarHandle using() {
        try {
            return MethodHandles.lookup().findVarHandle(ThreadRecord.class, "using", int.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    /**
     * Says on which reference the running operation relies, before it looks whether its handle is still open. Who closes a handle makes all threads pass
     * a fence, and then looks at this: so one of the two sees the other.
     */
    public void using(int entry) {
        USING.setOpaque(this, entry);
    }

    boolean isUsing(int entry) {
        return (int) USING.getOpaque(this) == entry;
    }

    /**
     * Wakes the thread if it sleeps: something about its process changed. Also where it was chosen or told before: who did that may have been killed, or stopped, before
     * the wake.
     */
    void disturb() {
        int word = word();
        while (state(word) == PARKED && !Raw.casInt(address, word, withState(word & ~QUEUED, NEWS))) {
            word = word();
        }
        if (state(word) != IDLE) {
            Libc.futexWake(address, 1);
        }
    }

    /** The client it belongs to. */
    public Client client() {
        return client;
    }

    /** Its number within the client. */
    public int index() {
        return index;
    }

    /** The thread that uses it, as it stands in shared memory: the kernel's id, or for a virtual thread one of its own. */
    public int tid() {
        return tid;
    }

    void taken(int newTid) {
        tid = newTid;
        inner = null;
        Raw.putInt(address + RecordEntry.TID, newTid);
    }

    /** Another record of the same thread, for an operation that is part of one on this record. */
    public ThreadRecord inner() {
        ThreadRecord found = inner;
        if (found == null) {
            found = client.takeRecord();
            inner = found;
        }
        return found;
    }

    /** Announces an operation, before its first claim. */
    public void begin(int op, long object) {
        Raw.putInt(address + RecordEntry.OP, op);
        Raw.putLongRelease(address + RecordEntry.OP_OBJECT, object);
    }

    /** The operation's last store is done. */
    public void end() {
        Raw.putLongRelease(address + RecordEntry.OP_OBJECT, 0);
    }

    /** The object the running operation is on; 0: none. */
    public long opObject() {
        return Raw.getLong(address + RecordEntry.OP_OBJECT);
    }

    /** Names a block in hand, before it is claimed; 0: none. */
    public void block(int k, long generationAndRef) {
        Raw.putLongRelease(address + RecordEntry.BLOCKS + (long) k * Long.BYTES, generationAndRef);
    }

    /** The block named in place {@code k}. */
    public long block(int k) {
        return Raw.getLong(address + RecordEntry.BLOCKS + (long) k * Long.BYTES);
    }

    /** The word, freshly loaded. */
    public int word() {
        return Raw.getIntAcquire(address);
    }

    /** The state in a word. */
    public static int state(int word) {
        return word & STATE_MASK;
    }

    /** A word in another state, of the same generation. */
    public static int withState(int word, int state) {
        return word & ~STATE_MASK | state;
    }

    /** The reference that wakers find in a wait queue. */
    public long reference(int word) {
        return reference(client.number(), index, word);
    }

    /** The reference to a record whose word is that. */
    public static long reference(int client, int index, int word) {
        return (long) client << 46 | (long) index << 27 | word >>> 5;
    }

    /**
     * Arms the record for a new wait, with no reference in the queue yet: generation + 1, PARKED and QUEUED. Returns the word.
     *
     * @param object the object waited on, 1 for several
     * @param queue the wait queue the reference will lie in, 0 for several
     * @param bell whether to be woken by a datagram
     */
    public int arm(long object, long queue, long id, boolean bell) {
        queuedId = id;
        Raw.putLong(address + RecordEntry.WAIT_OBJECT, object);
        Raw.putLong(address + RecordEntry.WAIT_QUEUE, queue);
        int word = (word() & -GENERATION) + GENERATION | QUEUED | PARKED | (bell ? BELL : 0);
        Raw.putIntRelease(address, word);
        return word;
    }

    /** Arms the record by the reference it still has in that queue. False: it has none. */
    public boolean rearm(long queue, long id) {
        if (queuedId != id || Raw.getLong(address + RecordEntry.WAIT_QUEUE) != queue) {
            return false;
        }
        int word = word();
        return (word & (QUEUED | BELL | STATE_MASK)) == (QUEUED | IDLE) && Raw.casInt(address, word, word | PARKED);
    }

    /** Stops waiting. The reference, if it was not taken, may serve again. True: the record was chosen, or told news, meanwhile. */
    public boolean disarm() {
        int word = word();
        if (state(word) == PARKED && Raw.casInt(address, word, withState(word, IDLE))) {
            return false;
        }
        idle();
        return true;
    }

    /** Takes note of having been chosen: IDLE, without a reference. */
    public void idle() {
        Raw.putIntRelease(address, word() & -GENERATION);
    }

    /**
     * Sleeps while PARKED, until the deadline of {@link System#nanoTime()} (Long.MAX_VALUE: none). False: the deadline passed. An interrupt is NEWS.
     */
    public boolean park(long deadline) {
        InterruptibleSleep sleeping = sleep;
        if (sleeping == null || !sleeping.isOpen()) {
            sleeping = new InterruptibleSleep(this);
            sleep = sleeping;
        }
        sleeping.enter();
        try {
            return sleepWhileParked(deadline);
        } finally {
            sleeping.leave();
        }
    }

    private boolean sleepWhileParked(long deadline) {
        long limit = 0;
        if (deadline != Long.MAX_VALUE) {
            timespec.set(ValueLayout.JAVA_LONG, 0, deadline / 1_000_000_000);
            timespec.set(ValueLayout.JAVA_LONG, 8, deadline % 1_000_000_000);
            limit = timespec.address();
        }
        while (true) {
            int word = word();
            if (state(word) != PARKED) {
                return true;
            }
            if (Libc.futexWait(address, word, limit) == Libc.ETIMEDOUT) {
                return false;
            }
        }
    }

    /** Waits since spinning last paid. */
    public int luck() {
        return luck;
    }

    /** Keeps it. */
    public void luck(int newLuck) {
        luck = newLuck;
    }

    /** Whether the last sleep was brief. */
    public boolean brief() {
        return brief;
    }

    /** Keeps it. */
    public void brief(boolean newBrief) {
        brief = newBrief;
    }

    /** Nothing of it is in use: it may go to another thread. */
    boolean unused() {
        for (int k = 0; k < RecordEntry.BLOCKS_IN_HAND; k++) {
            if (block(k) != 0) {
                return false;
            }
        }
        return opObject() == 0 && isUsing(NOTHING) && state(word()) == IDLE;
    }
}
