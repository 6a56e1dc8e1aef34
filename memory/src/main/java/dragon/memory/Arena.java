package dragon.memory;

import java.util.Map;
import java.util.TreeMap;

/**
 * The addresses that slabs are given, as offsets. All of it is address space of a sparse file: what nobody has, has no pages. Not thread-safe; the books'.
 */
final class Arena {
    private final long end;
    private long untouched; // nothing from here on was ever given out

    /** By where they start, their bytes; no two of them touch. */
    private final TreeMap<Long, Long> free = new TreeMap<>();

    Arena(long start, long end) {
        this.untouched = start;
        this.end = end;
    }

    /** Is there a place for so many bytes? */
    boolean has(long bytes) {
        return bytes <= end - untouched || free.values().stream().anyMatch(each -> bytes <= each);
    }

    /** Where so many bytes begin from now on: in the first place of those given back that is large enough, else behind all; they are zero. There is room. */
    long take(long bytes) {
        for (Map.Entry<Long, Long> place : free.entrySet()) {
            if (bytes <= place.getValue()) {
                return takeFrom(place.getKey(), place.getValue(), bytes);
            }
        }
        return takeFrom(untouched, 0, bytes);
    }

    private long takeFrom(long base, long there, long bytes) {
        free.remove(base);
        if (bytes < there) {
            free.put(base + bytes, there - bytes);
        }
        untouched = Math.max(untouched, base + bytes);
        return base;
    }

    /** Bytes that were taken are given back, without their pages. */
    void give(long base, long bytes) {
        long from = base;
        long to = base + bytes;
        Map.Entry<Long, Long> before = free.floorEntry(base);
        if (before != null && before.getKey() + before.getValue() == base) {
            from = before.getKey();
        }
        Long behind = free.remove(to);
        if (behind != null) {
            to += behind;
        }
        free.remove(from);
        if (to == untouched) {
            untouched = from;
        } else {
            free.put(from, to - from);
        }
    }
}
