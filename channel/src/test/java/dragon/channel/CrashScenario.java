package dragon.channel;

import dragon.memory.Client;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.ThreadRecord;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** One operation of a victim that is killed at each of its steps, and what survivors must be able to do after the sweep. */
abstract class CrashScenario {
    static final Duration SOON = Duration.ofSeconds(20);

    final String name;
    TestNode node;
    Client victim;
    Client survivor;
    private final List<SharedObject> kept = new ArrayList<>();

    CrashScenario(String name) {
        this.name = name;
    }

    /** Before the victim's operation. */
    abstract void prepare() throws Exception;

    /** The victim's operation, step by step. */
    abstract void act() throws Exception;

    /** After the sweep: the survivors go on. */
    abstract void verify(boolean killed) throws Exception;

    /** The object is let go of at the end. */
    <T extends SharedObject> T keep(T object) {
        kept.add(object);
        return object;
    }

    void letGo() {
        kept.forEach(SharedObject::close);
        kept.clear();
    }

    /** How many of a client's threads sleep, or are about to. */
    static int parked(Client client) {
        Memory memory = client.memory();
        int parked = 0;
        for (int i = 0; i < 56; i++) {
            int word = Raw.getIntAcquire(memory.record(client.number(), i));
            parked += ThreadRecord.state(word) == ThreadRecord.PARKED ? 1 : 0;
        }
        return parked;
    }

    /** Returns when a thread of the client sleeps. */
    static void awaitParked(Client client, int threads) {
        long end = System.nanoTime() + SOON.toNanos();
        while (true) {
            int parked = parked(client);
            if (parked >= threads) {
                return;
            }
            if (System.nanoTime() > end) {
                throw new AssertionError("client " + client.number() + " has " + parked + " threads parked");
            }
            Thread.yield();
        }
    }

    @Override
    public String toString() {
        return name;
    }
}
