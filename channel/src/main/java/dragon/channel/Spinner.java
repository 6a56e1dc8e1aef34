package dragon.channel;

import dragon.memory.ThreadRecord;

/**
 * How long a waiter tries before it sleeps (section 7, step 1). Sleeping and being woken costs two processes some 15 to 90 us, so a thread tries for about
 * as long as that, as long as it pays.
 *
 * <p>Two threads that answer each other must not both stay asleep between messages for ever because neither finds the other awake: each wait takes as
 * long as both wake-ups then, which is longer than a short spin. So a spin is as long as a wake-up takes, and after a wait that was brief, sleep
 * included, a thread tries it often; the first to try finds the other's answer, and from then on both find each other awake.
 */
final class Spinner {
    private static final boolean ALONE = Processors.online() == 1;
    private static final long SPIN_NANOS = 50_000;
    private static final long BRIEF_NANOS = 100_000;
    private static final int TRIES_A_LOOK = 64;
    private static final int OFTEN = 8;
    private static final int SELDOM = 32;

    private Spinner() {}

    /**
     * Tries for a while, if that paid the last time, or now and then. Returns the attempt's result; 0: not yet. {@link ThreadRecord#luck} counts the waits
     * since spinning last paid.
     */
    static long spin(ThreadRecord record, Waiter.Attempt attempt, long deadline) {
        int luck = record.luck();
        if (luck % (record.brief() ? OFTEN : SELDOM) != 0 || ALONE) {
            record.luck(luck + 1);
            return 0;
        }
        long end = 0;
        while (true) {
            for (int i = 0; i < TRIES_A_LOOK; i++) {
                Thread.onSpinWait();
                long result = attempt.attempt(record);
                if (result != 0) {
                    record.luck(0);
                    return result;
                }
            }
            long now = System.nanoTime();
            if (end == 0) {
                end = Math.min(deadline, now + SPIN_NANOS);
            }
            if (now >= end) {
                record.luck(luck + 1);
                return 0;
            }
            Thread.yield();
        }
    }

    /** Takes note of a wait that ended in sleep. The first brief one after longer ones lets the next spin at once: somebody is there again. */
    static void slept(ThreadRecord record, long start) {
        boolean brief = System.nanoTime() - start < BRIEF_NANOS;
        if (brief && !record.brief()) {
            record.luck(0);
        }
        record.brief(brief);
    }
}
