package dragon.channel;

import dragon.memory.Client;
import dragon.memory.Raw;
import dragon.memory.ThreadRecord;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * Interleavings of going to sleep and waking, for jcstress. A waiter does all but sleep: whoever would sleep now, with a message there and nobody to wake it,
 * would sleep for ever.
 */
final class WaitStress {
    private static final TestNode NODE = new TestNode(1L << 30);
    private static final Client WAITER = NODE.client();
    private static final Client WAKER = NODE.client();
    private static final ConcurrentLinkedQueue<Pair> IDLE = new ConcurrentLinkedQueue<>();

    private WaitStress() {}

    private static ThreadRecord lastRecord = WAITER.record();

    /** A channel as its two clients have it, and a record to sleep on. */
    private record Pair(Channel channel, Channel sender, ThreadRecord sleeper) {
        static synchronized Pair make() {
            Channel channel = Channel.create(WAITER, 0, 64, false, Role.USER);
            lastRecord = lastRecord.inner();
            return new Pair(channel, Channel.bind(WAKER, channel.handle(), Role.USER), lastRecord);
        }
    }

    /** A channel, used again by later states: its queue may hold stale references. */
    abstract static class Sleepers {
        private final Pair pair;
        final Channel channel;
        final Channel sender;
        final long queue;
        final ThreadRecord record;
        boolean got;

        Sleepers() {
            Pair used = IDLE.poll();
            pair = used != null ? used : Pair.make();
            channel = pair.channel;
            sender = pair.sender;
            record = pair.sleeper;
            queue = channel.watchQueue();
        }

        /** Arms, and tries once more: all of a wait but the sleep. */
        final void wait1() {
            Waiter.arm(record, channel, queue);
            Raw.fence();
            got = channel.tryReceive() != null;
            if (got) {
                record.disarm();
            }
        }

        /** 1: a sleeper that nobody woke, though there is a message. */
        final int sleepsForEver() {
            boolean asleep = !got && ThreadRecord.state(record.word()) == ThreadRecord.PARKED;
            return asleep && channel.size() > 0 ? 1 : 0;
        }

        final void done() {
            record.disarm();
            while (channel.tryReceive() != null) {
                // for the next state
            }
            IDLE.add(pair);
        }
    }

    /** One goes to sleep while another sends. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "got it, or was chosen")
    @Outcome(expect = Expect.FORBIDDEN, desc = "sleeps beside a message, or the message is gone")
    @State
    public static class SleepSend extends Sleepers {
        /** Goes to sleep. */
        @Actor
        public void waiter() {
            wait1();
        }

        /** Sends. */
        @Actor
        public void sender() {
            sender.sendLong(1);
        }

        /** Looks. */
        @Arbiter
        public void look(II_Result r) {
            r.r1 = sleepsForEver();
            r.r2 = 1 - (int) channel.size() - (got ? 1 : 0);
            done();
        }
    }

    /** One leaves a wait at its limit and begins the next, with the old reference, while another sends. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "got it, or was chosen")
    @Outcome(expect = Expect.FORBIDDEN, desc = "sleeps beside a message, or the message is gone")
    @State
    public static class SleepAgainSend extends Sleepers {
        /** Waits twice. */
        @Actor
        public void waiter() {
            wait1();
            if (!got) {
                record.disarm();
                wait1();
            }
        }

        /** Sends. */
        @Actor
        public void sender() {
            sender.sendLong(1);
        }

        /** Looks. */
        @Arbiter
        public void look(II_Result r) {
            r.r1 = sleepsForEver();
            r.r2 = 1 - (int) channel.size() - (got ? 1 : 0);
            done();
        }
    }

    /** Two wakers, one sleeper: one of them chooses it, and no more. */
    @JCStressTest
    @Outcome(
            id = {"1, 0", "0, 1"},
            expect = Expect.ACCEPTABLE,
            desc = "chosen once")
    @Outcome(expect = Expect.FORBIDDEN, desc = "chosen twice, or not at all")
    @State
    public static class ChooseChoose extends Sleepers {
        private int first;
        private int second;

        /** One sleeps. */
        public ChooseChoose() {
            wait1();
        }

        /** Chooses. */
        @Actor
        public void waker() {
            first = WaitQueue.choose(NODE.memory, queue, WAKER.number()) ? 1 : 0;
        }

        /** Chooses. */
        @Actor
        public void wakerToo() {
            second = WaitQueue.choose(NODE.memory, queue, WAITER.number()) ? 1 : 0;
        }

        /** Looks. */
        @Arbiter
        public void look(II_Result r) {
            r.r1 = first;
            r.r2 = second;
            done();
        }
    }
}
