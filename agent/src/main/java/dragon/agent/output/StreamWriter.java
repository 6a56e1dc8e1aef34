package dragon.agent.output;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dragon.agent.os.Linux;
import dragon.agent.os.Poller;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Writes lines to one of the run's streams from a thread of its own, since a terminal may take its time. What it has not written yet is bounded: who adds
 * asks {@link #full} first, and hears when there is room again. Lines that fit together into a write that a pipe takes at once (4096 bytes) go together.
 *
 * <p>The thread starts with the first line. If nobody reads the stream any more, lines are dropped.
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
    private final ArrayDeque<Item> items = new ArrayDeque<>();
    private int waiting; // bytes in items
    private boolean wasFull;
    private int fd = -1;
    private boolean discard;
    private @Nullable Thread thread;

    /** {@code room}: called on the poller's thread when there is room after {@link #full} was true. */
    StreamWriter(String name, Poller poller, Runnable room) {
        this.name = name;
        this.poller = poller;
        this.room = room;
    }

    /** Writes to {@code fd} from now on; until then lines wait. */
    synchronized void target(int to) {
        fd = to;
        notifyAll();
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

    /** Runs {@code task} on the poller's thread when everything added so far is written. */
    synchronized void then(Runnable task) {
        if (items.isEmpty() && thread == null || discard) {
            poller.execute(task);
        } else {
            items.add(new Item(task));
            wake();
        }
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
                poller.execute(first.then);
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

    private void write(MemorySegment buffer, byte[] lines) {
        int to;
        synchronized (this) {
            to = fd;
        }
        boolean taken = true;
        for (int at = 0; at < lines.length && taken && to >= 0; ) {
            int n = Math.min(lines.length - at, (int) buffer.byteSize());
            MemorySegment.copy(lines, at, buffer, JAVA_BYTE, 0, n);
            taken = Linux.writeAll(to, buffer, n);
            at += n;
        }
        written(lines.length, taken);
    }

    private synchronized void written(int size, boolean taken) {
        waiting -= size;
        if (!taken) { // nobody reads it any more
            discard = true;
            items.removeIf(item -> item.then == null);
            waiting = 0;
        }
        if (wasFull && waiting < LIMIT / 2) {
            wasFull = false;
            poller.execute(room);
        }
    }
}
