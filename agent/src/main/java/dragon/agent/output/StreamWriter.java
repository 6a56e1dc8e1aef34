package dragon.agent.output;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dragon.agent.os.Linux;
import dragon.agent.os.Poller;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Writes lines to one of the run's streams from a thread of its own, since a terminal may take its time. What it has not written yet is bounded: who adds
 * asks {@link #full} first, and hears when there is room again.
 *
 * <p>The head writes to the same streams by itself, and a pipe that is full takes only writes of up to 4096 bytes (PIPE_BUF) as a whole: so as many lines as fit into one
 * go together, and none is cut but one that is longer.
 *
 * <p>The thread starts with the first line. When nobody reads the stream any more, that is told, and lines are dropped. When it takes nothing for another reason (a full disk),
 * what could not be written is lost, which is told once, and the next lines are tried again: the reason may pass.
 */
final class StreamWriter {
    private static final int LIMIT = 1 << 18;
    private static final int ATOMIC = 4096;

    /** Lines; or something to be done when everything before it is written. */
    private static final class Item {
        final byte[] lines;
        final @Nullable Runnable then;

        Item(byte[] lines) {
            this.lines = lines;
            this.then = null;
        }

        Item(Runnable then) {
            this.lines = new byte[0];
            this.then = then;
        }
    }

    private final String name;
    private final Poller poller;
    private final Runnable room;
    private final Runnable broken;
    private final IntConsumer failed;
    private final ArrayDeque<Item> items = new ArrayDeque<>();
    private int waiting; // bytes in items
    private boolean wasFull;
    private int fd = -1;
    private boolean terminal;
    private boolean busy; // the thread is writing, or telling
    private boolean discard;
    private boolean toldOfFailure; // the thread's own
    private @Nullable Thread thread;

    /**
     * @param room called on the poller's thread when there is room after {@link #full} was true
     * @param broken called there when nobody reads the stream any more
     * @param failed called by the writer's own thread with the errno of the first failure of another kind, before anything after it is told to be written
     */
    StreamWriter(String name, Poller poller, Runnable room, Runnable broken, IntConsumer failed) {
        this.name = name;
        this.poller = poller;
        this.room = room;
        this.broken = broken;
        this.failed = failed;
    }

    /** Writes to {@code fd} from now on; until then lines wait. */
    synchronized void target(int to) {
        fd = to;
        terminal = Linux.isTerminal(to);
        notifyAll();
    }

    /** Does it lead to a terminal? */
    synchronized boolean isTerminal() {
        return terminal;
    }

    /** Lets go of the stream: closes its descriptor, and drops what comes later. Call it when all is written. */
    synchronized void letGo() {
        if (fd > 2) {
            Linux.close(fd);
        }
        fd = -1;
        discard = true;
        notifyAll();
    }

    /** Is as much waiting as may? */
    synchronized boolean full() {
        wasFull |= waiting >= LIMIT;
        return waiting >= LIMIT;
    }

    /** Writes the first {@code length} bytes, a number of whole lines, after everything before them. */
    synchronized void add(byte[] lines, int length) {
        if (!discard) {
            items.add(new Item(lines.length == length ? lines : Arrays.copyOf(lines, length)));
            waiting += length;
            wake();
        }
    }

    /** Runs {@code task} on the poller's thread when everything added so far is written; at once if it is. For that thread. */
    void then(Runnable task) {
        if (!append(task)) {
            task.run();
        }
    }

    /** Is everything written that was added, or dropped? */
    synchronized boolean isIdle() {
        return discard || !busy && items.isEmpty();
    }

    private synchronized boolean append(Runnable task) {
        boolean waits = !isIdle();
        if (waits) {
            items.add(new Item(task));
            wake();
        }
        return waits;
    }

    private void wake() {
        if (thread == null) {
            thread = new Thread(this::run, name);
            thread.setDaemon(true);
            thread.start();
        }
        notifyAll();
    }

    private void run() {
        MemorySegment buffer = Arena.global().allocate(1 << 16);
        while (true) {
            Item first = take();
            if (first.then != null) {
                tell(first.then);
            } else {
                write(buffer, first.lines);
            }
        }
    }

    private synchronized Item take() {
        while (items.isEmpty() || fd < 0 && !discard) {
            try {
                wait();
            } catch (InterruptedException _) {
                // nobody interrupts it; look again
            }
        }
        busy = true;
        Item first = items.remove();
        return first.then == null ? together(first) : first;
    }

    /** Those first lines and the next ones that go with them. */
    private Item together(Item first) {
        int count = 0;
        int size = first.lines.length;
        for (Item next : items) {
            if (next.then != null || size + next.lines.length > ATOMIC) {
                break;
            }
            size += next.lines.length;
            count++;
        }
        byte[] all = Arrays.copyOf(first.lines, size);
        int at = first.lines.length;
        for (int i = 0; i < count; i++) {
            byte[] next = items.remove().lines;
            System.arraycopy(next, 0, all, at, next.length);
            at += next.length;
        }
        return new Item(all);
    }

    /** Writes to the stream, or to this process's own stderr if it has none, by the thread that calls. */
    void writeNow(byte[] lines) {
        int to;
        synchronized (this) {
            to = fd < 0 ? 2 : fd;
        }
        Linux.writeAll(to, Arena.global().allocateFrom(JAVA_BYTE, lines), lines.length);
    }

    private void write(MemorySegment buffer, byte[] lines) {
        int to;
        synchronized (this) {
            to = fd;
        }
        int errno = 0;
        for (int at = 0; at < lines.length && errno == 0 && to >= 0; ) {
            int n = Math.min(piece(lines, at), (int) buffer.byteSize());
            MemorySegment.copy(lines, at, buffer, JAVA_BYTE, 0, n);
            errno = Linux.writeAll(to, buffer, n);
            at += n;
        }
        if (errno != 0 && errno != Linux.EPIPE && !toldOfFailure) {
            toldOfFailure = true;
            failed.accept(errno);
        }
        written(lines.length, errno != Linux.EPIPE);
    }

    /** The length of what goes together from {@code at} on: whole lines that a pipe takes at once, or one line that is longer. */
    static int piece(byte[] lines, int at) {
        int end = at + ATOMIC;
        if (lines.length <= end) {
            return lines.length - at;
        }
        while (end > at && lines[end - 1] != '\n') {
            end--;
        }
        if (end == at) {
            end = at + ATOMIC;
            while (end < lines.length && lines[end - 1] != '\n') {
                end++;
            }
        }
        return end - at;
    }

    private synchronized void tell(Runnable task) {
        busy = false;
        poller.execute(task);
    }

    private synchronized void written(int size, boolean read) {
        busy = false;
        waiting -= size;
        if (!read && !discard) {
            discard = true;
            items.removeIf(item -> item.then == null);
            waiting = 0;
            poller.execute(broken);
        }
        if (wasFull && waiting < LIMIT / 2) {
            wasFull = false;
            poller.execute(room);
        }
    }
}
