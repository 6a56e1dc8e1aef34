package dragon.agent.output;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Puts each writer's chunks together to whole lines. What does not end with a newline waits for its rest, up to {@link #LONGEST} bytes of one writer and {@link #MOST} of
 * all, or until {@link #flush}, which the writer's end calls for.
 */
final class Lines {
    /** A line longer than this is passed on in parts. */
    static final int LONGEST = 1 << 20;

    /** Beyond so many bytes of lines that have only begun, they are passed on in parts, too. */
    static final int MOST = 1 << 24;

    /** Takes whole lines: one or more of one writer, or the last words of it. */
    interface Sink {
        void lines(int pid, byte[] bytes, int length);
    }

    private static final class Rest {
        byte[] bytes = new byte[256];
        int size;

        void add(byte[] from, int at, int count) {
            if (size + count > bytes.length) {
                bytes = Arrays.copyOf(bytes, Math.max(size + count, bytes.length * 2));
            }
            System.arraycopy(from, at, bytes, size, count);
            size += count;
        }
    }

    private final Map<Integer, Rest> rests = new HashMap<>();
    private final Sink sink;
    private final IntPredicate known;
    private int waiting; // bytes in rests

    Lines(Sink sink) {
        this(sink, _ -> true);
    }

    /** {@code known}: the whole lines of other writers wait, too, until {@link #passKnown}. */
    Lines(Sink sink, IntPredicate known) {
        this.sink = sink;
        this.known = known;
    }

    /** The next bytes of a writer. */
    void add(int pid, byte[] bytes) {
        int whole = known.test(pid) ? whole(bytes, bytes.length) : 0;
        Rest rest = rests.isEmpty() ? null : rests.get(pid);
        if (whole > 0 && rest != null) {
            rest.add(bytes, 0, whole);
            waiting += whole;
            flush(pid);
            rest = null;
        } else if (whole > 0) {
            sink.lines(pid, bytes, whole);
        }
        if (whole < bytes.length) {
            keep(pid, rest, bytes, whole);
        }
    }

    private static int whole(byte[] bytes, int size) {
        int whole = size;
        while (whole > 0 && bytes[whole - 1] != '\n') {
            whole--;
        }
        return whole;
    }

    /** More writers are known than before. */
    void passKnown() {
        for (int pid : rests.keySet().toArray(Integer[]::new)) {
            Rest rest = rests.get(pid);
            int whole = rest == null || !known.test(pid) ? 0 : whole(rest.bytes, rest.size);
            if (rest != null && whole > 0) {
                byte[] begun = Arrays.copyOfRange(rest.bytes, whole, rest.size);
                rest.size = whole;
                waiting -= begun.length;
                flush(pid);
                if (begun.length > 0) {
                    keep(pid, null, begun, 0);
                }
            }
        }
    }

    private void keep(int pid, @Nullable Rest rest, byte[] bytes, int from) {
        Rest to = rest;
        if (to == null) {
            to = new Rest();
            rests.put(pid, to);
        }
        to.add(bytes, from, bytes.length - from);
        waiting += bytes.length - from;
        if (to.size > LONGEST || waiting > MOST) {
            flush(pid);
        }
    }

    /** Passes on what a writer has begun: it will not end it. */
    void flush(int pid) {
        Rest rest = rests.remove(pid);
        if (rest != null) {
            waiting -= rest.size;
            sink.lines(pid, rest.bytes, rest.size);
        }
    }

    /** Passes on what any writer has begun. */
    void flushAll() {
        rests.forEach((pid, rest) -> sink.lines(pid, rest.bytes, rest.size));
        rests.clear();
        waiting = 0;
    }
}
