package dragon.agent.os;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.PriorityQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * The loop in which the agent lives: one thread that waits on descriptors (epoll), tasks that other threads hand in, and times. Whatever it calls runs on that thread,
 * so what belongs to the agent needs no lock. Level-triggered: who leaves something unread is called again.
 *
 * <p>All methods but {@link #execute} and {@link #stop} are for the loop's thread (before {@link #run}: for the thread that will call it).
 */
public final class Poller {
    public static final int IN = 1;
    public static final int OUT = 4;
    public static final int ERROR = 8;
    public static final int HUNG_UP = 16;

    private static final int ADD = 1;
    private static final int DELETE = 2;
    private static final int MODIFY = 3;
    private static final int BATCH = 64;
    private static final boolean PACKED =
            "amd64".equals(System.getProperty("os.arch")); // x86-64 alone packs struct epoll_event
    private static final int EVENT = PACKED ? 12 : 16;
    private static final int DATA = PACKED ? 4 : 8;

    /** Called when a descriptor is ready. */
    public interface Handler {
        void ready(int events);
    }

    private record Entry(int fd, int generation, Handler handler) {}

    private record Timed(long at, Runnable task) implements Comparable<Timed> {
        @Override
        public int compareTo(Timed other) {
            return Long.signum(at - other.at);
        }
    }

    private final int epoll =
            Linux.check("epoll_create1", Linux.call(Linux.function("epoll_create1"), 0x80000, 0, 0, 0, 0, 0));
    private final int bell = Linux.eventfd();
    private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final PriorityQueue<Timed> timed = new PriorityQueue<>();
    private final MemorySegment event = Arena.global().allocate(EVENT, 8);
    private final MemorySegment events = Arena.global().allocate((long) EVENT * BATCH, 8);
    private final MemorySegment word = Arena.global().allocate(8, 8);
    private final MemorySegment one = Arena.global().allocate(8, 8);
    private @Nullable Entry[] entries = new Entry[256];
    private int generations;
    private volatile boolean stopped;

    public Poller() {
        one.set(JAVA_LONG, 0, 1);
        add(bell, IN, this::runTasks);
    }

    /** Calls {@code handler} whenever {@code fd} is ready for {@code interest} (or hung up, or in error). */
    public void add(int fd, int interest, Handler handler) {
        if (fd >= entries.length) {
            entries = Arrays.copyOf(entries, Math.max(fd + 1, entries.length * 2));
        }
        Entry entry = new Entry(fd, ++generations, handler);
        control(ADD, entry, interest);
        entries[fd] = entry;
    }

    /** Changes what {@code fd} is waited for; 0: only for its end. */
    public void interest(int fd, int interest) {
        Entry entry = entries[fd];
        if (entry != null) {
            control(MODIFY, entry, interest);
        }
    }

    /** Forgets {@code fd}, which must still be open. */
    public void remove(int fd) {
        Entry entry = fd < entries.length ? entries[fd] : null;
        if (entry != null) {
            entries[fd] = null;
            control(DELETE, entry, 0);
        }
    }

    private void control(int operation, Entry entry, int interest) {
        event.set(JAVA_INT, 0, interest);
        event.set(JAVA_INT, DATA, entry.fd);
        event.set(JAVA_INT, DATA + 4, entry.generation);
        Linux.check(
                "epoll_ctl", Linux.call(Linux.Functions.EPOLL_CTL, epoll, operation, entry.fd, event.address(), 0, 0));
    }

    /** Runs {@code task} on the loop's thread, soon. For any thread. */
    public void execute(Runnable task) {
        tasks.add(task);
        Linux.write(bell, one, 8);
    }

    /** Runs {@code task} after {@code millis}. */
    public void after(long millis, Runnable task) {
        timed.add(new Timed(System.nanoTime() + millis * 1_000_000, task));
    }

    /** Makes {@link #run} return. For any thread. */
    public void stop() {
        stopped = true;
        Linux.write(bell, one, 8);
    }

    /** Serves until {@link #stop}. */
    public void run() {
        while (!stopped) {
            int count = Linux.call(Linux.Functions.EPOLL_WAIT, epoll, events.address(), BATCH, timeLimit(), 0, 0);
            if (count < 0 && count != -Linux.EINTR) {
                Linux.check("epoll_wait", count);
            }
            for (int i = 0; i < count && !stopped; i++) {
                dispatch(i);
            }
            runTimed();
        }
        stopped = false;
    }

    private void dispatch(int i) {
        long at = (long) i * EVENT;
        Entry entry = entries[events.get(JAVA_INT, at + DATA)];
        int generation = events.get(JAVA_INT, at + DATA + 4);
        if (entry != null && entry.generation == generation) { // else removed while this batch was served
            entry.handler.ready(events.get(JAVA_INT, at));
        }
    }

    private void runTasks(int ready) {
        Linux.read(bell, word);
        for (Runnable task; (task = tasks.poll()) != null && !stopped; ) {
            task.run();
        }
    }

    private int timeLimit() {
        Timed first = timed.peek();
        return first == null ? -1 : (int) Math.max(0, (first.at - System.nanoTime() + 999_999) / 1_000_000);
    }

    private void runTimed() {
        for (Timed first; (first = timed.peek()) != null && first.at - System.nanoTime() <= 0 && !stopped; ) {
            timed.poll();
            first.task.run();
        }
    }
}
