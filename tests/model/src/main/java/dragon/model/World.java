package dragon.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * One configuration to explore: the modelled memory, its first contents, the actors with their programs, and what has to hold when nobody can go on.
 *
 * <p>A state is one {@code int[]}: shared words first, then each actor's program counter, registers and store buffer. Address 0 means none.
 */
final class World {
    /** Depth of an actor's store buffer where stores are buffered. */
    static final int BUFFER = 2;

    /** The agent's client number. */
    static final int AGENT = 1;

    static final int RUNNING = 1;
    static final int OVER = 2;

    final boolean storeBuffers;
    final Set<Mutation> mutations;
    final List<Actor> actors = new ArrayList<>();
    final List<Shared.Record> records = new ArrayList<>();
    final List<Shared.Client> clients = new ArrayList<>();
    final List<Shared.Thing> things = new ArrayList<>();
    final List<Shared.Ring> rings = new ArrayList<>();
    final List<Shared.Ring> spares = new ArrayList<>();
    final List<Shared.Block> blocks = new ArrayList<>();

    interface Check {
        @Nullable
        String wrong(int[] state);
    }

    /** Looks at a state in which nobody goes on unless somebody dies or gives up; returns what is wrong, or null. */
    final List<Check> checks = new ArrayList<>();

    private final List<String> names = new ArrayList<>();
    private final List<IntFunction<String>> shows = new ArrayList<>();
    private int[] initial = new int[64];
    private Shared.Ring[] ringAt = new Shared.Ring[0];

    /** Rings made from now on have hints of their own. */
    boolean fineRings;

    /** Wait queues made from now on grow. */
    boolean growingQueues;

    /** An enqueue that finds its ring full rotates it before it grows. */
    boolean rotatingQueues;

    /** Word of the run's state, 0 where no run ends. */
    int runState;

    /** Slots of the wait queues made from now on. */
    int queueCapacity = 8;

    /** How many more actors may be killed. */
    final int deathsLeft;

    World(boolean storeBuffers, Mutation... mutations) {
        this.storeBuffers = storeBuffers;
        this.mutations = EnumSet.noneOf(Mutation.class);
        this.mutations.addAll(Arrays.asList(mutations));
        word("none", Integer::toString);
        deathsLeft = word("deaths left", Integer::toString);
    }

    boolean is(Mutation mutation) {
        return mutations.contains(mutation);
    }

    int word(String name) {
        return word(name, Integer::toString);
    }

    int word(String name, IntFunction<String> show) {
        names.add(name);
        shows.add(show);
        if (names.size() > initial.length) {
            initial = Arrays.copyOf(initial, 2 * initial.length);
        }
        return names.size() - 1;
    }

    void initially(int address, int value) {
        initial[address] = value;
    }

    Shared.Client client(String name) {
        Shared.Client client = new Shared.Client(this, clients.size() + 2, name);
        clients.add(client);
        return client;
    }

    /** A process with one thread, in its own client. */
    Actor process(String name, Consumer<Actor> program) {
        Shared.Client client = client(name);
        Shared.Record record = new Shared.Record(this, client, name, records.size());
        records.add(record);
        return thread(name, client, record, program);
    }

    /** Another thread of {@code first}'s process, with a record of its own. */
    Actor secondThread(String name, Actor first, Consumer<Actor> program) {
        Shared.Record record = new Shared.Record(this, first.client, name, records.size());
        records.add(record);
        return thread(name, first.client, record, program);
    }

    /** The agent: client 1, in no table of the modelled memory. */
    Actor agent(Consumer<Actor> program) {
        Shared.Client client = new Shared.Client(this, AGENT, "agent");
        return thread("agent", client, new Shared.Record(this, client, "agent", -1), program);
    }

    Actor thread(String name, Shared.Client client, Shared.Record record, Consumer<Actor> program) {
        Actor actor = new Actor(this, name, actors.size(), client, record);
        actors.add(actor);
        program.accept(actor);
        return actor;
    }

    /** A ring that some enqueue or send may add to a chain. */
    void spare(int capacity) {
        String name = "spare" + spares.size();
        word(name + ".used");
        spares.add(new Shared.Ring(this, name, capacity, true));
    }

    Shared.Ring ring(int address) {
        return ringAt[address];
    }

    String name(int address) {
        return names.get(address);
    }

    String show(int address, int value) {
        return shows.get(address).apply(value);
    }

    /** Lays the actors' private words behind the shared ones and returns the first state. */
    int[] begin(int deaths) {
        initially(deathsLeft, deaths);
        int size = names.size();
        for (Actor actor : actors) {
            size = actor.place(size);
        }
        int[] state = Arrays.copyOf(initial, size);
        for (Actor actor : actors) {
            state[actor.pc] = actor.start;
        }
        ringAt = new Shared.Ring[names.size()];
        for (Shared.Ring ring : rings) {
            ringAt[ring.base] = ring;
        }
        return state;
    }
}
