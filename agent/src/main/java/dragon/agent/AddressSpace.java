package dragon.agent;

import dragon.agent.os.Linux;

/**
 * The address space that a process may have (RLIMIT_AS), which some batch schedulers limit. The node's memory takes part of it in every process, whether used or not.
 *
 * @param limit bytes; Long.MAX_VALUE: no limit
 * @param taken bytes that this process has now
 */
record AddressSpace(long limit, long taken) {
    static final String MEND =
            "the limit of address space, where the run is started (ulimit -v; a scheduler's h_vmem or the like)";

    private static final long GROWTH = 512L << 20; // threads, buffers and code of this JVM
    private static final long ENOUGH = 4L << 30; // for an interpreter and its libraries
    private static final long PAGE = 4096;

    /** Of this process as it is now. */
    static AddressSpace now() {
        long limit = Linux.addressSpaceLimit();
        return new AddressSpace(limit, limit == Long.MAX_VALUE ? 0 : taken(ControlGroup.read("/proc/self/statm")));
    }

    private static long taken(String statm) {
        int end = statm.indexOf(' ');
        return end < 0 ? 0 : Long.parseLong(statm.substring(0, end)) * PAGE;
    }

    /** What the node's memory may take: it leaves this JVM what it needs, and interpreters half of the limit, or what is enough for them. */
    long room() {
        return limit == Long.MAX_VALUE
                ? limit
                : Math.max(0, Math.min(Math.max(limit / 2, limit - ENOUGH), limit - taken - GROWTH));
    }

    /** Why it is no more than that. */
    String words() {
        return "a process may have " + limit
                + " bytes of address space (half are left to the interpreters), and the run-time's own has taken "
                + taken
                + " already; it costs no memory: raise " + MEND;
    }
}
