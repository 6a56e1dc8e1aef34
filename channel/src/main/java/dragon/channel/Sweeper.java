package dragon.channel;

import dragon.memory.Client;
import dragon.memory.ClientTable;
import dragon.memory.Memory;
import dragon.memory.RunState;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;

/**
 * The agent's part: alone declares clients dead and repairs what they left, frees objects nobody uses, and ends the run (section 8). There is one per node.
 * Thread-safe; a sweep takes microseconds to milliseconds.
 *
 * <p>One thread of the agent calls {@link #serve} in a loop; any thread sweeps.
 */
public final class Sweeper {
    private final Client agent;
    private final Memory memory;
    private final ClientTable clients;
    private final Channel mailbox;
    private final Pins pins = new Pins();
    private final News news;
    private final Audit audit;
    private final MemorySegment letter = MemorySegment.ofArray(new long[4]);

    /** Makes the node's mailbox and reads it from now on. */
    public Sweeper(Client agent, ClientTable clients) {
        this.agent = agent;
        this.memory = agent.memory();
        this.clients = clients;
        this.mailbox = Mailbox.create(agent);
        this.news = new News(memory);
        this.audit = new Audit(memory, pins, news);
    }

    /**
     * The client's process is dead, for certain. What it left half done is finished or undone, who waited on that is told, its locks are passed on, its
     * references cleared; then its number is free. False: no such client is attached.
     */
    public synchronized boolean sweep(int client) {
        if (!clients.condemn(client)) {
            return false;
        }
        new Sweep(memory, client, agent.number(), news, audit).run();
        clients.remove(client);
        drain();
        return true;
    }

    /** Tells everyone who waits on the object to look again. */
    public synchronized void tell(long offset) {
        news.tell(offset);
    }

    /** Frees the object if nobody uses it, and closes the ends nobody has. */
    public synchronized void audit(long offset) {
        audit.add(offset);
        drain();
    }

    /** A token that a handle travelled with will not be bound: the process it was meant for is gone. */
    public synchronized void unpin(long token) {
        drain();
        audit.add(pins.unpin(token));
        drain();
    }

    /** Waits for a letter in the mailbox, and does what the letters say. Returns false when the limit passed without any. */
    public boolean serve(Duration limit) {
        boolean any = mailbox.poll(limit);
        synchronized (this) {
            drain();
        }
        return any;
    }

    /** Waits for a letter in the mailbox without limit, and does what the letters say. */
    public void serve() {
        mailbox.await();
        synchronized (this) {
            drain();
        }
    }

    /** Handles from processes on their way: for diagnosis. */
    public synchronized int pins() {
        return pins.size();
    }

    /** The run is over: whoever waits, or will, learns it. Returns at once; it never goes back. */
    public void endRun(RunState state) {
        news.endRun(state);
    }

    /** Reads all letters. Audits run only when none is left that is being written: a PIN may lie behind it. */
    private void drain() {
        while (mailbox.tryReceive(letter) >= 0) {
            handle();
        }
        if (mailbox.isDrained()) {
            audit.run();
        }
    }

    private void handle() {
        long typeAndClient = letter.get(ValueLayout.JAVA_LONG, 0);
        long reference = letter.get(ValueLayout.JAVA_LONG, 16);
        long token = letter.get(ValueLayout.JAVA_LONG, 24);
        switch ((int) typeAndClient) {
            case Mailbox.RELEASE -> audit.add(reference & ~Role.MASK);
            case Mailbox.PIN -> pins.pin(token, reference);
            case Mailbox.UNPIN -> audit.add(pins.unpin(token));
            default -> {} // NUDGE
        }
    }
}
