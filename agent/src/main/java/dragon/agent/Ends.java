package dragon.agent;

import dragon.agent.os.Linux;
import dragon.agent.process.Effect;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How processes ended, beyond their wait status: the kernel's shortage of memory, their zygote's end, their last words. What its exit event shows of that is told by
 * {@link #report} (section 9 of the specification); the words are kept for those who ask, those of the longest dead until there are more than {@link #MOST} bytes.
 */
final class Ends {
    static final int MOST = 1 << 20;

    private static final long ENDED = 1L << 32;
    private static final long OUT_OF_MEMORY = 1L << 33;
    private static final long WITH_ZYGOTE = 1L << 34;
    private static final long WORDS = 1L << 35;

    private final OutOfMemory outOfMemory = new OutOfMemory();
    private final Map<Long, byte[]> words = new LinkedHashMap<>(); // by process
    private int held;

    /** A process was killed by SIGKILL just now. Was it the kernel, short of memory? */
    boolean shortOfMemory() {
        return outOfMemory.killed(System.nanoTime() / 1_000_000);
    }

    /** Takes in the last words of a process that has ended, and returns the value of its exit event. */
    long report(Effect.Ended ended, boolean shortOfMemory, byte[] last) {
        long value = ENDED | Integer.toUnsignedLong(ended.status());
        if (shortOfMemory) {
            value |= OUT_OF_MEMORY;
        } else if (ended.status() == Linux.SIGKILL && ended.reaper() == 0) {
            value |= WITH_ZYGOTE;
        }
        if (last.length > 0) {
            add(ended.birth().process(), last);
            value |= WORDS;
        }
        return value;
    }

    private void add(long process, byte[] last) {
        words.put(process, last);
        held += last.length;
        Iterator<byte[]> oldest = words.values().iterator();
        while (held > MOST) {
            held -= oldest.next().length;
            oldest.remove();
        }
    }

    /** What the process wrote last to its stderr; nothing if that is not known (any more). */
    byte[] of(long process) {
        byte[] last = words.get(process);
        return last == null ? new byte[0] : last;
    }
}
