package dragon.memory;

/**
 * Kills a thread between two stores, for tests. Switched on by {@code -Ddragon.crash=true}; off, it costs nothing, since every call folds away.
 *
 * <p>When on, each store to shared memory and each futex call of an armed thread counts as a step. The step that uses up the count throws
 * {@link Killed}, and so does every later one of that thread: what it left in shared memory is what a process leaves that was killed there,
 * whatever its {@code catch} and {@code finally} blocks try.
 */
public final class Crash {
    /** Whether this JVM can kill its threads. */
    public static final boolean ON = Boolean.getBoolean("dragon.crash");

    private static final ThreadLocal<int[]> LEFT = new ThreadLocal<>();

    /** Thrown in place of the step at which the thread is killed. */
    public static final class Killed extends Error {
        private static final long serialVersionUID = 1L;

        Killed() {
            super("killed at this step by the test");
        }
    }

    private Crash() {}

    /** The calling thread is killed at its step number {@code steps}, counted from 0. */
    public static void arm(int steps) {
        if (!ON) {
            throw new IllegalStateException("start the JVM with -Ddragon.crash=true");
        }
        LEFT.set(new int[] {steps});
    }

    /** The calling thread lives on. Returns the steps that were left; negative if it was killed. */
    public static int disarm() {
        int[] left = LEFT.get();
        LEFT.remove();
        return left == null ? 0 : left[0];
    }

    /** A step of the calling thread. */
    static void step() {
        int[] left = LEFT.get();
        if (left != null) {
            if (left[0] <= 0) {
                left[0] = -1;
                throw new Killed();
            }
            left[0]--;
        }
    }
}
