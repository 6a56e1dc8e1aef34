package dragon.memory;

/** A node's memory in this JVM, without an agent, and as many clients and thread records as the tests want: each stands for a process. */
public final class Ground {
    private static final int RECORDS = 56; // those that lie in the client's own entry

    private final Memory memory;
    private final ClientTable table;
    private final Books books;
    private Client owner;
    private int records;

    /** A memory that grants {@code limit} bytes. */
    public Ground(long limit, int clients, int slabs) {
        memory = Memory.create(new MemoryPlan(limit * 2, limit, clients, slabs, 0), 1, 2);
        table = new ClientTable(memory);
        table.addAgent(Libc.pid(), 1);
        books = new AgentBooks(memory, "the test's limit");
        owner = client();
    }

    /** The memory. */
    public Memory memory() {
        return memory;
    }

    /** Another process. */
    public Client client() {
        return Client.attach(memory, table.add(Libc.pid(), 7), books);
    }

    /** A record that no thread has, so that it can stay armed while a thread goes on to the next race. */
    public synchronized ThreadRecord record() {
        if (records == RECORDS) {
            owner = client();
            records = 0;
        }
        int index = records++;
        Raw.putIntRelease(owner.entry() + Layout.ClientEntry.RECORDS_HIGH, records);
        return new ThreadRecord(owner, index, memory.record(owner.number(), index));
    }
}
