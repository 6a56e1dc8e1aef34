package dragon.channel;

import dragon.memory.Memory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The agent's book of handles on their way: an object lives, in its role, while a token of it is out. A token is out until its handle is bound, and no longer than what carries
 * the handle: the channel in whose message it lies, the process it was given to at its start, or else, if it was killed, the process that made it. Not thread-safe.
 */
final class Pins {
    private static final long PRIVATE = 0; // nobody but its maker is known to have it

    private record Pin(long reference, long carrier) {}

    private final Memory memory;
    private final News news;
    private final TreeMap<Long, Pin> pins = new TreeMap<>(); // by token: those of one client lie together
    private final Map<Long, Integer> counts = new HashMap<>(); // offset | role -> tokens that keep it
    private final Map<Long, Set<Long>> carried = new HashMap<>(); // offset of a channel -> tokens
    private final Set<Long> entrusted = new HashSet<>(); // to a process at its start

    Pins(Memory memory, News news) {
        this.memory = memory;
        this.news = news;
    }

    /** A handle leaves a process. */
    void pin(long token, long reference) {
        if (pins.putIfAbsent(token, new Pin(reference, PRIVATE)) == null) {
            counts.merge(reference, 1, Integer::sum);
        }
    }

    /** The handle goes into a message of a channel, which is there: from now on it dies with the channel. One of the channel itself does not keep it. */
    void carry(long token, long channel) {
        Pin pin = remove(token);
        if (pin != null) {
            pins.put(token, new Pin(pin.reference, channel));
            carried.computeIfAbsent(channel, _ -> new HashSet<>()).add(token);
            if (keeps(pin.reference, channel)) {
                counts.merge(pin.reference, 1, Integer::sum);
            } else {
                uncount(token, pin.reference);
            }
        }
    }

    private static boolean keeps(long reference, long carrier) {
        return (reference & ~Role.MASK) != carrier;
    }

    /** The handles go to a process at its start, which unpins them, or whose end does: they outlive their maker. */
    void entrust(List<Long> tokens) {
        entrusted.addAll(tokens);
    }

    /** A handle has arrived, or never will. Returns the object's offset; 0: no such token is out. */
    long unpin(long token) {
        Pin pin = pins.get(token);
        if (pin == null) {
            return 0;
        }
        uncount(token, pin.reference);
        remove(token);
        return pin.reference & ~Role.MASK;
    }

    /** If nobody bound it, it was one of the handles that the object counts. */
    private void uncount(long token, long reference) {
        long offset = reference & ~Role.MASK;
        if (Ends.claim(memory, token) && Ends.drop(memory, offset, (int) (reference & Role.MASK))) {
            news.add(offset);
        }
    }

    private @Nullable Pin remove(long token) {
        entrusted.remove(token);
        Pin pin = pins.remove(token);
        if (pin == null) {
            return null;
        }
        Set<Long> tokens = carried.get(pin.carrier);
        if (tokens != null && tokens.remove(token) && tokens.isEmpty()) {
            carried.remove(pin.carrier);
        }
        if (keeps(pin.reference, pin.carrier)) {
            counts.computeIfPresent(pin.reference, (r, count) -> count == 1 ? null : count - 1);
        }
        return pin;
    }

    /** A channel is no more, with all messages in it. Returns the offsets of the objects whose handles it carried. */
    List<Long> drop(long channel) {
        return unpinAll(carried.getOrDefault(channel, Set.of()));
    }

    /** A client was killed, and all its letters are read: what nobody else carries is lost. {@code first}: of its tokens. Returns the offsets of the objects. */
    List<Long> forget(long first) {
        List<Long> lost = new ArrayList<>();
        pins.subMap(first, first + (1L << 32)).forEach((token, pin) -> {
            if (pin.carrier == PRIVATE && !entrusted.contains(token)) {
                lost.add(token);
            }
        });
        return unpinAll(lost);
    }

    private List<Long> unpinAll(Iterable<Long> tokens) {
        List<Long> these = new ArrayList<>();
        tokens.forEach(these::add);
        return these.stream().map(this::unpin).toList();
    }

    /** In which roles handles of the object are on their way: role bits. */
    int roles(long offset) {
        int roles = 0;
        for (Role each : Role.values()) {
            if (counts.containsKey(offset | each.bit())) {
                roles |= each.bit();
            }
        }
        return roles;
    }

    /** Tokens that are out. */
    int size() {
        return pins.size();
    }
}
