package dragon.agent.os;

import dragon.memory.DragonException;
import dragon.memory.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Calls libc through the library of {@code native/jvm}, which the property {@code dragon.calls} names to the run-time's own JVM: its start is part of every program's, and
 * this way is ready in a quarter of a millisecond. If it cannot be loaded, {@link Native}'s own does as well.
 */
public final class LibraryCalls implements Native.Calls {
    private static boolean there;

    private LibraryCalls() {}

    /** All calls go through the library, if there is one. To be called before anything is called. */
    public static void use() {
        String library = System.getProperty("dragon.calls");
        if (library == null) {
            return;
        }
        try {
            System.load(library);
            Native.use(new LibraryCalls());
            there = true;
        } catch (UnsatisfiedLinkError _) {
            // the other way then
        }
    }

    /**
     * Has the poller run {@code task} at each SIGQUIT from now on, which the JVM keeps from Java, and shows its threads at. Without the library it goes on to do so.
     */
    public static void atQuit(Poller poller, Runnable task) {
        if (!there) {
            return;
        }
        int told = Linux.eventfd();
        MemorySegment count = Arena.global().allocate(8, 8);
        poller.add(told, Poller.IN, _ -> {
            Linux.read(told, count);
            task.run();
        });
        tellQuit(told);
    }

    @Override
    public long symbol(String name) {
        try (Arena arena = Arena.ofConfined()) {
            long address = addressOf(arena.allocateFrom(name).address());
            if (address == 0) {
                throw new DragonException(DragonException.Category.INTERNAL, "system", "libc has no " + name);
            }
            return address;
        }
    }

    @Override
    public long call(long function, long a, long b, long c, long d, long e, long f, long g) {
        return call0(function, a, b, c, d, e, f, g);
    }

    private static native long call0(long function, long a, long b, long c, long d, long e, long f, long g);

    private static native long addressOf(long name);

    private static native long tellQuit(long eventfd);
}
