package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dragon.memory.Client;
import dragon.memory.DragonException;
import dragon.memory.MemoryExhaustedException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChannelTest {
    private static final Duration BRIEF = Duration.ofMillis(2);

    private final TestNode node = new TestNode();
    private final Client client = node.client();
    private final Client other = node.client();

    @AfterEach
    void nothingIsLeft() {
        node.sweep(client);
        node.sweep(other);
        assertThat(Leftovers.blocks(node.memory)).isEmpty();
        Leftovers.assertHintsComplete(node.memory);
        node.close();
    }

    private static byte[] bytes(int size, int seed) {
        byte[] data = new byte[size];
        new Random(seed).nextBytes(data);
        return data;
    }

    @Test
    void keepsOrderAndBytesOfAllSizes() {
        Channel mine = Channel.create(client);
        Channel theirs = Channel.bind(other, mine.handle(), Role.USER);
        int[] sizes = {0, 1, 8, 111, 112, 113, 4096, 70_000, 3_000_000};
        for (int size : sizes) {
            mine.send(bytes(size, size), size & 0xffffff, BRIEF);
        }
        assertThat(theirs.size()).isEqualTo(sizes.length);
        for (int size : sizes) {
            Message message = theirs.receiveMessage();
            assertThat(message.data()).isEqualTo(bytes(size, size));
            assertThat(message.flags()).isEqualTo(size & 0xffffff);
        }
        assertThat(theirs.tryReceive()).isNull();
    }

    @Test
    void everyWayToSendMeetsEveryWayToReceive() {
        Channel channel = Channel.create(client);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment into = arena.allocate(1000);
            channel.sendLong(42);
            assertThat(channel.receiveLong()).isEqualTo(42);
            channel.send(ByteBuffer.wrap(bytes(50, 1), 10, 20));
            assertThat(channel.receive(into)).isEqualTo(20);
            assertThat(into.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo(bytes(50, 1)[10]);
            channel.send(arena.allocate(500).fill((byte) 7));
            assertThat(channel.tryReceive(into)).isEqualTo(500);
            assertThat(into.get(ValueLayout.JAVA_BYTE, 499)).isEqualTo((byte) 7);
            assertThat(channel.tryReceive(into)).isEqualTo(-1);
            try (Loan loan = Loan.take(client, 5000)) {
                loan.segment().set(ValueLayout.JAVA_LONG, 800, 9);
                channel.send(loan, 808);
            }
            try (Loan loan = channel.receiveLoan()) {
                assertThat(loan.segment().byteSize()).isEqualTo(808);
                assertThat(loan.segment().get(ValueLayout.JAVA_LONG, 800)).isEqualTo(9);
            }
            channel.send(bytes(3, 3), 5, BRIEF);
            try (Loan small = channel.receiveLoan()) {
                assertThat(small.segment().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(bytes(3, 3));
                assertThat(small.flags()).isEqualTo(5);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 3000})
    void aSenderFarAheadIsHeldUpUntilReceiversHaveCaughtUp(int size) throws Exception {
        long limit = 64 << 10;
        Channel mine = Channel.create(client, 0, 64, false, Role.USER, limit);
        Channel theirs = Channel.bind(other, mine.handle(), Role.USER);
        int fits = (int) limit / Math.max(64, size);
        AtomicInteger sent = new AtomicInteger();
        Thread sender = Thread.ofPlatform().start(() -> {
            for (int i = 0; i < 20 * fits; i++) {
                mine.send(bytes(size, i));
                sent.incrementAndGet();
            }
        });
        for (int i = 0; i < 20 * fits; i++) {
            assertThat(theirs.receive()).isEqualTo(bytes(size, i));
            assertThat(sent.get() - i).isLessThanOrEqualTo(fits + 1 + (size < 64 ? 64 : 0));
        }
        sender.join();
        assertThat(theirs.tryReceive()).isNull();
    }

    @Test
    void aSenderThatIsHeldUpHearsThatTheChannelWasClosed() throws Exception {
        Channel mine = Channel.create(client, 0, 64, false, Role.USER, 1000);
        Channel theirs = Channel.bind(other, mine.handle(), Role.USER);
        FutureTask<Throwable> sender = new FutureTask<>(() -> catchThrowable(() -> mine.send(new byte[2000])));
        Thread.ofPlatform().start(sender);
        assertThat(theirs.poll(CrashScenario.SOON)).isTrue();
        theirs.shut();
        assertThat(sender.get()).isInstanceOf(ChannelClosedException.class);
        assertThat(theirs.receive()).hasSize(2000);
        mine.close();
    }

    @Test
    void moreLoansThanOneRecordHasPlacesFor() {
        Channel channel = Channel.create(client);
        Loan[] loans = new Loan[9];
        for (int i = 0; i < loans.length; i++) {
            loans[i] = Loan.take(client, 200);
            loans[i].segment().set(ValueLayout.JAVA_INT, 0, i);
        }
        for (Loan each : loans) {
            channel.send(each, 200);
        }
        for (int i = 0; i < loans.length; i++) {
            loans[i] = channel.receiveLoan();
            assertThat(loans[i].segment().get(ValueLayout.JAVA_INT, 0)).isEqualTo(i);
        }
        for (Loan each : loans) {
            each.close();
        }
        assertThatThrownBy(() -> loans[0].segment()).isInstanceOf(DragonException.class);
    }

    @Test
    void aMessageThatDoesNotFitIsInTheException() {
        Channel channel = Channel.create(client);
        MemorySegment small = MemorySegment.ofArray(new byte[4]);
        for (int size : new int[] {5, 500}) {
            channel.send(bytes(size, 1));
            channel.send(bytes(2, 2));
            assertThatExceptionOfType(MessageTooLargeException.class)
                    .isThrownBy(() -> channel.receive(small))
                    .satisfies(error -> assertThat(error.received().data()).isEqualTo(bytes(size, 1)));
            assertThat(channel.receive(small)).isEqualTo(2);
        }
    }

    @Test
    void aSourceThatCannotBeReadLeavesNoSlotBehind() {
        Channel channel = Channel.create(client);
        MemorySegment small;
        MemorySegment large;
        try (Arena arena = Arena.ofConfined()) {
            small = arena.allocate(16);
            large = arena.allocate(1600);
        }
        assertThatThrownBy(() -> channel.send(small)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> channel.send(large)).isInstanceOf(IllegalStateException.class);
        channel.sendLong(5);
        assertThat(channel.receiveLong()).isEqualTo(5);
    }

    @Test
    void aBoundedChannelIsFullAndThenHasRoom() {
        Channel channel = Channel.create(client, 2, 64, false, Role.USER);
        assertThat(channel.trySend(bytes(1, 1))).isTrue();
        assertThat(channel.trySend(bytes(500, 1))).isTrue();
        assertThat(channel.trySend(bytes(1, 1))).isFalse();
        assertThat(channel.trySend(bytes(500, 1))).isFalse();
        assertThatThrownBy(() -> channel.send(bytes(500, 1), 0, BRIEF))
                .isInstanceOf(TimeLimitException.class)
                .hasMessageContaining("room in Channel");
        channel.receive();
        assertThat(channel.trySend(bytes(500, 2))).isTrue();
        assertThat(channel.receive()).hasSize(500);
        assertThat(channel.receive()).isEqualTo(bytes(500, 2));
    }

    @Test
    void growsAndShrinksNothingAway() {
        Channel channel = Channel.create(client, 0, 48, false, Role.USER);
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 5000; i++) {
                channel.sendLong(i);
            }
            assertThat(channel.size()).isEqualTo(5000);
            for (int i = 0; i < 5000; i++) {
                assertThat(channel.receiveLong()).isEqualTo(i);
            }
        }
    }

    @Test
    void limitsPassAndSayWhatWasAwaited() {
        Channel channel = Channel.create(client);
        assertThatThrownBy(() -> channel.receive(BRIEF))
                .isInstanceOf(TimeLimitException.class)
                .hasMessageContaining("message in Channel " + channel.handle());
        assertThat(channel.receiveMessage(Duration.ZERO)).isNull();
        assertThat(channel.poll(BRIEF)).isFalse();
        channel.sendLong(1);
        assertThat(channel.poll(Duration.ZERO)).isTrue();
        assertThat(channel.poll(Duration.ofSeconds(Long.MAX_VALUE))).isTrue();
    }

    @Test
    void theEndComesAfterTheLastMessageWhenTheSendersAreGone() {
        Channel receiver = Channel.create(client, 0, 128, true, Role.RECEIVER);
        Channel first = Channel.bind(client, receiver.handle(), Role.SENDER);
        Channel second = Channel.bind(other, receiver.handle(), Role.SENDER);
        first.sendLong(1);
        second.sendLong(2);
        first.close();
        node.sweeper.serve(Duration.ZERO);
        assertThat(receiver.receiveLong()).isEqualTo(1);
        second.close();
        node.sweeper.serve(Duration.ZERO);
        assertThat(receiver.receiveLong()).isEqualTo(2);
        assertThat(receiver.poll(Duration.ZERO)).isTrue();
        assertThatThrownBy(receiver::receive)
                .isInstanceOf(ChannelClosedException.class)
                .hasMessageContaining("the end of Channel");
    }

    @Test
    void sendersLearnThatNobodyReceives() {
        Channel sender = Channel.create(client, 1, 128, true, Role.SENDER);
        Channel receiver = Channel.bind(other, sender.handle(), Role.RECEIVER);
        sender.sendLong(1);
        TestNode.Running<Boolean> waiting = TestNode.start(() -> {
            assertThatThrownBy(() -> sender.sendLong(2)).isInstanceOf(ChannelClosedException.class);
            return true;
        });
        CrashScenario.awaitParked(client, 1);
        receiver.close();
        node.sweeper.serve(Duration.ZERO);
        assertThat(result(waiting)).isTrue();
    }

    @Test
    void theDeadCountAsGone() {
        Channel receiver = Channel.create(client, 0, 128, true, Role.RECEIVER);
        Channel sender = Channel.bind(other, receiver.handle(), Role.SENDER);
        sender.send(bytes(1000, 4));
        TestNode.Running<Boolean> waiting = TestNode.start(() -> {
            assertThat(receiver.receive()).isEqualTo(bytes(1000, 4));
            assertThatThrownBy(receiver::receive).isInstanceOf(ChannelClosedException.class);
            return true;
        });
        CrashScenario.awaitParked(client, 1);
        node.sweep(other);
        assertThat(result(waiting)).isTrue();
    }

    @Test
    void refusesHandlesOfNothing() {
        Channel channel = Channel.create(client);
        Handle handle = channel.handle();
        node.sweeper.serve(Duration.ZERO);
        assertThatThrownBy(() -> Semaphore.bind(other, handle)).hasMessageContaining("is no SEMAPHORE");
        assertThat(node.sweeper.serve(Duration.ZERO))
                .as("an audit of the channel may have seen the reference")
                .isTrue();
        assertThatThrownBy(() -> Channel.bind(other, new Handle(handle.offset(), 99), Role.USER))
                .isInstanceOf(NoSuchObjectException.class)
                .hasMessageContaining("no longer exists");
        assertThatThrownBy(() -> Channel.bind(other, new Handle(17, 1), Role.USER))
                .isInstanceOf(DragonException.class);
        channel.close();
        node.sweeper.serve(Duration.ZERO);
        assertThatThrownBy(() -> Channel.bind(other, handle, Role.USER)).isInstanceOf(NoSuchObjectException.class);
        assertThat(Leftovers.references(node.memory)).hasSize(1);
    }

    @Test
    void exhaustedMemoryIsAnErrorAndTheRunGoesOn() {
        Channel channel = Channel.create(client);
        assertThatThrownBy(() -> channel.send(MemorySegment.ofArray(new byte[100 << 20])))
                .isInstanceOf(MemoryExhaustedException.class);
        channel.sendLong(3);
        assertThat(channel.receiveLong()).isEqualTo(3);
    }

    @Test
    void readingAnotherKindOfMessageAsLongSaysSo() {
        Channel channel = Channel.create(client);
        channel.send(bytes(9, 9));
        assertThatThrownBy(channel::receiveLong).hasMessageContaining("9 bytes");
        channel.sendLong(1);
        assertThat(Objects.requireNonNull(channel.tryReceive())).hasSize(8);
    }

    @Test
    void manyAtOnceKeepOrderThroughAFullChannelAndLeaveOtherShapesThere() throws Exception {
        Channel channel = Channel.create(client, 5, 64, false, Role.USER);
        Channel theirs = Channel.bind(other, channel.handle(), Role.USER);
        long[] values = LongStream.range(0, 1000).toArray();
        TestNode.Running<Boolean> sender = TestNode.start(() -> {
            channel.sendLongs(values, 0, 1000);
            channel.send(bytes(9, 9));
            channel.sendLongs(values, 7, 1);
            return true;
        });
        long[] into = new long[1004];
        int taken = 0;
        while (taken < 1000) {
            int now = theirs.receiveLongs(into, taken, into.length - taken);
            assertThat(now).isBetween(1, 1000 - taken);
            taken += now;
        }
        assertThat(into).startsWith(values);
        assertThat(theirs.receive()).isEqualTo(bytes(9, 9));
        assertThat(theirs.receiveLongs(into, 3, 1)).isEqualTo(1);
        assertThat(into[3]).isEqualTo(7);
        assertThat(result(sender)).isTrue();
        assertThat(theirs.receiveLongs(into, 0, 0)).isZero();
    }

    @Test
    void manyAtOnceAmongManyThreadsAllArriveOnce() throws Exception {
        int count = 20_000;
        Channel channel = Channel.create(client, 7, 64, false, Role.USER);
        Channel theirs = Channel.bind(other, channel.handle(), Role.USER);
        List<TestNode.Running<Long>> all = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            int batch = 3 + 10 * i;
            all.add(TestNode.start(() -> {
                long[] values = LongStream.range(0, batch).toArray();
                for (int sent = 0; sent < count; sent += batch) {
                    channel.sendLongs(values, 0, Math.min(batch, count - sent));
                }
                return 0L;
            }));
            all.add(TestNode.start(() -> {
                long[] into = new long[batch];
                long sum = 0;
                for (int left = count; left > 0; ) {
                    int taken = theirs.receiveLongs(into, 0, Math.min(batch, left));
                    sum += LongStream.of(into).limit(taken).sum();
                    left -= taken;
                }
                return sum;
            }));
        }
        long sum = 0;
        for (TestNode.Running<Long> each : all) {
            sum += each.result();
        }
        long expected = 0;
        for (int i = 0; i < count; i++) {
            expected += i % 3 + i % 13;
        }
        assertThat(sum).isEqualTo(expected);
    }

    @Test
    void ofManyAtOnceThoseBeforeTheEndArrive() {
        Channel channel = Channel.create(client, 3, 64, false, Role.USER);
        Channel theirs = Channel.bind(other, channel.handle(), Role.USER);
        TestNode.Running<Boolean> closer = TestNode.start(() -> {
            while (theirs.size() < 3) {
                Thread.onSpinWait();
            }
            theirs.shut();
            return true;
        });
        assertThatThrownBy(() -> channel.sendLongs(new long[] {1, 2, 3, 4}, 0, 4))
                .isInstanceOf(ChannelClosedException.class);
        assertThat(result(closer)).isTrue();
        long[] into = new long[4];
        assertThat(theirs.receiveLongs(into, 0, 4)).isEqualTo(3);
        assertThat(into).containsExactly(1, 2, 3, 0);
        assertThatThrownBy(() -> theirs.receiveLongs(into, 0, 4)).isInstanceOf(ChannelClosedException.class);
    }

    private static boolean result(TestNode.Running<Boolean> running) {
        try {
            return running.result();
        } catch (Exception failure) {
            throw new AssertionError(failure);
        }
    }
}
