package dragon.agent.output;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Puts each writer's chunks together to whole lines. What does not end with a newline waits for its rest, up to {@link #LONGEST} bytes of one writer and {@link #MOST} of
 * all, or until {@link #flush}, which the writer's end calls for.
 *
 * <p>On a terminal somebody watches: a progress bar, a question. There {@link #age} shows what one writer has begun, and what that one adds is shown with it. Lines of others erase it from the
 * terminal's line, and it is written anew behind them: so all lines stay whole. Who moves the cursor up (progress bars below each other) knows what he does: all he writes is passed on at once.
 */
final class Lines {
    /** A line longer than this is passed on in parts. */
    static final int LONGEST = 1 << 20;

    /** Beyond so many bytes of lines that have only begun, they are passed on in parts, too. */
    static final int MOST = 1 << 24;

    private static final byte[] ERASE = {'\r', 0x1b, '[', 'K'};

    /** Takes whole lines: one or more of one writer, or the last words of it. */
    interface Sink {
        void lines(int pid, byte[] bytes, int length);
    }

    private static final class Rest {
        byte[] bytes = new byte[256];
        int size;
        int shown; // of them
        boolean old; // it was there at the last age()

        void add(byte[] from, int at, int count) {
            if (size + count > bytes.length) {
                bytes = Arrays.copyOf(bytes, Math.max(size + count, bytes.length * 2));
            }
            System.arraycopy(from, at, bytes, size, count);
            size += count;
        }

        byte[] unseen() {
            return Arrays.copyOfRange(bytes, shown, size);
        }

        /** What it has in the terminal's line. */
        byte[] line() {
            int from = shown;
            while (from > 0 && bytes[from - 1] != '\r') {
                from--;
            }
            return Arrays.copyOfRange(bytes, from, shown);
        }

        /** All of it is shown; only what is in the terminal's line is wanted again. Returns how many bytes were dropped. */
        int seen() {
            shown = size;
            byte[] line = line();
            int dropped = size - line.length;
            System.arraycopy(line, 0, bytes, 0, line.length);
            size = shown = line.length;
            return dropped;
        }
    }

    private final Map<Integer, Rest> rests = new LinkedHashMap<>();
    private final Sink sink;
    private final IntPredicate known;
    private int waiting; // bytes in rests
    private final BooleanSupplier terminal;
    private @Nullable Rest open; // the one that is shown
    private final Set<Integer> movers = new HashSet<>(); // of the cursor

    /** @param terminal are they for a terminal? */
    Lines(Sink sink, BooleanSupplier terminal) {
        this(sink, _ -> true, terminal);
    }

    /** @param known the whole lines of other writers wait, too, until {@link #passKnown} */
    Lines(Sink sink, IntPredicate known) {
        this(sink, known, () -> false);
    }

    private Lines(Sink sink, IntPredicate known, BooleanSupplier terminal) {
        this.sink = sink;
        this.known = known;
        this.terminal = terminal;
    }

    /** The next bytes of a writer. */
    void add(int pid, byte[] bytes) {
        if (terminal.getAsBoolean() && movesCursor(pid, bytes)) {
            passRest(pid);
            sink.lines(pid, bytes, bytes.length);
            return;
        }
        int whole = known.test(pid) ? whole(bytes, bytes.length) : 0;
        Rest rest = rests.isEmpty() ? null : rests.get(pid);
        if (whole > 0 && rest != null) {
            rest.add(bytes, 0, whole);
            waiting += whole;
            passRest(pid);
            rest = null;
        } else if (whole > 0) {
            pass(pid, bytes, whole);
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
                passRest(pid);
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
            passRest(pid);
        } else if (to == open) {
            show(pid, to);
        }
    }

    /** Shows what a writer has begun if it has been there since the last call, and no other's is shown. */
    void age() {
        for (Map.Entry<Integer, Rest> each : rests.entrySet()) {
            Rest rest = each.getValue();
            if (open == null && rest.old) {
                open = rest;
                show(each.getKey(), rest);
            }
            rest.old = true;
        }
    }

    /** Is there something that {@link #age} may show? */
    boolean ages() {
        return open == null && !rests.isEmpty() && terminal.getAsBoolean();
    }

    private boolean movesCursor(int pid, byte[] bytes) {
        if (movers.contains(pid)) {
            return true;
        }
        for (int i = 0; i + 2 < bytes.length; i++) {
            if (bytes[i] == 0x1b && bytes[i + 1] == '[') {
                i += 2;
                while (i < bytes.length - 1 && bytes[i] >= '0' && bytes[i] <= '9') {
                    i++;
                }
                if (bytes[i] == 'A') {
                    return movers.add(pid);
                }
            }
        }
        return false;
    }

    private void show(int pid, Rest rest) {
        byte[] unseen = rest.unseen();
        sink.lines(pid, unseen, unseen.length);
        waiting -= rest.seen();
    }

    private void pass(int pid, byte[] bytes, int length) {
        if (open == null) {
            sink.lines(pid, bytes, length);
            return;
        }
        byte[] line = open.line();
        ByteArrayOutputStream all = new ByteArrayOutputStream(ERASE.length + length + line.length);
        all.writeBytes(ERASE);
        all.write(bytes, 0, length);
        all.writeBytes(line);
        sink.lines(pid, all.toByteArray(), all.size());
    }

    /** Passes on what a writer has begun: it will not end it. */
    void flush(int pid) {
        passRest(pid);
        movers.remove(pid);
    }

    /** Passes on what any writer has begun. */
    void flushAll() {
        for (int pid : rests.keySet().toArray(Integer[]::new)) {
            flush(pid);
        }
    }

    private void passRest(int pid) {
        Rest rest = rests.remove(pid);
        if (rest == null) {
            return;
        }
        waiting -= rest.size;
        byte[] unseen = rest.unseen();
        if (rest == open) {
            open = null;
        }
        if (unseen.length > 0) {
            pass(pid, unseen, unseen.length);
        }
    }
}
