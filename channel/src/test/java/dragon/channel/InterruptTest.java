package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dragon.memory.Client;
import dragon.memory.InterruptedWaitException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whoever sleeps can be interrupted, and leaves the object as if it had never come. */
class InterruptTest {
    private final TestNode node = new TestNode();
    private final Client other = node.client();
    private final Client sleeper = node.client();

    @AfterEach
    void nothingIsLeft() {
        node.sweep(other);
        node.sweep(sleeper);
        assertThat(Leftovers.blocks(node.memory)).isEmpty();
        node.close();
    }

    /** Runs what blocks twice: interrupted before it sleeps, and while it does. */
    private void interrupts(Runnable blocks) throws Exception {
        TestNode.Running<Boolean> running = TestNode.start(() -> {
            Thread.currentThread().interrupt();
            boolean before = isInterrupted(blocks);
            boolean during = isInterrupted(blocks);
            return before && during;
        });
        while (running.thread().isAlive()) {
            if (CrashScenario.parked(sleeper) > 0) {
                running.thread().interrupt();
            }
        }
        assertThat(running.result()).isTrue();
    }

    /** And the interrupt status is set, which this clears. */
    private static boolean isInterrupted(Runnable blocks) {
        assertThatExceptionOfType(InterruptedWaitException.class)
                .isThrownBy(blocks::run)
                .withMessageContaining("interrupted while waiting for");
        return Thread.interrupted();
    }

    @Test
    void aReceiver() throws Exception {
        Channel channel = Channel.create(sleeper);
        Channel theirs = Channel.bind(other, channel.handle(), Role.USER);
        interrupts(channel::receive);
        interrupts(() -> channel.poll(CrashScenario.SOON));
        theirs.sendLong(5);
        assertThat(channel.receiveLong()).isEqualTo(5);
    }

    @Test
    void aSender() throws Exception {
        Channel channel = Channel.create(sleeper, 1, 64, false, Role.USER);
        channel.sendLong(1);
        interrupts(() -> channel.send(new byte[1000]));
        assertThat(channel.receiveLong()).isEqualTo(1);
        assertThat(channel.tryReceive()).isNull();
    }

    @Test
    void whoWaitsForALockASemaphoreOrAnEvent() throws Exception {
        Lock lock = Lock.create(other, false);
        lock.acquire();
        Lock theirs = Lock.bind(sleeper, lock.handle(), false);
        interrupts(theirs::acquire);
        lock.release();
        assertThat(theirs.isLocked()).isFalse();
        Semaphore semaphore = Semaphore.create(sleeper, 0, Semaphore.UNBOUNDED);
        interrupts(semaphore::acquire);
        Event event = Event.create(sleeper);
        interrupts(event::await);
    }

    @Test
    void whoWaitsForSeveral() throws Exception {
        List<SharedObject> both = List.of(Channel.create(sleeper), Event.create(sleeper));
        interrupts(() -> AnyOf.await(both));
    }

    @Test
    void aSleeperOnAConditionHasItsLockAgain() throws Exception {
        Lock lock = Lock.create(sleeper, true);
        Condition condition = Condition.create(sleeper);
        interrupts(() -> {
            lock.acquire();
            lock.acquire();
            try {
                condition.await(lock);
            } finally {
                lock.release();
                lock.release();
            }
        });
        assertThat(lock.isLocked()).isFalse();
    }
}
