package dragon.agent;

import dragon.agent.control.Publish;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The run's book of names. A name stands for a handle: bytes that are never looked into, and the shared objects in them, which live as long as the name. It is withdrawn
 * by anyone, by another publication that replaces it, or by the end of the process that published it, unless it is kept for the run.
 *
 * <p>Who waits for a name is told each time it is published, and asks again: the book promises that nobody sleeps through a publication, not that the name is still there.
 * Not thread-safe; the agent's.
 */
final class Names {
    /** Where the objects that names stand for are held. */
    interface Objects {
        /** Keeps an object alive in a role, {@code reference} being its offset and role. Returns the token to let go of it. */
        long hold(long reference);

        void letGo(long token);
    }

    /** A name that is published. {@code serial}: of all publications of the run, counting from 1. */
    record Entry(byte[] value, long serial, Client owner, boolean kept, List<Long> tokens) {}

    /** Who waits for a name: the event in shared memory that is to be set. */
    record Waiter(int client, long event, long eventId) {}

    private static final int OVERHEAD = 256;

    private final Objects objects;
    private final Map<String, Entry> entries = new HashMap<>();
    private final Map<Integer, Set<String>> owned = new HashMap<>(); // by client, without those that are kept
    private final Map<String, Map<Long, Waiter>> waiting = new HashMap<>(); // by event id
    private final Map<Integer, Map<Long, String>> waits = new HashMap<>(); // by client: event id -> name
    private long serial;
    private long cost;

    Names(Objects objects) {
        this.objects = objects;
    }

    /** Whom a publication is to wake, and who has the name after it: another than the publisher where it was taken. */
    record Published(Entry entry, boolean isNew, List<Waiter> wake) {}

    Published publish(Client owner, Publish asked) {
        Entry taken = entries.get(asked.name());
        if (taken != null && asked.ifTaken() != Publish.IfTaken.REPLACE) {
            return new Published(taken, false, List.of());
        }
        List<Long> tokens = new ArrayList<>();
        for (long reference : asked.references()) {
            tokens.add(objects.hold(reference));
        }
        withdraw(asked.name()); // after the new one's objects are held: they may be the same
        Entry entry = new Entry(asked.value(), ++serial, owner, asked.keep(), tokens);
        entries.put(asked.name(), entry);
        cost += cost(asked.name(), entry);
        if (!asked.keep()) {
            owned.computeIfAbsent(owner.number(), _ -> new HashSet<>()).add(asked.name());
        }
        Map<Long, Waiter> waiters = waiting.getOrDefault(asked.name(), Map.of());
        return new Published(entry, true, List.copyOf(waiters.values()));
    }

    /** What a name stands for; null if nobody published it. */
    @Nullable
    Entry find(String name) {
        return entries.get(name);
    }

    /** The waiter is told of each publication of the name from now on, until {@link #stopWaiting}. With one event it waits for one name: the last it asked for. */
    void await(String name, Waiter waiter) {
        stopWaiting(waiter.client, waiter.eventId);
        waiting.computeIfAbsent(name, _ -> new LinkedHashMap<>()).put(waiter.eventId, waiter);
        waits.computeIfAbsent(waiter.client, _ -> new HashMap<>()).put(waiter.eventId, name);
    }

    void stopWaiting(int client, long eventId) {
        Map<Long, String> of = waits.get(client);
        String name = of == null ? null : of.remove(eventId);
        if (of == null || name == null) {
            return;
        }
        if (of.isEmpty()) {
            waits.remove(client);
        }
        forget(name, eventId);
    }

    private void forget(String name, long eventId) {
        Map<Long, Waiter> waiters = waiting.get(name);
        if (waiters != null && waiters.remove(eventId) != null && waiters.isEmpty()) {
            waiting.remove(name);
        }
    }

    /** The name stands for nothing any more. False: it did not before. */
    boolean withdraw(String name) {
        Entry entry = entries.remove(name);
        if (entry == null) {
            return false;
        }
        cost -= cost(name, entry);
        int owner = entry.owner.number();
        Set<String> of = owned.get(owner);
        if (of != null && of.remove(name) && of.isEmpty()) {
            owned.remove(owner);
        }
        entry.tokens.forEach(objects::letGo);
        return true;
    }

    /** A client is dead: its names go, and it waits for none. Its number may be another's after this. */
    void gone(int client) {
        for (String name : List.copyOf(owned.getOrDefault(client, Set.of()))) {
            withdraw(name);
        }
        Map<Long, String> of = waits.remove(client);
        if (of != null) {
            of.forEach((eventId, name) -> forget(name, eventId));
        }
    }

    /** Bytes that the names take here, about. */
    long cost() {
        return cost;
    }

    private static long cost(String name, Entry entry) {
        return entry.value.length + 2L * name.length() + OVERHEAD;
    }

    /** How many waits are in the book: for diagnosis. */
    int waits() {
        return waits.values().stream().mapToInt(Map::size).sum();
    }
}
