package dragon.memory;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Calls libc. All calls have one shape (seven integers in, one out, the function's address in front). Widening the integers is right by the calling conventions of x86-64
 * and aarch64, variadic functions included. Thread-safe.
 *
 * <p>Two ways lead there. Any JVM can go by {@code java.lang.foreign}, which takes some 18 ms to make its first call. Where the property {@code dragon.calls} names the
 * library of {@code native/jvm}, as it does for the run-time's own JVM, whose start is part of every program's, that is used instead; it is ready in a quarter of a
 * millisecond. If it cannot be loaded, the first way does as well.
 */
public final class Native {
    private static final boolean LIBRARY = load(System.getProperty("dragon.calls"));

    private Native() {}

    private static boolean load(String library) {
        if (library == null) {
            return false;
        }
        try {
            System.load(library);
            return true;
        } catch (UnsatisfiedLinkError _) {
            return false;
        }
    }

    /** The address of one of libc's symbols. */
    public static long symbol(String name) {
        if (!LIBRARY) {
            return Foreign.LINKER.defaultLookup().findOrThrow(name).address();
        }
        try (Arena arena = Arena.ofConfined()) {
            long address = librarySymbol(arena.allocateFrom(name).address());
            if (address == 0) {
                throw new DragonException(DragonException.Category.INTERNAL, "system", "libc has no " + name);
            }
            return address;
        }
    }

    /** Calls the function at that address: what it returned, or minus its errno if that was -1. */
    public static long call(long function, long a, long b, long c, long d, long e, long f, long g) {
        return LIBRARY ? libraryCall(function, a, b, c, d, e, f, g) : Foreign.call(function, a, b, c, d, e, f, g);
    }

    private static native long libraryCall(long function, long a, long b, long c, long d, long e, long f, long g);

    private static native long librarySymbol(long name);

    private static final class Foreign {
        static final Linker LINKER = Linker.nativeLinker();
        static final MethodHandle CALL = LINKER.downcallHandle(
                FunctionDescriptor.of(
                        JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
                Linker.Option.captureCallState("errno"));

        /** A thread's room for an errno: an arena for each call would cost several times the call. */
        static final ThreadLocal<MemorySegment> ERRNO =
                ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(Linker.Option.captureStateLayout()));

        static long call(long function, long a, long b, long c, long d, long e, long f, long g) {
            MemorySegment errno = ERRNO.get();
            long result;
            try {
                result = (long) CALL.invokeExact(MemorySegment.ofAddress(function), errno, a, b, c, d, e, f, g);
            } catch (Throwable impossible) {
                throw new AssertionError(impossible);
            }
            return (int) result == -1 ? -errno.get(JAVA_INT, 0) : result;
        }
    }
}
