package dragon.agent.os;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The reading end of a stream socket that many processes write to as if it were a pipe. The kernel says of each chunk who wrote it (SO_PASSCRED), and never puts the bytes of two
 * writers into one. For one thread.
 */
public final class ChunkSocket {
    private static final int MSG_DONTWAIT = 0x40;
    private static final int SOL_SOCKET = 1;
    private static final int SCM_CREDENTIALS = 2;
    private static final int LARGEST = 65536;
    private static final int CONTROL = 64;

    private static final MemorySegment BYTES = Arena.global().allocate(LARGEST, 16);
    private static final MemorySegment EXTRA = Arena.global().allocate(CONTROL, 16);
    private static final MemorySegment VECTOR = Arena.global().allocate(16, 16);
    private static final MemorySegment HEADER = Arena.global().allocate(56, 16);

    static {
        VECTOR.set(JAVA_LONG_UNALIGNED, 0, BYTES.address());
        VECTOR.set(JAVA_LONG_UNALIGNED, 8, LARGEST);
        HEADER.set(JAVA_LONG_UNALIGNED, 16, VECTOR.address());
        HEADER.set(JAVA_LONG_UNALIGNED, 24, 1);
        HEADER.set(JAVA_LONG_UNALIGNED, 32, EXTRA.address());
    }

    private ChunkSocket() {}

    /** Takes a chunk. */
    public interface Receiver {
        void chunk(int pid, byte[] bytes);
    }

    /** Reads a chunk of {@code fd}, if there is one. Returns its size; 0 at the end, or minus an errno. */
    public static int read(int fd, Receiver receiver) {
        HEADER.set(JAVA_LONG_UNALIGNED, 40, CONTROL);
        int n = Linux.call(Linux.Functions.RECVMSG, fd, HEADER.address(), MSG_DONTWAIT, 0, 0, 0);
        if (n > 0) {
            byte[] bytes = new byte[n];
            MemorySegment.copy(BYTES, JAVA_BYTE, 0, bytes, 0, n);
            receiver.chunk(writer(), bytes);
        }
        return n;
    }

    /** The writer's pid; 0 if it lies outside of what this process can see. */
    private static int writer() {
        boolean told = HEADER.get(JAVA_LONG_UNALIGNED, 40) >= 28
                && EXTRA.get(JAVA_INT_UNALIGNED, 8) == SOL_SOCKET
                && EXTRA.get(JAVA_INT_UNALIGNED, 12) == SCM_CREDENTIALS;
        return told ? EXTRA.get(JAVA_INT_UNALIGNED, 16) : 0;
    }
}
