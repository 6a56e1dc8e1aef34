package dragon.memory;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * Copies large messages into shared memory. A block that another core has just read costs the writer a transfer for each of its lines where the two cores
 * share no cache: 380 us for 1 MiB on such a machine, 20 where they do. Stores that go past the caches take 60 us on both. So a process watches how fast
 * its plain copies are, and streams while they are slow; now and then it looks again. (The C twin does the same, in {@code copy.h}.)
 *
 * <p>The JDK has no such stores, so on x86-64 they are a few instructions of our own, in a page that is written and then made executable. Where a system
 * forbids that, copies stay plain.
 */
final class BulkCopy {
    /** Copies below that are not watched. */
    static final int WATCHED = 16384;

    private static final int SLOW = 8; // bytes a nanosecond
    private static final int LOOK_AGAIN = 64;
    private static final int LINE = Layout.LINE;
    private static final int CHUNK = 256 * 1024; // between two of them the JVM may stop the thread

    /** Copies since the last plain one; 0: the last plain one was fast. Racy on purpose. */
    private static int streamed;

    private BulkCopy() {}

    static void copyIn(MemorySegment from, long start, long address, long size) {
        int count = streamed;
        if (count > 0 && count < LOOK_AGAIN) {
            streamed = count + 1;
            stream(from, start, address, size);
            return;
        }
        long begin = System.nanoTime();
        Raw.plainCopyIn(from, start, address, size);
        streamed = size < (System.nanoTime() - begin) * SLOW ? 1 : 0;
    }

    /** Whole lines past the caches, the rest plainly. */
    static void stream(MemorySegment from, long start, long address, long size) {
        MethodHandle code = Streaming.CODE;
        long head = -address & (LINE - 1);
        if (code == null || size < head + LINE) {
            Raw.plainCopyIn(from, start, address, size);
            return;
        }
        Raw.plainCopyIn(from, start, address, head);
        long at = head;
        for (long lines = (size - head) & -LINE; lines > 0; lines -= CHUNK) {
            long chunk = Math.min(lines, CHUNK);
            run(code, Raw.segment(address + at, chunk), from.asSlice(start + at, chunk), chunk);
            at += chunk;
        }
        Raw.plainCopyIn(from, start + at, address + at, size - at);
    }

    private static void run(MethodHandle code, MemorySegment to, MemorySegment from, long size) {
        try {
            code.invokeExact(to, from, size);
        } catch (RuntimeException | Error failure) {
            throw failure; // the source's memory was closed, or is another thread's
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
    }

    /** Made when the first copy proves slow. */
    private static final class Streaming {
        static final @Nullable MethodHandle CODE = make();

        /** rdi: to, at a line; rsi: from; rdx: bytes, whole lines and at least one. */
        private static final String X86_64 = "f30f6f06" // movdqu (%rsi), %xmm0
                + "f30f6f4e10" // movdqu 16(%rsi), %xmm1
                + "f30f6f5620" // movdqu 32(%rsi), %xmm2
                + "f30f6f5e30" // movdqu 48(%rsi), %xmm3
                + "660fe707" // movntdq %xmm0, (%rdi)
                + "660fe74f10" // movntdq %xmm1, 16(%rdi)
                + "660fe75720" // movntdq %xmm2, 32(%rdi)
                + "660fe75f30" // movntdq %xmm3, 48(%rdi)
                + "4883c640" // add $64, %rsi
                + "4883c740" // add $64, %rdi
                + "4883ea40" // sub $64, %rdx
                + "75cc" // jne to the first
                + "0faef8" // sfence: such stores are not ordered with those that publish the message
                + "c3"; // ret

        private static @Nullable MethodHandle make() {
            String arch = System.getProperty("os.arch");
            if (!arch.equals("amd64") && !arch.equals("x86_64")) {
                return null;
            }
            long page = Libc.executable(HexFormat.of().parseHex(X86_64));
            if (page == 0) {
                return null;
            }
            FunctionDescriptor shape =
                    FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG);
            return Linker.nativeLinker()
                    .downcallHandle(MemorySegment.ofAddress(page), shape, Linker.Option.critical(true));
        }
    }
}
