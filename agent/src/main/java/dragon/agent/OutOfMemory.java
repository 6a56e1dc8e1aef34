package dragon.agent;

import java.util.function.Supplier;

/**
 * Whether the kernel's out-of-memory killer sent a SIGKILL. The kernel counts its killings before it sends the signal: those of this process's control group, or of the whole
 * machine where the group keeps no count. A death that comes within {@link #NEAR} of a count that rose is one of those it counted, and each count explains one death.
 *
 * <p>The count is read when a process was killed, and never else: a killing of some other process of the group may so be taken for one of the run's, if a worker is killed
 * by somebody before the count was read again.
 */
final class OutOfMemory {
    /** Milliseconds for which a count that rose explains deaths. */
    static final long NEAR = 2000;

    private final Supplier<Long> counter;
    private long seen;
    private long unexplained; // killings that no death was told of yet
    private long risenAt;

    /** For this process's control group. */
    OutOfMemory() {
        this(counter());
    }

    /** {@code counter}: how many processes the kernel has killed so far. */
    OutOfMemory(Supplier<Long> counter) {
        this.counter = counter;
        this.seen = counter.get();
    }

    /** A process of the run was ended by SIGKILL, and this is {@code now}, in milliseconds. Was it the kernel, short of memory? */
    boolean killed(long now) {
        long count = counter.get();
        if (now - risenAt > NEAR) {
            unexplained = 0;
        }
        if (count > seen) {
            unexplained += count - seen;
            seen = count;
            risenAt = now;
        }
        if (unexplained == 0) {
            return false;
        }
        unexplained--;
        return true;
    }

    private static Supplier<Long> counter() {
        for (String path : ControlGroup.files("memory", "memory.events", "memory.oom_control")) {
            if (count(path) >= 0) {
                return () -> count(path);
            }
        }
        return () -> count("/proc/vmstat");
    }

    /** The number in the line {@code oom_kill N} of a file; -1 if there is none. */
    private static long count(String path) {
        String text = "\n" + ControlGroup.read(path);
        int at = text.indexOf("\noom_kill ");
        return at < 0
                ? -1
                : Long.parseLong(
                        text.substring(at + 10, text.indexOf('\n', at + 10)).strip());
    }
}
