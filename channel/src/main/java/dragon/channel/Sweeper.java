package dragon.channel;

import dragon.memory.Client;
import dragon.memory.ClientTable;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.RunState;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

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
    private final Pins pins;
    private final News news;
    private final Audit audit;
    private final List<Long> unpins = new ArrayList<>();
    private final List<Long> killed =
            new ArrayList<>(); // what the tokens of those begin with whose letters are not all read yet
    private volatile boolean called; // the thread that serves has something to do
    private long holds;
    private final MemorySegment letter = MemorySegment.ofArray(new long[4]);

    /** Makes the node's mailbox and reads it from now on. */
    public Sweeper(Client agent, ClientTable clients) {
        this.agent = agent;
        this.memory = agent.memory();
        this.clients = clients;
        this.mailbox = Mailbox.create(agent);
        this.news = new News(memory);
        this.pins = new Pins(memory, news);
        this.audit = new Audit(memory, pins, news);
    }

    /**
     * The client's process is dead, for certain. What it left half done is finished or undone, its locks are passed on, its references cleared; then its number is free. Who
     * waited on what it left is told, objects it was the last to use are freed, and ends it was the last to have are closed, by the thread
     * that serves: many deaths cost one look at who waits, and one audit. False: no such client is attached.
     */
    public synchronized boolean sweep(int client) {
        if (!clients.condemn(client)) {
            return false;
        }
        if (!clients.orderly(client)) {
            killed.add(Client.firstToken(memory, client));
        }
        new Sweep(memory, client, agent.number(), news, audit).run();
        clients.remove(client);
        if (news.isDue() || audit.isDue() || pins.size() > 0) {
            callThread();
        }
        return true;
    }

    /**
     * Sets an event of a client's, if it is still there, and wakes all who wait on it; false: it is not. Without a reference of the agent's own: nobody else frees objects, so
     * this one stays meanwhile. (Binding to it and letting go would cost a letter and an audit for each process that ends.)
     */
    public synchronized boolean set(Handle event, long value) {
        return Event.set(memory, event, value, agent.number());
    }

    /** Keeps an object alive in a role until {@link #unpin}; somebody holds it now. {@code reference}: its offset and role. Returns the token. */
    public synchronized long hold(long reference) {
        long token = (long) agent.number() << 46 | ++holds;
        pins.pin(token, reference);
        long offset = reference & ~Role.MASK;
        if (Slots.isObject(memory, offset) && Ends.tracked(memory, offset)) {
            Ends.count(memory, offset, (int) (reference & Role.MASK), token);
        }
        return token;
    }

    /** The handles with these tokens go to a process at its start: they outlive who made them, and are unpinned by the process or after its end. */
    public synchronized void entrust(List<Long> tokens) {
        pins.entrust(tokens);
    }

    /** A handle with that token will not be bound. */
    public void unpin(long token) {
        unpin(List.of(token));
    }

    /**
     * The handles with these tokens will not be bound: the process they were meant for is gone. If one was the last of an end, that is closed when this
     * returns, but for the rare case that a letter is just being written.
     */
    public synchronized void unpin(List<Long> tokens) {
        unpins.addAll(tokens);
        takeBack(read());
        callThread();
    }

    /** Takes back what will not be bound. Not while a letter is being written: the pin itself may lie behind it. */
    private void takeBack(boolean drained) {
        if (drained) {
            unpins.forEach(token -> audit.add(pins.unpin(token)));
            unpins.clear();
        }
    }

    /**
     * Wakes the thread that serves, if it has not been called yet. Not by a letter: it is who tells those who wait on what a dead client had in hand, itself included, and
     * that client may have been killed with the waiter reference to it. Nor may a client that is stopped with it, or in the middle of a letter, keep it asleep.
     */
    private void callThread() {
        if (!called) {
            called = true;
            mailbox.lookAgain();
        }
    }

    /** Waits for a letter in the mailbox or a call, and does what the letters and the dead ask for. Returns false when the limit passed without any. */
    public boolean serve(Duration limit) {
        boolean any = mailbox.pollOr(() -> called, Limits.deadline(limit));
        drain();
        return any;
    }

    /** Waits for a letter in the mailbox or a call, and does what the letters and the dead ask for. True: that took a look at the clients. */
    public boolean serve() {
        mailbox.pollOr(() -> called, Waiter.FOREVER);
        return drain();
    }

    /** Handles from processes on their way: for diagnosis. */
    public synchronized int pins() {
        return pins.size();
    }

    /** The run is over: whoever waits, or will, learns it. Returns at once; it never goes back. */
    public void endRun(RunState state) {
        news.endRun(state);
    }

    /** Reads all letters, and looks at what they are about. True: there was something to look at, or to tell. */
    private synchronized boolean drain() {
        called = false;
        boolean drained = read();
        takeBack(drained);
        if (drained) {
            killed.forEach(first -> pins.forget(first).forEach(audit::add));
            killed.clear();
        }
        boolean audited = drained && audit.isDue();
        while (drained && audit.isDue()) {
            audit.run(this::read);
            drained = read();
        }
        boolean told = news.isDue();
        news.tell();
        return audited || told;
    }

    /** Reads letters until there is none. False: one is being written, and a PIN may lie behind it. */
    private boolean read() {
        while (mailbox.tryReceive(letter) >= 0) {
            handle();
        }
        return mailbox.isDrained();
    }

    private void handle() {
        long typeAndClient = letter.get(ValueLayout.JAVA_LONG, 0);
        long reference = letter.get(ValueLayout.JAVA_LONG, 16);
        long token = letter.get(ValueLayout.JAVA_LONG, 24);
        switch ((int) typeAndClient) {
            case Mailbox.RELEASE -> audit.add(reference & ~Role.MASK);
            case Mailbox.PIN -> pins.pin(token, reference);
            case Mailbox.UNPIN -> audit.add(pins.unpin(token));
            case Mailbox.CARRY -> carry(token, letter.get(ValueLayout.JAVA_LONG, 8), reference & ~Role.MASK);
            default -> {} // nothing we know
        }
    }

    /** The sender is bound to the channel, so that is there: else the letter is about what is past. */
    private void carry(long token, long id, long channel) {
        if (Slots.isObject(memory, channel) && Raw.getLongAcquire(memory.address(channel) + ObjectLayout.ID) == id) {
            pins.carry(token, channel);
            audit.add(channel); // which may have been kept by this very handle
        }
    }
}
