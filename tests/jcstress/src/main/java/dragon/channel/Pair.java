package dragon.channel;

import dragon.memory.Raw;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A channel as two processes have it. */
final class Pair {
    static final long NOTHING = 0;
    static final long END = -1;

    final Channel a;
    final Channel b;

    /** Counts its races. */
    private byte mark;

    Pair(int capacity) {
        a = Channel.create(Node.A, capacity, Channel.SLOT_SIZE, false, Role.USER);
        b = Channel.bind(Node.B, a.handle(), Role.USER);
    }

    /** One with messages 1 to {@code count} in it. */
    static Pair with(Pair empty, int count) {
        for (int i = 1; i <= count; i++) {
            empty.a.sendLong(i);
        }
        return empty;
    }

    /** The next message of eight bytes; NOTHING, or END. */
    static long next(Channel channel) {
        try {
            byte[] data = channel.tryReceive();
            return data == null
                    ? NOTHING
                    : ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN).getLong();
        } catch (ChannelClosedException end) {
            return END;
        }
    }

    /** Another byte than in the races before. */
    byte mark() {
        return ++mark;
    }

    /** Open again, for the next race. */
    void reopen() {
        Raw.putInt(a.address() + ObjectLayout.CLOSED, 0);
    }
}
