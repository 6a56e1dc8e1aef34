package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;

import dragon.memory.Client;
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

    /** Who tells is who reads the mailbox: the sweep itself wakes it where a sender was killed with the reader's reference in its hand. */
    @Test
    void ofTheMailbox() throws Exception {
        long mailbox = node.memory.mailbox();
        Client victim = node.client();
        TestNode.Running<Boolean> reader = TestNode.start(node.sweeper::serve);
        CrashScenario.awaitParked(node.agent, 1);
        victim.record().begin(ThreadRecord.SEND, mailbox);
        long queue = node.memory.address(mailbox) + ObjectLayout.QUEUE_0;
        assertThat(Chain.tryReceive(node.memory, queue + WaitQueue.HEAD_RING, victim.number()))
                .isPositive();
        node.sweeper.sweep(victim.number());
        assertThat(reader.thread().join(CrashScenario.SOON)).isTrue();
    }
}
