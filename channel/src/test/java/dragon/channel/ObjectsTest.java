package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dragon.memory.Client;
import dragon.memory.DragonException;
import dragon.memory.Layout.ClientEntry;
import dragon.memory.Raw;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ObjectsTest {
    private final TestNode node = new TestNode();
    private final Client client = node.client();
    private final Client other = node.client();

    @AfterEach
    void nothingIsLeft() {
        node.sweep(client);
        node.sweep(other);
        assertThat(Leftovers.blocks(node.memory)).isEmpty();
        node.close();
    }

    @Test
    void semaphoresCountToTheirMaximum() {
        Semaphore semaphore = Semaphore.create(client, 1, 2);
        assertThat(semaphore.tryAcquire(Duration.ZERO)).isTrue();
        assertThat(semaphore.tryAcquire(Duration.ofMillis(1))).isFalse();
        semaphore.release(2);
        assertThatThrownBy(() -> semaphore.release(1)).hasMessageContaining("maximum");
        assertThatThrownBy(() -> semaphore.release(-1)).hasMessageContaining("-1 times");
        assertThat(semaphore.value()).isEqualTo(2);
        Semaphore large = Semaphore.create(client, -2, Semaphore.UNBOUNDED); // unsigned: 2^32 - 2
        large.release(1);
        assertThatThrownBy(() -> large.release(1)).hasMessageContaining("maximum");
    }

    @Test
    void recursiveLocksCountAndKnowTheirThread() throws Exception {
        Lock lock = Lock.create(client, true);
        lock.acquire();
        lock.acquire();
        assertThat(lock.count()).isEqualTo(2);
        assertThat(TestNode.start(() -> {
                            assertThat(lock.isMine()).isFalse();
                            assertThatThrownBy(lock::release).hasMessageContaining("not held by this thread");
                            return lock.acquire(Duration.ZERO);
                        })
                        .result())
                .isEqualTo(Lock.Outcome.TIMED_OUT);
        lock.release();
        assertThat(lock.isLocked()).isTrue();
        lock.release();
        assertThat(lock.isLocked()).isFalse();
    }

    @Test
    void virtualThreadsOnOneCarrierAreNotOneOwner() throws Exception {
        Lock lock = Lock.create(client, true);
        lock.acquire();
        Thread.ofVirtual()
                .start(() -> assertThat(lock.acquire(Duration.ZERO)).isEqualTo(Lock.Outcome.TIMED_OUT))
                .join();
        lock.release();
        boolean[] first = new boolean[1];
        Thread holder = Thread.ofVirtual().start(() -> first[0] = lock.acquire() == Lock.Outcome.ACQUIRED);
        holder.join();
        assertThat(first[0]).isTrue();
        assertThat(lock.isMine()).isFalse();
    }

    @Test
    void plainLocksMayBeReleasedByAnyoneButNotTwice() {
        Lock lock = Lock.create(client, false);
        Lock theirs = Lock.bind(other, lock.handle(), false);
        lock.acquire();
        theirs.release();
        assertThatThrownBy(lock::release).hasMessageContaining("nobody holds it");
        assertThat(theirs.acquire()).isEqualTo(Lock.Outcome.ACQUIRED);
    }

    @Test
    void whoEndsInOrderKeepsItsLocks() {
        Lock lock = Lock.create(client, false);
        Lock.bind(other, lock.handle(), false).acquire();
        other.orderly();
        node.sweep(other);
        assertThat(lock.acquire(Duration.ofMillis(1))).isEqualTo(Lock.Outcome.TIMED_OUT);
        lock.release();
        assertThat(lock.acquire()).isEqualTo(Lock.Outcome.ACQUIRED);
    }

    @Test
    void theKilledOwnersLockComesWithTheNewsOnce() {
        Lock lock = Lock.create(client, true);
        Lock theirs = Lock.bind(other, lock.handle(), true);
        theirs.acquire();
        theirs.acquire();
        node.sweep(other);
        assertThat(lock.isLocked()).isFalse();
        assertThat(lock.acquire()).isEqualTo(Lock.Outcome.OWNER_DIED);
        assertThat(lock.count()).isEqualTo(1);
        lock.release();
        assertThat(lock.acquire()).isEqualTo(Lock.Outcome.ACQUIRED);
    }

    @Test
    void eventsAreSetAndCleared() {
        Event event = Event.create(client);
        assertThat(event.await(Duration.ofMillis(1))).isFalse();
        event.set(1L << 32 | 9);
        event.await();
        assertThat(Event.bind(other, event.handle()).value()).isEqualTo(1L << 32 | 9);
        event.clear();
        assertThat(event.isSet()).isFalse();
    }

    @Test
    void theAgentSetsAnEventThatIsThereAndNoOther() throws Exception {
        Client client = node.client();
        Event event = Event.create(client);
        TestNode.Running<Boolean> waiting = TestNode.start(() -> {
            event.await();
            return true;
        });
        assertThat(node.sweeper.set(new Handle(event.offset(), event.id() + 1), 7))
                .isFalse();
        assertThat(event.isSet()).isFalse();
        assertThat(node.sweeper.set(event.handle(), 7)).isTrue();
        assertThat(waiting.result()).isTrue();
        assertThat(event.value()).isEqualTo(7);
        try (Semaphore other = Semaphore.create(client, 1, 1)) {
            assertThat(node.sweeper.set(other.handle(), 7)).isFalse();
        }
        event.close();
        node.sweeper.serve(Duration.ZERO);
        assertThat(node.sweeper.set(event.handle(), 7)).isFalse();
        node.sweep(client);
    }

    @Test
    void whatOnlyTheLastClientUsesIsFound() {
        Client first = node.client();
        Client middle = node.client();
        Client last = node.client();
        Event shared = Event.create(middle);
        Event inUse = Event.bind(first, shared.handle());
        Event own = Event.create(middle);
        Event kept = Event.bind(last, own.handle());
        Event gone = Event.create(middle);
        node.sweep(middle);
        assertThat(inUse.isSet() || kept.isSet()).isFalse();
        assertThat(node.sweeper.set(shared.handle(), 1)).isTrue();
        assertThat(node.sweeper.set(own.handle(), 1)).isTrue();
        assertThat(node.sweeper.set(gone.handle(), 1)).isFalse();
        node.sweep(first);
        assertThat(node.sweeper.set(shared.handle(), 1)).isFalse();
        node.sweep(last);
        assertThat(node.sweeper.set(own.handle(), 1)).isFalse();
    }

    @Test
    void conditionsNeedTheirLock() {
        Lock lock = Lock.create(client, true);
        Condition condition = Condition.create(client);
        assertThatThrownBy(() -> condition.await(lock)).hasMessageContaining("not held");
        lock.acquire();
        assertThat(condition.await(lock, Duration.ofMillis(1))).isFalse();
        assertThat(condition.await(lock, Duration.ZERO)).isFalse();
        assertThat(lock.count()).isEqualTo(1);
        assertThat(condition.signal(3)).isZero();
    }

    @Test
    void areasAreSharedAndZeroAtFirst() {
        Area dirty = Area.create(client, 100);
        dirty.segment().fill((byte) 1);
        dirty.close();
        node.sweeper.serve(Duration.ZERO);
        Area area = Area.create(client, 100);
        Area theirs = Area.bind(other, area.handle());
        assertThat(theirs.size()).isEqualTo(100);
        assertThat(theirs.segment().get(ValueLayout.JAVA_LONG, 88)).isZero();
        area.segment().set(ValueLayout.JAVA_INT, 96, 5);
        assertThat(theirs.segment().get(ValueLayout.JAVA_INT, 96)).isEqualTo(5);
    }

    @Test
    void aPinnedObjectOutlivesItsLastReference() {
        Channel channel = Channel.create(client);
        channel.sendLong(8);
        long token = Mailbox.of(client).pin(channel.handle(), Role.USER);
        channel.close();
        client.orderly();
        node.sweep(client);
        assertThat(node.sweeper.pins()).isEqualTo(1);
        Channel bound = Channel.bind(other, channel.handle(), Role.USER);
        Mailbox.of(other).unpin(bound.handle(), Role.USER, token);
        assertThat(bound.receiveLong()).isEqualTo(8);
        bound.close();
        node.sweeper.serve(Duration.ZERO);
        assertThat(node.sweeper.pins()).isZero();
        assertThatThrownBy(() -> Channel.bind(other, channel.handle(), Role.USER))
                .isInstanceOf(NoSuchObjectException.class);
    }

    @Test
    void tokensOfTheNextClientWithANumberAreOthers() {
        Channel channel = Channel.create(other);
        long token = Mailbox.of(client).pin(channel.handle(), Role.USER);
        client.orderly();
        node.sweep(client);
        Client next = node.client();
        assertThat(next.number()).isEqualTo(client.number());
        long another = Mailbox.of(next).pin(channel.handle(), Role.USER);
        assertThat(another).isNotEqualTo(token);
        node.sweeper.unpin(token);
        node.sweeper.unpin(another);
        channel.close();
        node.sweeper.serve(Duration.ZERO);
    }

    @Test
    void aPinGoesWithTheClientThatWasKilledUnlessAnotherHasTheHandle() {
        Channel lost = Channel.create(client);
        Channel given = Channel.create(client);
        Channel sent = Channel.create(client);
        Channel carrier = Channel.create(other);
        Mailbox letters = Mailbox.of(client);
        letters.pin(lost.handle(), Role.USER);
        long withArguments = letters.pin(given.handle(), Role.USER);
        node.sweeper.entrust(List.of(withArguments));
        long inMessage = letters.pin(sent.handle(), Role.USER);
        letters.carry(carrier.handle(), inMessage);
        node.sweep(client);
        assertThat(node.sweeper.pins()).isEqualTo(2);
        assertThatThrownBy(() -> Channel.bind(other, lost.handle(), Role.USER))
                .isInstanceOf(NoSuchObjectException.class);
        Channel.bind(other, given.handle(), Role.USER).close();
        Channel.bind(other, sent.handle(), Role.USER).close();
        node.sweeper.unpin(withArguments);
        carrier.close();
        node.sweeper.serve(Duration.ZERO);
        assertThat(node.sweeper.pins()).isZero();
    }

    @Test
    void whatAChannelCarriesGoesWithItAlsoThroughOtherChannelsAndItself() {
        Channel outer = Channel.create(client);
        Channel inner = Channel.create(client);
        Channel innermost = Channel.create(client, 0, 128, true, Role.RECEIVER);
        Channel sender = Channel.bind(client, innermost.handle(), Role.SENDER);
        Mailbox letters = Mailbox.of(client);
        letters.carry(outer.handle(), letters.pin(outer.handle(), Role.USER));
        letters.carry(outer.handle(), letters.pin(inner.handle(), Role.USER));
        letters.carry(inner.handle(), letters.pin(sender.handle(), Role.SENDER));
        inner.close();
        sender.close();
        node.sweeper.serve(Duration.ZERO);
        assertThat(node.sweeper.pins()).isEqualTo(3);
        assertThat(innermost.poll(Duration.ZERO)).isFalse();
        outer.close();
        node.sweeper.serve(Duration.ZERO);
        assertThat(node.sweeper.pins()).isZero();
        assertThatThrownBy(innermost::receive).isInstanceOf(ChannelClosedException.class);
    }

    @Test
    void aPinKeepsAnEndOpen() {
        Channel receiver = Channel.create(client, 0, 128, true, Role.RECEIVER);
        Channel sender = Channel.bind(client, receiver.handle(), Role.SENDER);
        long token = Mailbox.of(client).pin(sender.handle(), Role.SENDER);
        sender.close();
        node.sweeper.serve(Duration.ZERO);
        assertThat(receiver.poll(Duration.ZERO)).isFalse();
        node.sweeper.unpin(token);
        node.sweeper.serve(Duration.ZERO);
        assertThat(receiver.poll(Duration.ZERO)).isTrue();
        assertThatThrownBy(receiver::receive).isInstanceOf(ChannelClosedException.class);
    }

    @Test
    void theLastHandleOfAnEndClosesItAtOnce() throws Exception {
        Channel receiver = Channel.create(client, 0, 128, true, Role.RECEIVER);
        Channel sender = Channel.bind(client, receiver.handle(), Role.SENDER);
        Channel theirs = Channel.bind(other, receiver.handle(), Role.SENDER);
        sender.close();
        assertThat(receiver.poll(Duration.ZERO)).isFalse();
        TestNode.Running<Boolean> waiting = TestNode.start(() -> receiver.poll(Duration.ofSeconds(60)));
        theirs.close();
        assertThat(waiting.result()).isTrue();
        assertThatThrownBy(receiver::receive).isInstanceOf(ChannelClosedException.class);
    }

    @Test
    void theEndOfADeadClientIsClosedBeforeItsDeathIsTold() {
        Channel receiver = Channel.create(client, 0, 128, true, Role.RECEIVER);
        Channel.bind(other, receiver.handle(), Role.SENDER);
        node.sweeper.sweep(other.number());
        assertThat(receiver.poll(Duration.ZERO)).isTrue();
    }

    @Test
    void aHandleThatADeadClientDidNotBindKeepsNoEnd() {
        Channel receiver = Channel.create(client, 0, 128, true, Role.RECEIVER);
        Channel sender = Channel.bind(client, receiver.handle(), Role.SENDER);
        long token = Mailbox.of(client).pin(sender.handle(), Role.SENDER);
        sender.close();
        assertThat(receiver.poll(Duration.ZERO)).isFalse();
        node.sweeper.unpin(token);
        assertThat(receiver.poll(Duration.ZERO)).isTrue();
    }

    @Test
    void aHandleThatIsBoundTwiceCountsTwice() {
        Channel receiver = Channel.create(client, 0, 128, true, Role.RECEIVER);
        Channel sender = Channel.bind(client, receiver.handle(), Role.SENDER);
        long token = Mailbox.of(client).pin(sender.handle(), Role.SENDER);
        sender.close();
        Channel first = Channel.bind(client, receiver.handle(), Role.SENDER);
        Mailbox.of(client).unpin(first.handle(), Role.SENDER, token);
        Channel second = Channel.bind(other, receiver.handle(), Role.SENDER);
        Mailbox.of(other).unpin(second.handle(), Role.SENDER, token);
        node.sweeper.serve(Duration.ZERO);
        first.close();
        assertThat(receiver.poll(Duration.ZERO)).isFalse();
        second.close();
        assertThat(receiver.poll(Duration.ZERO)).isTrue();
    }

    @Test
    void whatNamesStandForKeepsItsEnds() {
        Channel receiver = Channel.create(client, 0, 128, true, Role.RECEIVER);
        Channel sender = Channel.bind(client, receiver.handle(), Role.SENDER);
        long token = node.sweeper.hold(sender.offset() | Role.SENDER.bit());
        sender.close();
        assertThat(receiver.poll(Duration.ZERO)).isFalse();
        node.sweeper.unpin(token);
        assertThat(receiver.poll(Duration.ZERO)).isTrue();
    }

    @Test
    void aHandleThatLiesInItsOwnChannelKeepsNoEnd() {
        Channel receiver = Channel.create(client, 0, 128, true, Role.RECEIVER);
        Channel sender = Channel.bind(client, receiver.handle(), Role.SENDER);
        long token = Mailbox.of(client).pin(receiver.handle(), Role.RECEIVER);
        Mailbox.of(client).carry(receiver.handle(), token);
        node.sweeper.serve(Duration.ZERO);
        receiver.close();
        assertThatThrownBy(() -> sender.sendLong(1)).isInstanceOf(ChannelClosedException.class);
    }

    @Test
    void whoReadsTheLettersForTheThreadThatServesCallsIt() throws Exception {
        AtomicBoolean over = new AtomicBoolean();
        TestNode.Running<Boolean> serving = TestNode.start(() -> {
            while (!over.get()) {
                node.sweeper.serve();
            }
            return true;
        });
        for (int i = 0; i < 1000; i++) {
            Event event = Event.create(client);
            long token = node.sweeper.hold(event.offset() | Role.USER.bit());
            event.close();
            over.set(i == 999);
            node.sweeper.unpin(0); // this letter to the thread may be read by the next
            node.sweeper.unpin(token);
            long limit = System.nanoTime() + CrashScenario.SOON.toNanos();
            while (Slots.isObject(node.memory, event.offset())) {
                assertThat(System.nanoTime()).as("in time").isLessThan(limit);
                Thread.yield();
            }
        }
        assertThat(serving.result()).isTrue();
    }

    @Test
    void manyHandlesOfOneObjectAreOneReference() {
        Event event = Event.create(client);
        Event again = Event.bind(client, event.handle());
        again.close();
        again.close();
        node.sweeper.serve(Duration.ZERO);
        event.set(1);
        event.close();
        node.sweeper.serve(Duration.ZERO);
        assertThatThrownBy(() -> Event.bind(client, event.handle())).isInstanceOf(NoSuchObjectException.class);
    }

    @Test
    void closingAReferenceEndsItsOperationsAndThenTheObject() throws Exception {
        Channel channel = Channel.create(client);
        Lock lock = Lock.create(client, false);
        lock.acquire();
        Event event = Event.create(client);
        List<TestNode.Running<Boolean>> sleepers = List.of(
                TestNode.start(() -> isRefused(channel::receive)),
                TestNode.start(() -> isRefused(lock::acquire)),
                TestNode.start(() -> isRefused(() -> AnyOf.await(List.of(event)))));
        CrashScenario.awaitParked(client, 3);
        channel.close();
        lock.close();
        event.close();
        for (TestNode.Running<Boolean> each : sleepers) {
            assertThat(each.result()).isTrue();
        }
        node.sweeper.serve(Duration.ZERO);
        assertThatThrownBy(() -> Channel.bind(other, channel.handle(), Role.USER))
                .isInstanceOf(NoSuchObjectException.class);
        assertThat(isRefused(() -> channel.sendLong(1))).isTrue();
        assertThat(Leftovers.references(node.memory)).hasSize(1);
    }

    private static boolean isRefused(Runnable operation) {
        try {
            operation.run();
            return false;
        } catch (DragonException refusal) {
            return refusal.code().equals("object.closed");
        }
    }

    @Test
    void closingOneOfTwoReferencesLeavesTheOtherAtWork() throws Exception {
        Channel channel = Channel.create(client);
        Channel again = Channel.bind(client, channel.handle(), Role.USER);
        TestNode.Running<Long> sleeper = TestNode.start(again::receiveLong);
        CrashScenario.awaitParked(client, 1);
        channel.close();
        Channel theirs = Channel.bind(other, channel.handle(), Role.USER);
        theirs.sendLong(4);
        assertThat(sleeper.result()).isEqualTo(4);
    }

    @Test
    void aNumberIsUsedAgainWithAnotherGeneration() {
        long before = Raw.getLong(node.memory.client(other.number()) + ClientEntry.STATE) >>> 8;
        node.sweep(other);
        assertThat(node.sweep(other)).isFalse();
        Client next = node.client();
        assertThat(next.number()).isEqualTo(other.number());
        assertThat(Raw.getLong(next.entry() + ClientEntry.STATE) >>> 8).isEqualTo(before + 1);
    }
}
