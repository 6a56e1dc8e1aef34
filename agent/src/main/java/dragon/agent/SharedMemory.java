package dragon.agent;

import dragon.agent.control.Grown;
import dragon.agent.os.Linux;
import dragon.agent.process.Birth;
import dragon.channel.Handle;
import dragon.channel.Sweeper;
import dragon.memory.AgentBooks;
import dragon.memory.Client;
import dragon.memory.ClientTable;
import dragon.memory.ColdPages;
import dragon.memory.DragonException;
import dragon.memory.Layout;
import dragon.memory.Memory;
import dragon.memory.MemoryExhaustedException;
import dragon.memory.MemoryPlan;
import dragon.memory.RunOverException;
import dragon.memory.RunState;
import java.time.Duration;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * The node's shared memory as its agent has it: makes it, gives client numbers out, keeps the books, records the ends of processes, has the dead swept. Its methods are for
 * the agent's thread; one more thread reads the mailbox, by which clients that are not connected speak to the agent.
 */
final class SharedMemory implements Names.Objects {
    private static final long FEW_BYTES = 64 << 20;
    private static final int FEW_CLIENTS = 256;
    private static final long REST = 2000; // ns for each client: 20 ms for ten thousand
    private static final long SOONEST_LOOK = 1000;
    private static final long LATEST_LOOK = 64_000;

    private final Memory memory;
    private final ClientTable clients;
    private final AgentBooks books;
    private final Client agent;
    private final Sweeper sweeper;
    private final Segments segments;
    private final byte[] runId;
    private final int processes; // at once; the table has two entries more, for nobody and for the agent
    private IntConsumer death = _ -> {};
    private boolean ending;

    SharedMemory(int node, byte[] runId, long agentId, Budget budget) {
        this.runId = runId;
        processes = budget.processes();
        memory = Memory.create(budget.plan(node), word(0), word(8));
        clients = new ClientTable(memory);
        clients.addAgent(Linux.getpid(), agentId);
        books = new AgentBooks(memory, budget.setting());
        agent = Client.attach(memory, Layout.AGENT, books);
        sweeper = new Sweeper(agent, clients);
        segments = new Segments(agent);
    }

    /** Starts the threads. Not before clients are told that they can come: what they leave in the mailbox until then waits there. */
    void begin() {
        startDaemon("dragon-mailbox", this::readMailbox);
        startDaemon("dragon-cold-pages", this::removeColdPages);
    }

    private static void startDaemon(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    /** Looks soon after memory was granted, then ever more seldom; sleeps while clients do not have much. */
    private void removeColdPages() {
        ColdPages pages = new ColdPages(memory, books);
        try {
            long pause = SOONEST_LOOK;
            while (memory.running()) {
                books.awaitGranted(FEW_BYTES);
                long granted = memory.granted();
                Thread.sleep(pause);
                boolean something = pages.look() > 0 || memory.granted() != granted;
                pause = something ? SOONEST_LOOK : Math.min(2 * pause, LATEST_LOOK);
            }
        } catch (InterruptedException _) {
            // nobody interrupts it
        }
    }

    /** Eight bytes of the run's id, the first one lowest, so that the bytes lie in memory as they are sent. */
    private long word(int at) {
        long word = 0;
        for (int i = 0; i < 8; i++) {
            word |= (runId[at + i] & 255L) << 8 * i;
        }
        return word;
    }

    /**
     * A look at who uses or awaits what takes the longer the more clients there are. After one of many the thread rests for a multiple of that, while what asks for the next
     * look gathers: so the end of them all at once costs few looks, and its last news come some milliseconds later.
     */
    private void readMailbox() {
        try {
            while (true) {
                boolean looked = sweeper.serve();
                int clients = memory.clientsHigh();
                if (looked && clients > FEW_CLIENTS) {
                    Thread.sleep(Duration.ofNanos(clients * REST));
                }
            }
        } catch (RunOverException | InterruptedException _) {
            // no letter counts any more; nobody interrupts it
        }
    }

    /** The memory file. */
    int descriptor() {
        return memory.fd();
    }

    byte[] runId() {
        return runId;
    }

    int node() {
        return memory.node();
    }

    /** A client number for a process that does not live yet; 0 if all are in use. */
    int newClient(long process) {
        try {
            return clients.add(0, process);
        } catch (DragonException _) {
            return 0;
        }
    }

    /** Are all client numbers given out? */
    boolean full() {
        return clients.isFull();
    }

    /** Why there is no client number for another process. */
    String clientsUsedUp() {
        return "this run may have " + processes
                + " processes at once on this node, its program included, and all of them are there; end some, or raise "
                + Budget.PROCESSES + " (at most " + (MemoryPlan.MOST_CLIENTS - 2) + ") where the run is started";
    }

    /** The operating system's pid of a client. */
    void clientIs(int client, int pid) {
        clients.osPid(client, pid);
    }

    /** Handles go with the arguments of a process that is made; {@link #dead} takes back those that did not arrive. */
    void entrust(List<Long> tokens) {
        sweeper.entrust(tokens);
    }

    /** What a dead process held is swept, and its number free after that; handles that were on their way to it will not arrive. */
    void dead(int client, List<Long> tokens) {
        gone(client);
        if (!tokens.isEmpty()) {
            sweeper.unpin(tokens);
        }
    }

    /** Whoever joins the process learns how it ended. */
    void ended(Birth birth, long report) {
        if (birth.exitEvent() != 0) {
            set(birth.exitEvent(), birth.exitEventId(), report);
        }
    }

    /** Sets an event of a client, if it is still there. */
    void set(long offset, long id, long value) {
        sweeper.set(new Handle(offset, id), value);
    }

    /** Everybody is killed from here on, one after the other: nobody is told of the death of another, of which he would only complain. */
    void ending() {
        ending = true;
    }

    /** A client that was not made by a zygote is dead. */
    void gone(int client) {
        if (ending) {
            return;
        }
        death.accept(client);
        segments.gone(client, clients.orderly(client));
        sweeper.sweep(client);
    }

    @Override
    public long hold(long reference) {
        return sweeper.hold(reference);
    }

    @Override
    public void letGo(long token) {
        sweeper.unpin(token);
    }

    /** Who is to hear of each client that is gone, before its number is free again. */
    void onDeath(IntConsumer listener) {
        death = listener;
    }

    /** The book of named segments. */
    Segments segments() {
        return segments;
    }

    /** Is the process still this client? A dead one's last requests come after its end was told. */
    boolean lives(dragon.agent.Client client) {
        return clients.lives(client.number(), client.process());
    }

    /** One more slab of a class of blocks, if the books allow. */
    Grown grow(int blockClass) {
        try {
            books.grow(blockClass);
            return new Grown(0, 0, 0, "");
        } catch (MemoryExhaustedException e) {
            return new Grown(e.need(), e.have(), e.limit(), e.setting());
        }
    }

    /** The run is over: nothing will come any more. Wakes everyone who waits. */
    void over(boolean lost) {
        sweeper.endRun(lost ? RunState.LOST : RunState.OVER);
    }
}
