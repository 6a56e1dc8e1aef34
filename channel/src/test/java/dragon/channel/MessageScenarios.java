package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;

import dragon.memory.Crash;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** Scenarios in which nobody waits: messages, blocks, rings, creation, references. */
final class MessageScenarios {
    private static final String LARGE = "large ".repeat(100);

    private MessageScenarios() {}

    static Stream<Supplier<CrashScenario>> all() {
        return Stream.of(
                () -> new Sending("send inline", 0, 0, "small"),
                () -> new Sending("send a block", 0, 0, LARGE),
                () -> new Sending("send inline, bounded", 4, 0, "small"),
                () -> new Sending("send a block, bounded", 4, 3, LARGE),
                () -> new Sending("send into the last of one", 1, 0, "small"),
                () -> new Sending("send inline and grow", 0, 64, "small"),
                () -> new Sending("send a block and grow", 0, 64, LARGE),
                () -> new Receiving("receive inline", 0, 3, "small"),
                () -> new Receiving("receive a block", 0, 3, LARGE),
                () -> new Receiving("receive a block, bounded", 3, 3, LARGE),
                () -> new Receiving("receive over a grown ring", 0, 66, "small"),
                () -> new SendingMany("send three together", 0, 0),
                () -> new SendingMany("send three together and grow", 0, 62),
                () -> new SendingMany("send the last three together", 4, 1),
                () -> new ReceivingMany("receive three together", 0, 0),
                () -> new ReceivingMany("receive three together over a grown ring", 0, 62),
                () -> new ReceivingMany("receive three together, bounded", 3, 0),
                LoanSending::new,
                LoanReceiving::new,
                Creating::new,
                Binding::new,
                Closing::new,
                Pinning::new,
                SendingNoMore::new,
                ManyReferences::new,
                Shutting::new);
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static List<String> drain(Channel channel) {
        List<String> all = new ArrayList<>();
        for (byte[] each = channel.tryReceive(); each != null; each = channel.tryReceive()) {
            all.add(new String(each, StandardCharsets.UTF_8));
        }
        return all;
    }

    private static final class Sending extends CrashScenario {
        private final int capacity;
        private final int before;
        private final String text;
        private Channel mine;
        private Channel theirs;

        Sending(String name, int capacity, int before, String text) {
            super(name);
            this.capacity = capacity;
            this.before = before;
            this.text = text;
        }

        @Override
        void prepare() {
            mine = keep(Channel.create(survivor, capacity, 128, false, Role.USER));
            theirs = Channel.bind(victim, mine.handle(), Role.USER);
            for (int i = 0; i < before; i++) {
                mine.send(bytes("before " + i));
            }
        }

        @Override
        void act() {
            theirs.send(bytes(text));
        }

        @Override
        void verify(boolean killed) {
            int after = capacity == 0 ? 200 : capacity - before - 1;
            for (int i = 0; i < after; i++) {
                assertThat(mine.trySend(bytes("after " + i))).isTrue();
            }
            List<String> all = drain(mine);
            int sent = all.size() - before - after;
            assertThat(sent).isBetween(killed ? 0 : 1, 1);
            for (int i = 0; i < all.size(); i++) {
                String wanted = i < before ? "before " + i : i < before + sent ? text : "after " + (i - before - sent);
                assertThat(all.get(i)).isEqualTo(wanted);
            }
            for (int i = 0; i < capacity; i++) {
                assertThat(mine.trySend(bytes("full " + i))).isTrue();
            }
            assertThat(capacity != 0 && mine.trySend(bytes("too much"))).isFalse();
        }
    }

    private static List<Long> drainLongs(Channel channel) {
        return drainLongs(channel, Integer.MAX_VALUE);
    }

    private static List<Long> drainLongs(Channel channel, int most) {
        List<Long> all = new ArrayList<>();
        while (all.size() < most && channel.poll(Duration.ZERO)) {
            all.add(channel.receiveLong());
        }
        return all;
    }

    private static final class SendingMany extends CrashScenario {
        private final int capacity;
        private final int before;
        private Channel mine;
        private Channel theirs;

        SendingMany(String name, int capacity, int before) {
            super(name);
            this.capacity = capacity;
            this.before = before;
        }

        @Override
        void prepare() {
            mine = keep(Channel.create(survivor, capacity, 128, false, Role.USER));
            theirs = Channel.bind(victim, mine.handle(), Role.USER);
            mine.sendLongs(new long[before], 0, before);
        }

        @Override
        void act() {
            theirs.sendLongs(new long[] {0, 1, 2, 3, 0}, 1, 3);
        }

        @Override
        void verify(boolean killed) {
            List<Long> all = drainLongs(mine);
            List<Long> sent = all.subList(before, all.size());
            assertThat(sent).isEqualTo(List.of(1L, 2L, 3L).subList(0, sent.size()));
            assertThat(sent).hasSizeBetween(killed ? 0 : 3, 3);
            int room = capacity == 0 ? 200 : capacity;
            mine.sendLongs(new long[room], 0, room);
            assertThat(capacity != 0 && mine.trySend(bytes("too much"))).isFalse();
            assertThat(drainLongs(mine)).hasSize(room);
        }
    }

    private static final class ReceivingMany extends CrashScenario {
        private final int capacity;
        private final int before;
        private final long[] into = new long[3];
        private Channel mine;
        private Channel theirs;

        ReceivingMany(String name, int capacity, int before) {
            super(name);
            this.capacity = capacity;
            this.before = before;
        }

        @Override
        void prepare() {
            mine = keep(Channel.create(survivor, capacity, 128, false, Role.USER));
            theirs = Channel.bind(victim, mine.handle(), Role.USER);
            mine.sendLongs(new long[before], 0, before);
            mine.sendLongs(new long[] {1, 2, 3}, 0, 3);
            assertThat(drainLongs(mine, before)).hasSize(before);
        }

        @Override
        void act() {
            assertThat(theirs.receiveLongs(into, 0, 3)).isEqualTo(3);
        }

        @Override
        void verify(boolean killed) {
            List<Long> left = drainLongs(mine);
            assertThat(left).isEqualTo(List.of(1L, 2L, 3L).subList(3 - left.size(), 3));
            assertThat(left).hasSizeBetween(0, killed ? 3 : 0);
            int room = capacity == 0 ? 200 : capacity;
            mine.sendLongs(new long[room], 0, room);
            assertThat(capacity != 0 && mine.trySend(bytes("too much"))).isFalse();
        }
    }

    private static final class Receiving extends CrashScenario {
        private final int capacity;
        private final int count;
        private final String text;
        private Channel mine;
        private Channel theirs;
        private int received;

        Receiving(String name, int capacity, int count, String text) {
            super(name);
            this.capacity = capacity;
            this.count = count;
            this.text = text;
        }

        @Override
        void prepare() {
            mine = keep(Channel.create(survivor, capacity, 128, false, Role.USER));
            theirs = Channel.bind(victim, mine.handle(), Role.USER);
            for (int i = 0; i < count; i++) {
                mine.send(bytes(i + text));
            }
            for (int i = 0; i < count - 2; i++) {
                assertThat(mine.receive()).asString().isEqualTo(i + text);
            }
        }

        @Override
        void act() {
            assertThat(theirs.receive()).asString().isEqualTo(count - 2 + text);
            received++;
        }

        @Override
        void verify(boolean killed) {
            List<String> all = drain(mine);
            assertThat(all).last().isEqualTo(count - 1 + text);
            assertThat(all.size()).isBetween(1, 2 - received);
            for (int i = 0; i < (capacity == 0 ? 200 : capacity); i++) {
                assertThat(mine.trySend(bytes("after " + i))).isTrue();
                assertThat(mine.receive()).asString().isEqualTo("after " + i);
            }
        }
    }

    private static final class LoanSending extends CrashScenario {
        private Channel mine;
        private Channel theirs;

        LoanSending() {
            super("send a loan");
        }

        @Override
        void prepare() {
            mine = keep(Channel.create(survivor));
            theirs = Channel.bind(victim, mine.handle(), Role.USER);
        }

        @Override
        void act() {
            Loan loan = Loan.take(victim, 1000);
            loan.segment().set(ValueLayout.JAVA_LONG, 0, 17);
            theirs.send(loan, 1000);
        }

        @Override
        void verify(boolean killed) {
            byte[] found = mine.tryReceive();
            assertThat(found == null || found.length == 1000 && found[0] == 17).isTrue();
            assertThat(killed || found != null).isTrue();
        }
    }

    private static final class LoanReceiving extends CrashScenario {
        private Channel mine;
        private Channel theirs;

        LoanReceiving() {
            super("receive a loan and send it on");
        }

        @Override
        void prepare() {
            mine = keep(Channel.create(survivor));
            theirs = Channel.bind(victim, mine.handle(), Role.USER);
            mine.send(bytes(LARGE));
            mine.send(bytes("second"));
        }

        @Override
        void act() {
            Loan loan = theirs.receiveLoan();
            assertThat(loan.segment().byteSize()).isEqualTo(600);
            theirs.send(loan, 600);
        }

        @Override
        void verify(boolean killed) {
            List<String> all = drain(mine);
            assertThat(all).contains("second").hasSizeBetween(1, 2);
            assertThat(all.stream().filter(LARGE::equals).count()).isEqualTo(all.size() - 1L);
        }
    }

    private static final class Creating extends CrashScenario {
        private long channel;

        Creating() {
            super("create objects");
        }

        @Override
        void prepare() {
            Channel used = Channel.create(survivor, 8, 128, false, Role.USER);
            channel = used.offset();
            used.send(bytes("dirt"));
            used.close();
            node.sweeper.serve(Duration.ZERO);
        }

        @Override
        void act() {
            Channel again = Channel.create(victim, 8, 128, false, Role.USER);
            assertThat(again.offset()).isEqualTo(channel);
            assertThat(again.tryReceive()).isNull();
            Semaphore.create(victim, 1, 1);
            Area.create(victim, 1000);
        }

        @Override
        void verify(boolean killed) {
            Channel again = keep(Channel.create(survivor, 8, 128, false, Role.USER));
            again.send(bytes("clean"));
            assertThat(again.receive()).asString().isEqualTo("clean");
        }
    }

    private static final class Binding extends CrashScenario {
        private Channel mine;

        Binding() {
            super("bind, send, let go");
        }

        @Override
        void prepare() {
            mine = keep(Channel.create(survivor));
        }

        @Override
        void act() {
            try (Channel theirs = Channel.bind(victim, mine.handle(), Role.SENDER)) {
                theirs.sendLong(3);
            }
        }

        @Override
        void verify(boolean killed) {
            mine.sendLong(4);
            long first = mine.receiveLong();
            assertThat(first == 3 ? mine.receiveLong() : first).isEqualTo(4);
        }
    }

    private static final class Closing extends CrashScenario {
        private Channel theirs;
        private Handle handle;

        Closing() {
            super("let go of the last reference");
        }

        @Override
        void prepare() {
            theirs = Channel.create(victim);
            theirs.send(bytes(LARGE));
            for (int i = 0; i < 100; i++) {
                theirs.sendLong(i);
            }
            handle = theirs.handle();
        }

        @Override
        void act() {
            theirs.close();
        }

        @Override
        void verify(boolean killed) {
            org.assertj.core.api.Assertions.assertThatThrownBy(() -> Channel.bind(survivor, handle, Role.USER))
                    .isInstanceOf(NoSuchObjectException.class);
        }
    }

    private static final class Pinning extends CrashScenario {
        private Channel theirs;
        private Channel carrier;
        private long token;
        private boolean carried;

        Pinning() {
            super("pin a handle, give it to a channel, let go, and die");
        }

        @Override
        void prepare() {
            theirs = Channel.create(victim);
            carrier = Channel.create(survivor);
            Channel.bind(victim, carrier.handle(), Role.USER);
        }

        @Override
        void act() {
            token = Mailbox.of(victim).pin(theirs.handle(), Role.SENDER);
            Mailbox.of(victim).carry(carrier.handle(), token);
            carried = true;
            theirs.close();
        }

        @Override
        void verify(boolean killed) {
            if (carried) {
                Channel bound = keep(Channel.bind(survivor, theirs.handle(), Role.SENDER));
                Mailbox.of(survivor).unpin(bound.handle(), Role.SENDER, token);
                bound.sendLong(1);
                assertThat(bound.receiveLong()).isEqualTo(1);
            } // else the pin, if there is one, went with the victim, or goes with the channel
            carrier.close();
            node.sweeper.serve(Duration.ZERO);
            assertThat(node.sweeper.pins()).isZero();
        }
    }

    private static final class SendingNoMore extends CrashScenario {
        private Channel receiver;
        private Channel other;
        private Channel theirs;

        SendingNoMore() {
            super("give an end away, let go, take it, let go; another sends still");
        }

        @Override
        void prepare() {
            receiver = keep(Channel.create(survivor, 0, 128, true, Role.RECEIVER));
            other = keep(Channel.bind(survivor, receiver.handle(), Role.SENDER));
            theirs = Channel.bind(victim, receiver.handle(), Role.SENDER);
        }

        @Override
        void act() {
            long token = Mailbox.of(victim).pin(theirs.handle(), Role.SENDER);
            theirs.close();
            Channel taken = Channel.bind(victim, receiver.handle(), Role.SENDER);
            Mailbox.of(victim).unpin(taken.handle(), Role.SENDER, token);
            taken.close();
        }

        @Override
        void verify(boolean killed) {
            assertThat(receiver.poll(Duration.ZERO)).isFalse();
            other.sendLong(1);
            assertThat(receiver.receiveLong()).isEqualTo(1);
            other.close();
            assertThat(killed || receiver.poll(Duration.ZERO)).isTrue();
            node.sweeper.serve(Duration.ZERO);
            org.assertj.core.api.Assertions.assertThatThrownBy(receiver::receiveLong)
                    .isInstanceOf(ChannelClosedException.class);
        }
    }

    private static final class ManyReferences extends CrashScenario {
        private final List<Handle> handles = new ArrayList<>();

        ManyReferences() {
            super("bind more objects than the entry has room for");
        }

        @Override
        void prepare() {
            for (int i = 0; i < 100; i++) {
                handles.add(
                        keep(Semaphore.create(survivor, i, Semaphore.UNBOUNDED)).handle());
            }
            for (int i = 0; i < 95; i++) {
                Semaphore.bind(victim, handles.get(i));
            }
        }

        @Override
        void act() {
            for (int i = 95; i < 100; i++) {
                assertThat(Semaphore.bind(victim, handles.get(i)).value()).isEqualTo(i);
            }
        }

        @Override
        void verify(boolean killed) {
            assertThat(keep(Semaphore.bind(survivor, handles.get(99))).value()).isEqualTo(99);
        }
    }

    private static final class Shutting extends CrashScenario {
        private Channel mine;
        private Channel theirs;

        Shutting() {
            super("close a channel for all");
        }

        @Override
        void prepare() {
            mine = keep(Channel.create(survivor));
            theirs = Channel.bind(victim, mine.handle(), Role.USER);
            mine.sendLong(1);
        }

        @Override
        void act() {
            theirs.shut();
            if (!Crash.ON) {
                throw new AssertionError("-Ddragon.crash=true is missing");
            }
        }

        @Override
        void verify(boolean killed) {
            mine.shut();
            assertThat(mine.receiveLong()).isEqualTo(1);
            org.assertj.core.api.Assertions.assertThatThrownBy(mine::receiveLong)
                    .isInstanceOf(ChannelClosedException.class);
            org.assertj.core.api.Assertions.assertThatThrownBy(() -> mine.sendLong(1))
                    .isInstanceOf(ChannelClosedException.class);
        }
    }
}
