package dragon.channel;

import java.time.Duration;

/** Time limits as deadlines of {@link System#nanoTime()}, which on Linux is CLOCK_MONOTONIC. */
final class Limits {
    private Limits() {}

    /** The deadline of a limit that starts now; none left: try once. */
    static long deadline(Duration limit) {
        if (limit.isNegative() || limit.isZero()) {
            return Waiter.NO_WAIT;
        }
        long nanos = limit.toSeconds() >= Long.MAX_VALUE / 1_000_000_000 ? Long.MAX_VALUE : limit.toNanos();
        long deadline = System.nanoTime() + nanos;
        return deadline < 0 ? Waiter.FOREVER : deadline;
    }
}
