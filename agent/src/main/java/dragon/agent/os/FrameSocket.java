package dragon.agent.os;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;

/**
 * A stream socket that carries frames: u32 length (little endian) and so many bytes, with descriptors that travel with a frame's first byte.
 *
 * <p>Never blocks. What the peer does not take yet waits here; {@link #sending} tells that there is some, and {@link #flush} goes on when the socket is writable.
 * Descriptors given to {@link #send} are closed by the sender of them after the call: while a frame waits, it holds duplicates.
 */
public final class FrameSocket {
    /** Longest frame: as in spec/control.proto. */
    public static final int LONGEST = 1 << 28;

    /** Takes a frame and the descriptors that came with it, which it owns from then on. */
    public interface Receiver {
        void frame(byte[] bytes, int[] descriptors);
    }

    /** What came of reading. */
    public enum Reading {
        /** Nothing more is there now. */
        LATER,
        /** The peer closed its end, or is gone. */
        END,
        /** The peer does not speak the protocol. */
        BROKEN
    }

    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int MSG_DONTWAIT = 0x40;
    private static final int MSG_CMSG_CLOEXEC = 0x40000000;
    private static final int SOL_SOCKET = 1;
    private static final int SCM_RIGHTS = 1;
    private static final int CHUNK = 65536;
    private static final int CONTROL = 1040; // room for 253 descriptors, the most the kernel sends with one message
    private static final int[] NONE = {};

    private static final class Pending {
        final byte[] body;
        final boolean owned; // the descriptors are duplicates, closed once they are sent
        int[] descriptors;
        int sent; // the length word counted

        Pending(byte[] body, int[] descriptors, boolean owned) {
            this.body = body;
            this.descriptors = descriptors;
            this.owned = owned;
        }

        void letGo() {
            if (owned) {
                closeAll(descriptors);
            }
            descriptors = NONE;
        }
    }

    /** Room for a recvmsg or sendmsg; one suffices, since sockets are served by one thread. */
    private static final class Room {
        static final MemorySegment MEMORY = Arena.global().allocate(CHUNK + CONTROL + 128, 16);
        static final MemorySegment BYTES = MEMORY.asSlice(0, CHUNK);
        static final MemorySegment EXTRA = MEMORY.asSlice(CHUNK, CONTROL);
        static final MemorySegment VECTOR = MEMORY.asSlice(CHUNK + CONTROL, 16);
        static final MemorySegment HEADER = MEMORY.asSlice(CHUNK + CONTROL + 16, 56);

        static void prepare(long bytes, long extra) {
            VECTOR.set(JAVA_LONG_UNALIGNED, 0, BYTES.address());
            VECTOR.set(JAVA_LONG_UNALIGNED, 8, bytes);
            HEADER.fill((byte) 0);
            HEADER.set(JAVA_LONG_UNALIGNED, 16, VECTOR.address());
            HEADER.set(JAVA_LONG_UNALIGNED, 24, 1);
            HEADER.set(JAVA_LONG_UNALIGNED, 32, extra == 0 ? 0 : EXTRA.address());
            HEADER.set(JAVA_LONG_UNALIGNED, 40, extra);
        }
    }

    private final int fd;
    private final ArrayDeque<Pending> pending = new ArrayDeque<>();
    private byte[] frame = new byte[4]; // the length first, then the frame
    private int got;
    private boolean length = true;
    private int[] descriptors = NONE;

    public FrameSocket(int fd) {
        this.fd = fd;
    }

    public int fd() {
        return fd;
    }

    /** Closes the socket and whatever still waited to be sent. */
    public void close() {
        for (Pending frame : pending) {
            frame.letGo();
        }
        pending.clear();
        closeAll(descriptors);
        descriptors = NONE;
        Linux.close(fd);
    }

    public static void closeAll(int[] descriptors) {
        for (int descriptor : descriptors) {
            Linux.close(descriptor);
        }
    }

    // ---- reading ----

    /** Reads what is there, a bounded part of it at a time, and hands on each frame. */
    public Reading read(Receiver receiver) {
        for (int round = 0; round < 64; round++) {
            // Only up to the end of this frame: descriptors then belong to it.
            int want = Math.min(CHUNK, frame.length - got);
            Room.prepare(want, CONTROL);
            int n = Linux.call(
                    Linux.Functions.RECVMSG, fd, Room.HEADER.address(), MSG_DONTWAIT | MSG_CMSG_CLOEXEC, 0, 0, 0);
            if (n == -Linux.EAGAIN || n == -Linux.EINTR) {
                return Reading.LATER;
            }
            if (n <= 0) {
                return Reading.END;
            }
            takeDescriptors();
            MemorySegment.copy(Room.BYTES, JAVA_BYTE, 0, frame, got, n);
            got += n;
            if (got == frame.length && !advance(receiver)) {
                return Reading.BROKEN;
            }
        }
        return Reading.LATER;
    }

    private void takeDescriptors() {
        MemorySegment extra = Room.EXTRA;
        long size = Room.HEADER.get(JAVA_LONG_UNALIGNED, 40);
        for (long at = 0; at + 16 <= size; ) {
            long length = extra.get(JAVA_LONG_UNALIGNED, at);
            boolean rights = extra.get(JAVA_INT_UNALIGNED, at + 8) == SOL_SOCKET
                    && extra.get(JAVA_INT_UNALIGNED, at + 12) == SCM_RIGHTS;
            if (rights) {
                int old = descriptors.length;
                int count = (int) (length - 16) / 4;
                descriptors = Arrays.copyOf(descriptors, old + count);
                for (int i = 0; i < count; i++) {
                    descriptors[old + i] = extra.get(JAVA_INT_UNALIGNED, at + 16 + 4L * i);
                }
            }
            at += length + 7 & ~7;
        }
    }

    private boolean advance(Receiver receiver) {
        if (!length) {
            byte[] complete = frame;
            int[] with = descriptors;
            expectLength();
            receiver.frame(complete, with);
            return true;
        }
        int size = (frame[0] & 255) | (frame[1] & 255) << 8 | (frame[2] & 255) << 16 | (frame[3] & 255) << 24;
        if (size < 0 || size > LONGEST) {
            return false;
        }
        if (size == 0) {
            int[] with = descriptors;
            expectLength();
            receiver.frame(new byte[0], with);
            return true;
        }
        frame = new byte[size];
        got = 0;
        length = false;
        return true;
    }

    private void expectLength() {
        frame = new byte[4];
        got = 0;
        length = true;
        descriptors = NONE;
    }

    // ---- sending ----

    /** Sends a frame; what the socket does not take now is sent by {@link #flush}. A peer that is gone is not an error: its end is read. */
    public void send(byte[] body, int... with) {
        Pending next = new Pending(body, with, false);
        if (pending.isEmpty() && push(next)) {
            return;
        }
        pending.add(next.descriptors.length == 0 ? next : holding(next));
    }

    private static Pending holding(Pending frame) {
        int[] duplicates = new int[frame.descriptors.length];
        for (int i = 0; i < duplicates.length; i++) {
            duplicates[i] = Linux.duplicate(frame.descriptors[i]);
        }
        return new Pending(frame.body, duplicates, true);
    }

    /** Is there something to be sent yet? */
    public boolean sending() {
        return !pending.isEmpty();
    }

    /** Sends what the socket takes. */
    public void flush() {
        while (!pending.isEmpty() && push(pending.element())) {
            pending.remove();
        }
    }

    /** True: all sent, or the peer is gone. */
    private boolean push(Pending next) {
        while (next.sent < 4 + next.body.length) {
            int n = sendSome(next);
            if (n == -Linux.EAGAIN || n == -Linux.EINTR) {
                return false;
            }
            next.letGo();
            if (n == -Linux.EPIPE || n == -Linux.ECONNRESET) {
                return true;
            }
            next.sent += Linux.check("sendmsg", n);
        }
        return true;
    }

    private int sendSome(Pending next) {
        int size = Math.min(CHUNK, 4 + next.body.length - next.sent);
        int[] with = next.descriptors;
        Room.prepare(size, with.length == 0 ? 0 : 16 + (4L * with.length + 7 & ~7));
        int head = Math.max(0, Math.min(size, 4 - next.sent));
        for (int i = 0; i < head; i++) {
            Room.BYTES.set(JAVA_BYTE, i, (byte) (next.body.length >> 8 * (next.sent + i)));
        }
        MemorySegment.copy(next.body, next.sent + head - 4, Room.BYTES, JAVA_BYTE, head, size - head);
        if (with.length > 0) {
            putDescriptors(with);
        }
        return Linux.call(Linux.Functions.SENDMSG, fd, Room.HEADER.address(), MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0, 0);
    }

    private static void putDescriptors(int[] with) {
        Room.EXTRA.set(JAVA_LONG_UNALIGNED, 0, 16 + 4L * with.length);
        Room.EXTRA.set(JAVA_INT_UNALIGNED, 8, SOL_SOCKET);
        Room.EXTRA.set(JAVA_INT_UNALIGNED, 12, SCM_RIGHTS);
        for (int i = 0; i < with.length; i++) {
            Room.EXTRA.set(JAVA_INT_UNALIGNED, 16 + 4L * i, with[i]);
        }
    }
}
