package dragon.channel;

import dragon.memory.Raw;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** Interleavings of a ring's claims, for jcstress: what was sent is received once, whoever comes in between. */
final class RingStress {
    private static final int ME = 2;
    private static final int DEAD = 3;
    private static final int SLOT = 16;

    private RingStress() {}

    /** A ring of {@code capacity} slots that holds {@code messages} already, of value 1 each. */
    abstract static class Messages {
        private final MemorySegment memory;
        final long ring;

        Messages(int capacity, int messages) {
            memory = Arena.ofAuto().allocate(Ring.bytes(capacity, SLOT), 64);
            ring = memory.address();
            Ring.format(ring, capacity, SLOT, 0, 0);
            for (int i = 0; i < messages; i++) {
                send(1);
            }
        }

        final int send(int value) {
            long slot = Ring.claimSend(ring, ME);
            if (slot < 0) {
                return 0;
            }
            Raw.putLong(slot + Long.BYTES, value);
            Ring.publish(slot);
            return value;
        }

        final int receive() {
            long slot = Ring.claimReceive(ring, ME);
            if (slot < 0) {
                return 0;
            }
            int value = (int) Raw.getLong(slot + Long.BYTES);
            Ring.release(slot);
            return value;
        }

        /** What is left, and whether the ring still takes and gives as many as it has slots. */
        final int drain() {
            int sum = 0;
            for (int value = receive(); value != 0; value = receive()) {
                sum += value;
            }
            for (int i = 0; i < Ring.capacity(ring); i++) {
                if (send(1) == 0) {
                    return -1;
                }
            }
            for (int i = 0; i < Ring.capacity(ring); i++) {
                if (receive() == 0) {
                    return -2;
                }
            }
            java.lang.ref.Reference.reachabilityFence(memory);
            return sum;
        }
    }

    /** Two senders, and room for one. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "all that was sent is there")
    @Outcome(expect = Expect.FORBIDDEN, desc = "a message was lost or doubled, or the ring is stuck")
    @State
    public static class SendSend extends Messages {
        private int sent = 1;
        private int sentToo;

        /** One of two slots is full. */
        public SendSend() {
            super(2, 1);
        }

        /** Sends 10. */
        @Actor
        public void sender() {
            sent += send(10);
        }

        /** Sends 100. */
        @Actor
        public void senderToo() {
            sentToo = send(100);
        }

        /** Sums up. */
        @Arbiter
        public void sum(II_Result r) {
            int left = drain();
            r.r1 = sent + sentToo - left;
            r.r2 = Math.min(left, 0);
        }
    }

    /** Two receivers, and one message or two. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "each message was received once")
    @Outcome(expect = Expect.FORBIDDEN, desc = "a message was lost or doubled, or the ring is stuck")
    @State
    public static class ReceiveReceive extends Messages {
        private int received;
        private int receivedToo;

        /** One message. */
        public ReceiveReceive() {
            super(2, 1);
        }

        /** Receives twice. */
        @Actor
        public void receiver() {
            received = receive() + receive();
        }

        /** Receives. */
        @Actor
        public void receiverToo() {
            receivedToo = receive();
        }

        /** Sums up. */
        @Arbiter
        public void sum(II_Result r) {
            int left = drain();
            r.r1 = 1 - received - receivedToo - left;
            r.r2 = Math.min(left, 0);
        }
    }

    /** A sender meets a receiver in the only slot. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "each message was received once")
    @Outcome(expect = Expect.FORBIDDEN, desc = "a message was lost or doubled, or the ring is stuck")
    @State
    public static class SendReceive extends Messages {
        private int sent = 1;
        private int received;

        /** Full. */
        public SendReceive() {
            super(1, 1);
        }

        /** Sends twice. */
        @Actor
        public void sender() {
            sent += send(10) + send(100);
        }

        /** Receives twice. */
        @Actor
        public void receiver() {
            received = receive() + receive();
        }

        /** Sums up. */
        @Arbiter
        public void sum(II_Result r) {
            int left = drain();
            r.r1 = sent - received - left;
            r.r2 = Math.min(left, 0);
        }
    }

    /** The agent abandons a dead sender's slot while another sends over it. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "nothing but the dead's is lost")
    @Outcome(expect = Expect.FORBIDDEN, desc = "a message was lost or doubled, or the ring is stuck")
    @State
    public static class AbandonSend extends Messages {
        private final long dead;
        private int sent;

        /** The dead has claimed the first of two slots. */
        public AbandonSend() {
            super(2, 0);
            dead = Ring.claimSend(ring, DEAD);
        }

        /** As the sweep does. */
        @Actor
        public void agent() {
            Raw.casLong(dead, Ring.word(0, Ring.WRITING, DEAD), Ring.word(0, Ring.ABANDONED, 0));
        }

        /** Sends twice: the second may need the abandoned slot. */
        @Actor
        public void sender() {
            sent = send(10) + send(100);
        }

        /** Sums up. */
        @Arbiter
        public void sum(II_Result r) {
            int left = drain();
            r.r1 = sent - left;
            r.r2 = Math.min(left, 0);
        }
    }

    /** The agent abandons a dead sender's slot while another receives past it. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "nothing but the dead's is lost")
    @Outcome(expect = Expect.FORBIDDEN, desc = "a message was lost or doubled, or the ring is stuck")
    @State
    public static class AbandonReceive extends Messages {
        private final long dead;
        private int received;

        /** The dead has claimed the first of two slots. */
        public AbandonReceive() {
            super(2, 0);
            dead = Ring.claimSend(ring, DEAD);
            send(10);
        }

        /** As the sweep does. */
        @Actor
        public void agent() {
            Raw.casLong(dead, Ring.word(0, Ring.WRITING, DEAD), Ring.word(0, Ring.ABANDONED, 0));
        }

        /** Receives what lies behind the dead's. */
        @Actor
        public void receiver() {
            received = receive() + receive();
        }

        /** Sums up. */
        @Arbiter
        public void sum(II_Result r) {
            int left = drain();
            r.r1 = 10 - received - left;
            r.r2 = Math.min(left, 0);
        }
    }
}
