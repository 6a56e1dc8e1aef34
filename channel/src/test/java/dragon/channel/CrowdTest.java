package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;

import dragon.memory.Client;
import dragon.memory.RunOverException;
import dragon.memory.RunState;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Many threads at once, most of the time asleep: no message is lost or doubled, no wake-up is lost. Waits have no limit: a lost one hangs the test. */
class CrowdTest {
    private static final int EACH = 3000;
    private static final int THREADS = 4;

    private final TestNode node = new TestNode();

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 64})
    void everyMessageArrivesOnceAndInItsSendersOrder(int capacity) throws Exception {
        Channel made = Channel.create(node.client(), capacity, 64, false, Role.USER);
        AtomicIntegerArray seen = new AtomicIntegerArray(THREADS * EACH);
        List<TestNode.Running<Boolean>> receivers = new ArrayList<>();
        List<TestNode.Running<Boolean>> senders = new ArrayList<>();
        for (int t = 0; t < THREADS; t++) {
            int first = t * EACH;
            Channel mine = Channel.bind(node.client(), made.handle(), Role.USER);
            receivers.add(TestNode.start(() -> receiveAll(mine, seen)));
            senders.add(TestNode.start(() -> {
                for (int i = 0; i < EACH; i++) {
                    mine.sendLong(first + i);
                }
                return true;
            }));
        }
        for (TestNode.Running<Boolean> each : senders) {
            each.result();
        }
        for (int t = 0; t < THREADS; t++) {
            made.sendLong(-1);
        }
        for (TestNode.Running<Boolean> each : receivers) {
            each.result();
        }
        for (int i = 0; i < seen.length(); i++) {
            assertThat(seen.get(i)).as("message " + i).isEqualTo(1);
        }
        node.close();
    }

    private static boolean receiveAll(Channel channel, AtomicIntegerArray seen) {
        long[] last = {-1, -1, -1, -1};
        while (true) {
            channel.client().record().luck(9); // sleeps rather than spins
            long message = channel.receiveLong();
            if (message < 0) {
                return true;
            }
            int sender = (int) message / EACH;
            assertThat(message).isGreaterThan(last[sender]);
            last[sender] = message;
            seen.incrementAndGet((int) message);
        }
    }

    @Test
    void aLockAdmitsOneAtATime() throws Exception {
        Lock made = Lock.create(node.client(), false);
        long[] count = new long[1];
        List<TestNode.Running<Boolean>> all = new ArrayList<>();
        for (int t = 0; t < THREADS; t++) {
            Lock mine = Lock.bind(node.client(), made.handle(), false);
            all.add(TestNode.start(() -> {
                for (int i = 0; i < EACH; i++) {
                    mine.client().record().luck(9);
                    mine.acquire();
                    count[0]++;
                    mine.release();
                }
                return true;
            }));
        }
        for (TestNode.Running<Boolean> each : all) {
            each.result();
        }
        assertThat(count[0]).isEqualTo(THREADS * EACH);
        node.close();
    }

    @Test
    void semaphoresPassUnitsRound() throws Exception {
        Semaphore made = Semaphore.create(node.client(), 2, 2);
        List<TestNode.Running<Boolean>> all = new ArrayList<>();
        for (int t = 0; t < THREADS; t++) {
            Semaphore mine = Semaphore.bind(node.client(), made.handle());
            all.add(TestNode.start(() -> {
                for (int i = 0; i < EACH; i++) {
                    mine.client().record().luck(9);
                    mine.acquire();
                    mine.release(1);
                }
                return true;
            }));
        }
        for (TestNode.Running<Boolean> each : all) {
            each.result();
        }
        assertThat(made.value()).isEqualTo(2);
        node.close();
    }

    @Test
    void conditionsHandOverATurn() throws Exception {
        Lock lock = Lock.create(node.client(), true);
        Condition turn = Condition.create(node.client());
        int[] next = new int[1];
        List<TestNode.Running<Boolean>> all = new ArrayList<>();
        for (int t = 0; t < THREADS; t++) {
            int me = t;
            Client client = node.client();
            Lock myLock = Lock.bind(client, lock.handle(), true);
            Condition myTurn = Condition.bind(client, turn.handle());
            all.add(TestNode.start(() -> {
                for (int i = 0; i < EACH / 10; i++) {
                    myLock.acquire();
                    while (next[0] % THREADS != me) {
                        myTurn.await(myLock);
                    }
                    next[0]++;
                    myTurn.signalAll();
                    myLock.release();
                }
                return true;
            }));
        }
        for (TestNode.Running<Boolean> each : all) {
            each.result();
        }
        assertThat(next[0]).isEqualTo(THREADS * (EACH / 10));
        node.close();
    }

    @Test
    void watchersOfSeveralNeverSleepThroughAMessage() throws Exception {
        Client client = node.client();
        List<Channel> channels = List.of(Channel.create(client), Channel.create(client), Channel.create(client));
        List<TestNode.Running<Boolean>> watchers = new ArrayList<>();
        int[] taken = new int[THREADS];
        for (int t = 0; t < THREADS; t++) {
            int me = t;
            Client own = node.client();
            List<Channel> mine = channels.stream()
                    .map(each -> Channel.bind(own, each.handle(), Role.USER))
                    .toList();
            watchers.add(TestNode.start(() -> {
                while (true) {
                    own.record().luck(9);
                    for (Channel ready : AnyOf.await(mine)) {
                        byte[] message = ready.tryReceive();
                        if (message != null && message[0] == 0) {
                            return true;
                        }
                        taken[me] += message == null ? 0 : 1;
                    }
                }
            }));
        }
        for (int i = 0; i < EACH; i++) {
            channels.get(i % 3).send(new byte[] {1});
        }
        for (int t = 0; t < THREADS; t++) {
            channels.get(t % 3).send(new byte[] {0});
        }
        for (TestNode.Running<Boolean> each : watchers) {
            each.result();
        }
        assertThat(taken[0]
                        + taken[1]
                        + taken[2]
                        + taken[3]
                        + channels.stream().mapToLong(Channel::size).sum())
                .isEqualTo(EACH);
        node.close();
    }

    @Test
    void theEndOfTheRunWakesEveryone() throws Exception {
        Client client = node.client();
        Channel channel = Channel.create(client);
        Event event = Event.create(client);
        Lock lock = Lock.create(client, false);
        lock.acquire();
        Condition condition = Condition.create(client);
        List<TestNode.Running<Boolean>> all = new ArrayList<>();
        all.add(TestNode.start(() -> over(channel::receive)));
        all.add(TestNode.start(() -> over(event::await)));
        all.add(TestNode.start(() -> over(lock::acquire)));
        all.add(TestNode.start(() -> over(() -> AnyOf.await(List.of(channel, event)))));
        all.add(TestNode.start(() -> {
            Lock own = Lock.create(client, false);
            own.acquire();
            return over(() -> condition.await(own));
        }));
        CrashScenario.awaitParked(client, all.size());
        node.sweeper.endRun(RunState.LOST);
        for (TestNode.Running<Boolean> each : all) {
            assertThat(each.result()).isTrue();
        }
        assertThat(over(channel::receive)).isTrue();
        assertThat(over(channel::tryReceive)).isTrue();
        node.close();
    }

    private static boolean over(Runnable wait) {
        try {
            wait.run();
            return false;
        } catch (RunOverException news) {
            return news.state() == RunState.LOST;
        }
    }
}
