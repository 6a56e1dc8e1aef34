package dragon.channel;

import java.util.HashMap;
import java.util.Map;

/** The agent's book of handles on their way: an object lives, in its role, while a token of it is out. Not thread-safe. */
final class Pins {
    private final Map<Long, Long> references = new HashMap<>(); // token -> offset | role
    private final Map<Long, Integer> counts = new HashMap<>(); // offset | role -> tokens

    /** A handle leaves a process. */
    void pin(long token, long reference) {
        if (references.putIfAbsent(token, reference) == null) {
            counts.merge(reference, 1, Integer::sum);
        }
    }

    /** A handle has arrived, or never will. Returns the object's offset; 0: no such token is out. */
    long unpin(long token) {
        Long reference = references.remove(token);
        if (reference == null) {
            return 0;
        }
        counts.computeIfPresent(reference, (r, count) -> count == 1 ? null : count - 1);
        return reference & ~Role.MASK;
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
        return references.size();
    }
}
