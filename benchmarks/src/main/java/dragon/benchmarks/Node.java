package dragon.benchmarks;

import dragon.memory.AgentBooks;
import dragon.memory.Books;
import dragon.memory.Client;
import dragon.memory.ClientTable;
import dragon.memory.Memory;
import dragon.memory.MemoryPlan;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** A node's memory without an agent: the process that makes it keeps the books, and nobody sweeps. */
public final class Node implements AutoCloseable {
    private static final long LIMIT = 4L << 30;

    private final Memory memory;
    private final ClientTable table;
    private final Books books;

    private Node(Memory memory, Books books) {
        this.memory = memory;
        this.table = new ClientTable(memory);
        this.books = books;
    }

    /** A new one. */
    public static Node create() {
        Memory memory = Memory.create(MemoryPlan.of(LIMIT, 0));
        Node node = new Node(memory, new AgentBooks(memory, "the benchmark's limit"));
        node.table.addAgent((int) ProcessHandle.current().pid(), 1);
        return node;
    }

    /** One that another process made; what this process takes from it has to be there already. */
    public static Node open(String path) {
        return new Node(Memory.map(descriptor(path)), blockClass -> {
            throw new IllegalStateException("the far end of a benchmark needs a new block of class " + blockClass);
        });
    }

    /** Where another process finds the memory while this one lives. */
    public String path() {
        return "/proc/" + ProcessHandle.current().pid() + "/fd/" + memory.fd();
    }

    /** A number for one more process. */
    public int number() {
        return table.add((int) ProcessHandle.current().pid(), 1);
    }

    /** This process as that client. */
    public Client client(int number) {
        return Client.attach(memory, number, books);
    }

    /** The JDK opens no descriptor whose number it tells. */
    private static int descriptor(String path) {
        Linker linker = Linker.nativeLinker();
        MethodHandle open = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("open"),
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT),
                Linker.Option.firstVariadicArg(2));
        int readWrite = 2;
        try (Arena arena = Arena.ofConfined()) {
            int fd = (int) open.invokeExact(arena.allocateFrom(path), readWrite);
            if (fd < 0) {
                throw new IllegalStateException("cannot open " + path);
            }
            return fd;
        } catch (RuntimeException | Error failure) {
            throw failure;
        } catch (Throwable failure) {
            throw new IllegalStateException(failure);
        }
    }

    @Override
    public void close() {
        memory.close();
    }
}
