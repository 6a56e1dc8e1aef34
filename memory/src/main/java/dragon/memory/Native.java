package dragon.memory;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Calls libc, by {@code java.lang.foreign}, or by what a program has named before it touched anything else here. All calls have one shape (seven integers in, one out, the
 * function's address in front). Widening the integers is right by the calling conventions of x86-64 and aarch64, variadic functions included. Thread-safe.
 */
public final class Native {
    private static volatile Calls calls = new ForeignCalls();

    private Native() {}

    /** A way to call libc. */
    public interface Calls {
        /** The address of one of libc's symbols. */
        long symbol(String name);

        /** Calls the function at that address: what it returned, or minus its errno if that was -1. */
        long call(long function, long a, long b, long c, long d, long e, long f, long g);
    }

    /** All calls from now on go that way. */
    public static void use(Calls way) {
        calls = way;
    }

    /** The address of one of libc's symbols. */
    public static long symbol(String name) {
        return calls.symbol(name);
    }

    /** Calls the function at that address: what it returned, or minus its errno if that was -1. */
    public static long call(long function, long a, long b, long c, long d, long e, long f, long g) {
        return calls.call(function, a, b, c, d, e, f, g);
    }

    /** The linker, which takes some 18 ms to make its first call, is not touched before that. */
    private static final class ForeignCalls implements Calls {
        @Override
        public long symbol(String name) {
            return Foreign.LINKER.defaultLookup().findOrThrow(name).address();
        }

        @Override
        public long call(long function, long a, long b, long c, long d, long e, long f, long g) {
            MemorySegment errno = Foreign.ERRNO.get();
            long result;
            try {
                result = (long) Foreign.CALL.invokeExact(MemorySegment.ofAddress(function), errno, a, b, c, d, e, f, g);
            } catch (Throwable impossible) {
                throw new AssertionError(impossible);
            }
            return (int) result == -1 ? -errno.get(JAVA_INT, 0) : result;
        }
    }

    private static final class Foreign {
        static final Linker LINKER = Linker.nativeLinker();
        static final MethodHandle CALL = LINKER.downcallHandle(
                FunctionDescriptor.of(
                        JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
                Linker.Option.captureCallState("errno"));

        /** A thread's room for an errno: an arena for each call would cost several times the call. */
        static final ThreadLocal<MemorySegment> ERRNO =
                ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(Linker.Option.captureStateLayout()));
    }
}
