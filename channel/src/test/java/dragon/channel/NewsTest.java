package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;

import dragon.memory.Client;
import dragon.memory.Raw;
import dragon.memory.ThreadRecord;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Who waited on what the dead had in hand is told, for many of them by one look. */
class NewsTest {
    private final TestNode node = new TestNode();
    private final Client survivor = node.client();

    @AfterEach
    void nothingIsLeft() {
        node.sweep(survivor);
        assertThat(Leftovers.blocks(node.memory)).isEmpty();
        node.close();
    }

    /** A client that was killed while it slept in the channel's queue, before all others. */
    private Client killedAsleep(Channel channel) {
        Client victim = node.client();
        Channel theirs = Channel.bind(victim, channel.handle(), Role.USER);
        ThreadRecord record = victim.record();
        record.begin(ThreadRecord.RECEIVE, channel.offset());
        Waiter.arm(record, theirs, node.memory.address(channel.offset()) + ObjectLayout.QUEUE_0);
        return victim;
    }

    @Test
    void ofSeveralDeaths() throws Exception {
        Channel first = Channel.create(survivor);
        Channel second = Channel.create(survivor);
        Channel other = Channel.create(survivor);
        Client one = killedAsleep(first);
        Client two = killedAsleep(second);
        TestNode.Running<Long> ofFirst = TestNode.start(first::receiveLong);
        TestNode.Running<Long> ofSecond = TestNode.start(second::receiveLong);
        TestNode.Running<Long> ofOther = TestNode.start(other::receiveLong);
        while (CrashScenario.parked(survivor) < 3) {
            Thread.onSpinWait();
        }
        first.sendLong(1); // the dead are chosen to take them
        second.sendLong(2);
        assertThat(CrashScenario.parked(survivor)).isEqualTo(3);
        node.sweeper.sweep(one.number());
        node.sweeper.sweep(two.number());
        node.sweeper.serve(Duration.ZERO);
        assertThat(ofFirst.result()).isEqualTo(1);
        assertThat(ofSecond.result()).isEqualTo(2);
        assertThat(ofOther.thread().isAlive()).isTrue();
        other.sendLong(3);
        assertThat(ofOther.result()).isEqualTo(3);
    }

    /** Who tells is who reads the mailbox: the sweep wakes it where a sender was killed with the reader's reference in its hand. */
    @Test
    void ofTheMailbox() throws Exception {
        TestNode.Running<Boolean> reader = reader();
        Client victim = node.client();
        takeReader(victim);
        node.sweeper.sweep(victim.number());
        assertThat(reader.thread().join(CrashScenario.SOON)).isTrue();
    }

    /** A sender that is stopped with the reader's reference in its hand keeps nobody from hearing of the death of another. */
    @Test
    void whileAnotherIsStoppedBeforeItChooses() throws Exception {
        TestNode.Running<Boolean> reader = reader();
        Client stopped = node.client();
        takeReader(stopped);
        tellsOfADeath(reader);
        node.sweep(stopped);
    }

    /** Nor does one that is stopped when it has chosen the reader and not woken it. */
    @Test
    void whileAnotherIsStoppedBeforeItWakes() throws Exception {
        TestNode.Running<Boolean> reader = reader();
        Client stopped = node.client();
        long word = recordOf(takeReader(stopped));
        int parked = Raw.getIntVolatile(word);
        assertThat(Raw.casInt(word, parked, ThreadRecord.withState(parked & ~ThreadRecord.QUEUED, ThreadRecord.CHOSEN)))
                .isTrue();
        tellsOfADeath(reader);
        node.sweep(stopped);
    }

    /** Nor does one that is stopped in the middle of a letter, behind which nothing can be read. */
    @Test
    void whileAnotherIsStoppedInALetter() throws Exception {
        TestNode.Running<Boolean> reader = reader();
        Client stopped = node.client();
        long mailbox = node.memory.mailbox();
        stopped.record().begin(ThreadRecord.SEND, mailbox);
        long tail = node.memory.address(mailbox) + Channel.TAIL_RING;
        assertThat(Chain.trySend(node.memory, tail, stopped.number())).isPositive();
        tellsOfADeath(reader);
        node.sweep(stopped);
    }

    /** The thread that serves, asleep. */
    private TestNode.Running<Boolean> reader() {
        TestNode.Running<Boolean> reader = TestNode.start(node.sweeper::serve);
        CrashScenario.awaitParked(node.agent, 1);
        return reader;
    }

    /** The client has begun a letter, and taken the waiter reference to its reader. Returns that. */
    private long takeReader(Client client) {
        long mailbox = node.memory.mailbox();
        client.record().begin(ThreadRecord.SEND, mailbox);
        long queue = node.memory.address(mailbox) + ObjectLayout.QUEUE_0;
        long slot = Chain.tryReceive(node.memory, queue + WaitQueue.HEAD_RING, client.number());
        assertThat(slot).isPositive();
        long reference = Raw.getLong(slot + Long.BYTES);
        Ring.release(slot);
        return reference;
    }

    private long recordOf(long reference) {
        return node.memory.record((int) (reference >>> 46), (int) (reference >>> 27) & 0x7ffff);
    }

    /** Somebody is killed who was chosen to take a message: who waits beside it gets that. */
    private void tellsOfADeath(TestNode.Running<Boolean> reader) throws Exception {
        Channel channel = Channel.create(survivor);
        Client victim = killedAsleep(channel);
        TestNode.Running<Long> waiting = TestNode.start(channel::receiveLong);
        CrashScenario.awaitParked(survivor, 1);
        channel.sendLong(4);
        node.sweeper.sweep(victim.number());
        assertThat(reader.thread().join(CrashScenario.SOON)).isTrue();
        assertThat(waiting.result()).isEqualTo(4);
    }
}
