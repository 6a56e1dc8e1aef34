package dragon.memory;

import dragon.memory.Layout.ClientEntry;
import dragon.memory.Layout.Header;
import java.util.BitSet;

/**
 * The agent's side of the client table: gives numbers out, and takes them back after a sweep. Thread-safe; the agent alone has one.
 */
public final class ClientTable {
    private final Memory memory;
    private final BitSet used = new BitSet();

    /** The table of that memory. */
    public ClientTable(Memory memory) {
        this.memory = memory;
    }

    /** Makes the agent itself client 1. */
    public void addAgent(int osPid, long processId) {
        fill(Layout.AGENT, osPid, processId);
    }

    /**
     * Gives a process a number: the lowest that is free, so that scans stay short.
     *
     * @throws DragonException if the table is full
     */
    public synchronized int add(int osPid, long processId) {
        int number = used.nextClearBit(Layout.AGENT + 1);
        if (number < memory.clientsCapacity()) {
            used.set(number);
            fill(number, osPid, processId);
            return number;
        }
        throw new DragonException(
                DragonException.Category.RESOURCES,
                "memory.clients",
                memory.clientsCapacity() - 1
                        + " processes are attached to this node's memory, which is the most it was made for");
    }

    /** Is there no number for another process? */
    public synchronized boolean isFull() {
        return used.nextClearBit(Layout.AGENT + 1) >= memory.clientsCapacity();
    }

    private void fill(int number, int osPid, long processId) {
        long entry = memory.client(number);
        Raw.putInt(entry + ClientEntry.OS_PID, osPid);
        Raw.putLong(entry + ClientEntry.PROCESS_ID, processId);
        if (number >= memory.clientsHigh()) {
            Raw.putIntRelease(memory.base() + Header.CLIENTS_HIGH, number + 1);
        }
        setState(number, ClientEntry.LIVE);
    }

    /** The operating system's id, once it is known. */
    public void osPid(int number, int osPid) {
        Raw.putInt(memory.client(number) + ClientEntry.OS_PID, osPid);
    }

    /** FREE, LIVE or SWEEPING. */
    public int state(int number) {
        return (int) Raw.getLongAcquire(memory.client(number) + ClientEntry.STATE) & 0xff;
    }

    /** Is that process this client? */
    public boolean lives(int number, long processId) {
        return state(number) == ClientEntry.LIVE
                && Raw.getLong(memory.client(number) + ClientEntry.PROCESS_ID) == processId;
    }

    /** Did the process say that it ends in order? */
    public boolean orderly(int number) {
        return (Raw.getIntAcquire(memory.client(number) + ClientEntry.FLAGS) & ClientEntry.ORDERLY) != 0;
    }

    /** The process is dead: nobody counts on it any more. False: the number is not in use. */
    public synchronized boolean condemn(int number) {
        if (state(number) != ClientEntry.LIVE) {
            return false;
        }
        setState(number, ClientEntry.SWEEPING);
        return true;
    }

    private void setState(int number, int state) {
        long at = memory.client(number) + ClientEntry.STATE;
        Raw.putLongVolatile(at, Raw.getLong(at) & ~0xffL | state);
    }

    /** Swept: the number is free for another process. Generations go on counting. */
    public synchronized void remove(int number) {
        long entry = memory.client(number);
        Raw.putInt(entry + ClientEntry.OS_PID, 0);
        Raw.putInt(entry + ClientEntry.FLAGS, 0);
        Raw.putLong(entry + ClientEntry.PROCESS_ID, 0);
        Raw.putInt(entry + ClientEntry.REFS_HIGH, 0);
        Raw.putInt(entry + ClientEntry.RECORDS_HIGH, 0);
        long at = entry + ClientEntry.STATE;
        Raw.putLongVolatile(at, (Raw.getLong(at) >>> 8) + 1 << 8 | ClientEntry.FREE);
        used.clear(number);
    }
}
