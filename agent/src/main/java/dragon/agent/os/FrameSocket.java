package dragon.agent.os;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

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
    private static final long EXTRA_SIZE = 40; // in struct msghdr
    private static final long VECTOR = 64;
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

    /**
     * Room for a recvmsg and a sendmsg; one of each suffices, since sockets are served by one thread. What is the same in each call is written once: before the JIT has seen
     * it, a store here costs as much as the call.
     */
    private static final class Room {
        static final MemorySegment BYTES = Arena.global().allocate(CHUNK, 16);
        static final MemorySegment EXTRA = Arena.global().allocate(CONTROL, 16);
        private static final MemorySegment IN = header();
        private static final MemorySegment OUT = header();

        /** A struct msghdr, and behind it the struct iovec that it refers to. */
        private static MemorySegment header() {
            MemorySegment header = Arena.global().allocate(VECTOR + 16, 16);
            header.set(JAVA_LONG_UNALIGNED, 16, header.address() + VECTOR);
            header.set(JAVA_LONG_UNALIGNED, 24, 1);
            header.set(JAVA_LONG_UNALIGNED, 32, EXTRA.address());
            header.set(JAVA_LONG_UNALIGNED, VECTOR, BYTES.address());
            header.set(JAVA_LONG_UNALIGNED, VECTOR + 8, CHUNK);
            return header;
        }

        static int receive(int fd) {
            IN.set(JAVA_LONG_UNALIGNED, EXTRA_SIZE, CONTROL);
            return Linux.call(Linux.Functions.RECVMSG, fd, IN.address(), MSG_DONTWAIT | MSG_CMSG_CLOEXEC, 0, 0, 0);
        }

        /** How much came to {@link #EXTRA}. */
        static long extra() {
            return IN.get(JAVA_LONG_UNALIGNED, EXTRA_SIZE);
        }

        static int send(int fd, long bytes, long extra) {
            OUT.set(JAVA_LONG_UNALIGNED, VECTOR + 8, bytes);
            OUT.set(JAVA_LONG_UNALIGNED, EXTRA_SIZE, extra);
            return Linux.call(Linux.Functions.SENDMSG, fd, OUT.address(), MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0, 0);
        }
    }

    private final int fd;
    private final ArrayDeque<Pending> pending = new ArrayDeque<>();
    private byte[] frame = new byte[4]; // the length first, then the frame
    private int got;
    private boolean length = true;
    private int[] descriptors = NONE; // of the frame that is not complete yet
    private boolean closed;

    public FrameSocket(int fd) {
        this.fd = fd;
    }

    public int fd() {
        return fd;
    }

    /** Closes the socket and whatever still waited to be sent. */
    public void close() {
        closed = true;
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

    private record Complete(byte[] bytes, int[] descriptors) {}

    /** Reads what is there, a bounded part of it at a time, and hands on each frame. An end behind the last one may be for the next call to tell. */
    public Reading read(Receiver receiver) {
        for (int round = 0; round < 64 && !closed; round++) {
            int n = Room.receive(fd);
            if (n == -Linux.EAGAIN || n == -Linux.EINTR) {
                return Reading.LATER;
            }
            if (n <= 0) {
                return Reading.END;
            }
            int[] came = takeDescriptors();
            byte[] chunk = new byte[n];
            MemorySegment.copy(Room.BYTES, JAVA_BYTE, 0, chunk, 0, n);
            List<Complete> frames = new ArrayList<>();
            boolean whole = take(chunk, came, frames);
            for (Complete each : frames) {
                receiver.frame(each.bytes, each.descriptors);
            }
            if (!whole) {
                return Reading.BROKEN;
            }
            if (n < CHUNK && came.length == 0) {
                return Reading.LATER; // the kernel had no more
            }
        }
        return Reading.LATER;
    }

    /**
     * Puts the next bytes together to frames; false if they are none. The kernel ends a read behind the bytes with which descriptors came, and whoever sends some begins
     * a frame with them: so they belong to the last frame that begins here.
     */
    private boolean take(byte[] chunk, int[] came, List<Complete> frames) {
        for (int at = 0; at < chunk.length; ) {
            int count = Math.min(chunk.length - at, frame.length - got);
            System.arraycopy(chunk, at, frame, got, count);
            at += count;
            got += count;
            if (got == frame.length && !advance(frames)) {
                descriptors = joined(descriptors, came);
                return false;
            }
        }
        if (came.length > 0 && length && got == 0 && !frames.isEmpty()) {
            Complete last = frames.removeLast();
            frames.add(new Complete(last.bytes, joined(last.descriptors, came)));
        } else if (came.length > 0) {
            descriptors = joined(descriptors, came);
        }
        return true;
    }

    private static int[] joined(int[] first, int[] second) {
        int[] all = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, all, first.length, second.length);
        return all;
    }

    private static int[] takeDescriptors() {
        long size = Room.extra();
        int[] all = NONE;
        MemorySegment extra = Room.EXTRA;
        for (long at = 0; at + 16 <= size; ) {
            long length = extra.get(JAVA_LONG_UNALIGNED, at);
            boolean rights = extra.get(JAVA_INT_UNALIGNED, at + 8) == SOL_SOCKET
                    && extra.get(JAVA_INT_UNALIGNED, at + 12) == SCM_RIGHTS;
            if (rights) {
                int old = all.length;
                int count = (int) (length - 16) / 4;
                all = Arrays.copyOf(all, old + count);
                for (int i = 0; i < count; i++) {
                    all[old + i] = extra.get(JAVA_INT_UNALIGNED, at + 16 + 4L * i);
                }
            }
            at += length + 7 & ~7;
        }
        return all;
    }

    /** The length, or the frame, is complete. */
    private boolean advance(List<Complete> frames) {
        if (length) {
            int size = (frame[0] & 255) | (frame[1] & 255) << 8 | (frame[2] & 255) << 16 | (frame[3] & 255) << 24;
            if (size < 0 || size > LONGEST) {
                return false;
            }
            frame = new byte[size];
            got = 0;
            length = false;
            if (size > 0) {
                return true;
            }
        }
        frames.add(new Complete(frame, descriptors));
        frame = new byte[4];
        got = 0;
        length = true;
        descriptors = NONE;
        return true;
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
        int head = Math.max(0, Math.min(size, 4 - next.sent));
        if (head == 4) {
            Room.BYTES.set(JAVA_INT_UNALIGNED, 0, next.body.length);
        } else {
            for (int i = 0; i < head; i++) {
                Room.BYTES.set(JAVA_BYTE, i, (byte) (next.body.length >> 8 * (next.sent + i)));
            }
        }
        MemorySegment.copy(next.body, next.sent + head - 4, Room.BYTES, JAVA_BYTE, head, size - head);
        if (with.length > 0) {
            putDescriptors(with);
        }
        return Room.send(fd, size, with.length == 0 ? 0 : 16 + (4L * with.length + 7 & ~7));
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
