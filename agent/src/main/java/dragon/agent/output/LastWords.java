package dragon.agent.output;

import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The end of what each process wrote to a stream, for the report of its death: the last {@link #KEPT} bytes of it. A process that writes nothing costs nothing; of all
 * together no more than {@link #MOST} bytes are held, and those who wrote longest ago lose theirs first.
 */
final class LastWords {
    /** Bytes of one process. */
    static final int KEPT = 4096;

    /** Bytes of all. */
    static final int MOST = 1 << 22;

    /** The newest {@code size} bytes, from {@code at} on around the end. */
    private static final class Ring {
        byte[] bytes = new byte[256];
        int at;
        int size;

        void add(byte[] from) {
            int start = Math.max(0, from.length - KEPT);
            int count = from.length - start;
            if (size + count > bytes.length && bytes.length < KEPT) {
                int length = Math.min(KEPT, Math.max(size + count, bytes.length * 2));
                bytes = Arrays.copyOf(all(), length);
                at = 0;
            }
            int to = (at + size) % bytes.length;
            int first = Math.min(count, bytes.length - to);
            System.arraycopy(from, start, bytes, to, first);
            System.arraycopy(from, start + first, bytes, 0, count - first);
            int lost = Math.max(0, size + count - bytes.length);
            at = (at + lost) % bytes.length;
            size += count - lost;
        }

        byte[] all() {
            byte[] all = new byte[size];
            int first = Math.min(size, bytes.length - at);
            System.arraycopy(bytes, at, all, 0, first);
            System.arraycopy(bytes, 0, all, first, size - first);
            return all;
        }
    }

    private final Map<Integer, Ring> rings = new LinkedHashMap<>(16, 0.75f, true); // by pid, who wrote last is last
    private int held;

    /** The next bytes of a process. */
    void add(int pid, byte[] bytes) {
        Ring ring = rings.get(pid);
        if (ring == null) {
            ring = new Ring();
            rings.put(pid, ring);
            held += ring.bytes.length;
        }
        int before = ring.bytes.length;
        ring.add(bytes);
        held += ring.bytes.length - before;
        Iterator<Ring> oldest = rings.values().iterator();
        while (held > MOST) {
            held -= oldest.next().bytes.length;
            oldest.remove();
        }
    }

    /** What is held of a process, and from now on is not. */
    byte[] take(int pid) {
        Ring ring = rings.remove(pid);
        if (ring == null) {
            return new byte[0];
        }
        held -= ring.bytes.length;
        return ring.all();
    }
}
