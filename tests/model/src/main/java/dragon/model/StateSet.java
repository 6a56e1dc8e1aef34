package dragon.model;

import java.util.Arrays;

/** A set of 64-bit state hashes, open addressing. With s states the chance that two share a hash, and one is skipped, is about s * s / 2^65: one in 4 million for 3 million states. */
final class StateSet {
    private long[] table = new long[1 << 12];
    private int size;

    /** The sum of a hash for each word and its place, so that a step changes it by the words it changed. */
    static long hash(int[] state) {
        long h = 0;
        for (int i = 0; i < state.length; i++) {
            h += mix(i, state[i]);
        }
        return h;
    }

    /** The hash of {@code to}, reached in one step from {@code from}, whose hash is {@code h}. */
    static long hash(long h, int[] from, int[] to) {
        int length = from.length;
        int i = Arrays.mismatch(from, to);
        while (i >= 0) {
            h += mix(i, to[i]) - mix(i, from[i]);
            int more = Arrays.mismatch(from, i + 1, length, to, i + 1, length);
            i = more < 0 ? -1 : i + 1 + more;
        }
        return h;
    }

    private static long mix(int place, int value) {
        if (value == 0) {
            return 0;
        }
        long h = ((long) place << 32 | value & 0xffffffffL) * 0x9E3779B97F4A7C15L;
        h = (h ^ h >>> 32) * 0xD6E8FEB86659FD93L;
        h = (h ^ h >>> 29) * 0xBF58476D1CE4E5B9L;
        return h ^ h >>> 32;
    }

    int size() {
        return size;
    }

    boolean add(long hash) {
        int at = find(hash);
        if (table[at] == hash) {
            return false;
        }
        table[at] = hash;
        if (++size * 2L > table.length) {
            grow();
        }
        return true;
    }

    boolean contains(long hash) {
        return table[find(hash)] == hash;
    }

    void remove(long hash) {
        int hole = find(hash);
        if (table[hole] != hash) {
            return;
        }
        int mask = table.length - 1;
        for (int i = hole + 1 & mask; table[i] != 0; i = i + 1 & mask) {
            int home = place(table[i]) & mask;
            if ((i - home & mask) >= (i - hole & mask)) {
                table[hole] = table[i];
                hole = i;
            }
        }
        table[hole] = 0;
        size--;
    }

    private int find(long hash) {
        int mask = table.length - 1;
        int at = place(hash) & mask;
        while (table[at] != 0 && table[at] != hash) {
            at = at + 1 & mask;
        }
        return at;
    }

    private static int place(long hash) {
        return (int) (hash * 0x9E3779B97F4A7C15L >>> 32);
    }

    private void grow() {
        long[] old = table;
        table = new long[2 * old.length];
        for (long hash : old) {
            if (hash != 0) {
                table[find(hash)] = hash;
            }
        }
    }
}
