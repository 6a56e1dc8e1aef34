package dragon.agent;

import dragon.agent.os.Linux;
import dragon.memory.DragonException;
import dragon.memory.MemoryPlan;
import org.jspecify.annotations.Nullable;

/**
 * How many bytes of shared memory a node's run may use: the setting {@code DRAGON_MEMORY} where there is one that is not empty, else half of what is available now. Half the limit of
 * the control group bounds both: there the kernel answers a touch too much with SIGKILL, never with an error.
 *
 * @param bytes the limit
 * @param setting what raises it, for the words of a refusal
 * @param space bytes of address space that the memory's file may take, and no more than a file may have
 * @param processes how many processes may be attached at once: the setting {@code DRAGON_PROCESSES}, or the usual
 */
record Budget(long bytes, String setting, long space, int processes) {
    static final String SETTING = "DRAGON_MEMORY";
    static final String PROCESSES = "DRAGON_PROCESSES";

    private static final long LEAST = 64L << 20;
    private static final String FILE_SIZE = "the limit of a file's size, where the run is started (ulimit -f)";

    /** For this process as it is now. Throws IllegalArgumentException if a setting is none. */
    static Budget now() {
        String wanted = System.getenv(SETTING);
        long group = groupLimit() / 2;
        long free = wanted != null && !wanted.isEmpty() ? size(wanted) : Math.max(LEAST, available() / 2);
        int processes = processes(System.getenv(PROCESSES));
        String setting = group < free
                ? "the memory limit of this control group (half of it is used at most)"
                : SETTING + " (a size such as 8G)";
        AddressSpace space = AddressSpace.now();
        long file = Linux.fileSizeLimit();
        boolean inFile = file < space.room();
        Budget budget = new Budget(Math.min(group, free), setting, Math.min(file, space.room()), processes);
        try {
            return budget.plan(0).limit() < budget.bytes
                    ? new Budget(budget.bytes, inFile ? FILE_SIZE : AddressSpace.MEND, budget.space, processes)
                    : budget;
        } catch (DragonException e) {
            String why = inFile ? "they lie in a file of memory: raise " + FILE_SIZE : space.words();
            throw new IllegalArgumentException(e.getMessage() + "; " + why, e);
        }
    }

    /** The node's memory, as large as it may be. */
    MemoryPlan plan(int node) {
        return MemoryPlan.of(bytes, processes + 2, node).within(space, Math.min(bytes, LEAST));
    }

    /** The number of processes that is wanted; null or empty: the usual. */
    static int processes(@Nullable String wanted) {
        if (wanted == null || wanted.isEmpty()) {
            return MemoryPlan.USUAL_CLIENTS - 2;
        }
        try {
            int count = Integer.parseInt(wanted.strip());
            if (count > 0 && count <= MemoryPlan.MOST_CLIENTS - 2) {
                return count;
            }
        } catch (NumberFormatException _) {
            // told below
        }
        throw new IllegalArgumentException(
                PROCESSES + "=" + wanted + " is no number of processes from 1 to " + (MemoryPlan.MOST_CLIENTS - 2));
    }

    /** Bytes of a size such as {@code 512M} or {@code 8G}. */
    static long size(String text) {
        String digits = text.strip();
        int last = digits.isEmpty() ? -1 : "KMGT".indexOf(Character.toUpperCase(digits.charAt(digits.length() - 1)));
        long unit = last < 0 ? 1 : 1L << 10 * (last + 1);
        try {
            long count = Long.parseLong(last < 0 ? digits : digits.substring(0, digits.length() - 1));
            if (count > 0) {
                return Math.multiplyExact(count, unit);
            }
        } catch (ArithmeticException | NumberFormatException _) {
            // told below
        }
        throw new IllegalArgumentException(
                SETTING + "=" + text + " is no size; write bytes, or a number with K, M, G or T, as in 8G");
    }

    private static long available() {
        String info = ControlGroup.read("/proc/meminfo");
        int at = info.indexOf("MemAvailable:");
        if (at < 0) {
            return Long.MAX_VALUE;
        }
        int end = info.indexOf(" kB", at);
        return Long.parseLong(info.substring(at + 13, end).strip()) << 10;
    }

    /** The least limit of this process's control group and those above it; version 2, else version 1. */
    private static long groupLimit() {
        long least = Long.MAX_VALUE;
        for (String path : ControlGroup.files("memory", "memory.max", "memory.limit_in_bytes")) {
            String text = ControlGroup.read(path).strip();
            if (!text.isEmpty() && !text.equals("max")) {
                least = Math.min(least, Long.parseLong(text));
            }
        }
        return least;
    }
}
