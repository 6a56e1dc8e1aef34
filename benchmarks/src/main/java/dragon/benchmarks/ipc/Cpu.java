package dragon.benchmarks.ipc;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Makes a busy machine as good as an idle one for the milliseconds of a slice. The two ends are bound to two processors, else the kernel lets them share one when
 * others are at work; and they go before all others (real-time scheduling, where the user may: root) for a slice, after which they rest.
 */
final class Cpu {
    private static final int MASK_BYTES = 128;
    private static final int SCHED_OTHER = 0;
    private static final int SCHED_FIFO = 1;
    private static final int THIS_THREAD = 0;

    private static final MethodHandle SET_AFFINITY = function("sched_setaffinity", ValueLayout.JAVA_LONG);
    private static final MethodHandle SET_SCHEDULER = function("sched_setscheduler", ValueLayout.JAVA_INT);

    private Cpu() {}

    private static MethodHandle function(String name, MemoryLayout second) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(
                linker.defaultLookup().findOrThrow(name),
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, second, ValueLayout.ADDRESS));
    }

    /** Binds the calling thread to the first processor. */
    static void bindToFirst() {
        bind(allowed().getFirst());
    }

    /** Binds the calling thread to the last processor. */
    static void bindToLast() {
        bind(allowed().getLast());
    }

    /** The calling thread goes before all others, or no longer. */
    static void urgent(boolean urgent) {
        schedule(THIS_THREAD, urgent ? 1 : 0);
    }

    /** All threads that this process has go even before the urgent ones: for a medium's own threads, which seldom run, and must not starve. */
    static void mostUrgent() {
        try (Stream<Path> threads = Files.list(Path.of("/proc/self/task"))) {
            threads.forEach(
                    thread -> schedule(Integer.parseInt(thread.getFileName().toString()), 2));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A refusal is no error: then the machine's load is in the figures. */
    private static void schedule(int thread, int priority) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment parameter = arena.allocateFrom(ValueLayout.JAVA_INT, priority);
            int ignored = (int) SET_SCHEDULER.invokeExact(thread, priority == 0 ? SCHED_OTHER : SCHED_FIFO, parameter);
        } catch (Throwable failure) {
            throw new IllegalStateException(failure);
        }
    }

    private static void bind(int cpu) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mask = arena.allocate(MASK_BYTES, Long.BYTES);
            mask.set(ValueLayout.JAVA_BYTE, cpu / Byte.SIZE, (byte) (1 << cpu % Byte.SIZE));
            int ignored = (int) SET_AFFINITY.invokeExact(THIS_THREAD, (long) MASK_BYTES, mask);
        } catch (Throwable failure) {
            throw new IllegalStateException(failure);
        }
    }

    /** The processors this process may use, from a list as {@code 0-3,8}. */
    private static List<Integer> allowed() {
        List<Integer> cpus = new ArrayList<>();
        String name = "Cpus_allowed_list:";
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            String list =
                    lines.filter(line -> line.startsWith(name)).findFirst().orElseThrow();
            for (String range : list.substring(name.length()).trim().split(",", -1)) {
                String[] ends = range.split("-", -1);
                for (int cpu = Integer.parseInt(ends[0]); cpu <= Integer.parseInt(ends[ends.length - 1]); cpu++) {
                    cpus.add(cpu);
                }
            }
            return cpus;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
