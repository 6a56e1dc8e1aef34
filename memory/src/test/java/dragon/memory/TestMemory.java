package dragon.memory;

/** A small memory with an agent's books, for tests. */
final class TestMemory implements AutoCloseable {
    final Memory memory;
    final ClientTable table;
    final AgentBooks books;

    TestMemory(long limit) {
        memory = Memory.create(new MemoryPlan(limit * 2, limit, 8, 1024, 3));
        table = new ClientTable(memory);
        table.addAgent(Libc.pid(), 1);
        books = new AgentBooks(memory, "DRAGON_MEMORY");
    }

    Client client() {
        return Client.attach(memory, table.add(Libc.pid(), 7), books);
    }

    @Override
    public void close() {
        memory.close();
    }
}
