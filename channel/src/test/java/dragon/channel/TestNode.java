package dragon.channel;

import dragon.memory.AgentBooks;
import dragon.memory.Books;
import dragon.memory.Client;
import dragon.memory.ClientTable;
import dragon.memory.Memory;
import dragon.memory.MemoryPlan;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** A node in one JVM: memory, agent, sweeper, and as many clients as a test wants. */
final class TestNode implements AutoCloseable {
    static final long LIMIT = 64 << 20;

    final Memory memory;
    final ClientTable table;
    final Books books;
    final Client agent;
    final Sweeper sweeper;

    TestNode() {
        this(LIMIT);
    }

    TestNode(long limit) {
        memory = Memory.create(new MemoryPlan(limit * 2, limit, 64, 4096, 0), 1, 2);
        table = new ClientTable(memory);
        table.addAgent(1, 1);
        AgentBooks agentBooks = new AgentBooks(memory, "test.limit");
        books = blockClass -> growElsewhere(agentBooks, blockClass);
        agent = Client.attach(memory, 1, books);
        sweeper = new Sweeper(agent, table);
    }

    /** In a thread of its own: the agent's steps are none of a victim's. */
    private static void growElsewhere(Books books, int blockClass) {
        try {
            start(() -> {
                        books.grow(blockClass);
                        return true;
                    })
                    .result();
        } catch (RuntimeException failure) {
            throw failure;
        } catch (Exception failure) {
            throw new AssertionError(failure);
        }
    }

    Client client() {
        return Client.attach(memory, table.add(0, 0), books);
    }

    /** Sweeps a dead client, and does what follows from it. */
    boolean sweep(Client dead) {
        return sweep(dead.number());
    }

    boolean sweep(int dead) {
        boolean swept = sweeper.sweep(dead);
        sweeper.serve(Duration.ZERO);
        return swept;
    }

    /** Runs something in a thread of its own, which the caller joins by {@link Running#result}. */
    static <T> Running<T> start(Callable<T> task) {
        FutureTask<T> future = new FutureTask<>(task);
        Thread thread = Thread.ofPlatform().daemon().start(future);
        return new Running<>(future, thread);
    }

    record Running<T>(FutureTask<T> future, Thread thread) {
        T result() throws Exception {
            try {
                return future.get();
            } catch (ExecutionException failure) {
                if (failure.getCause() instanceof Exception cause) {
                    throw cause;
                }
                if (failure.getCause() instanceof Error cause) {
                    throw cause;
                }
                throw failure;
            }
        }
    }

    @Override
    public void close() {
        memory.close();
    }
}
