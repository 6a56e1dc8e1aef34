package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;

import dragon.channel.TestNode.Running;
import dragon.memory.Crash;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** Scenarios in which others sleep on what the victim does, or the victim sleeps itself. */
final class WaitingScenarios {
    private static final Duration BRIEF = Duration.ofNanos(1);

    private WaitingScenarios() {}

    static Stream<Supplier<CrashScenario>> all() {
        return Stream.of(
                WakingReceiver::new,
                WakingSender::new,
                ReleasingLock::new,
                HoldingLock::new,
                ReleasingSemaphore::new,
                SettingEvent::new,
                Notifying::new,
                TimingOut::new,
                TimingOutFirst::new,
                WaitingOnSeveral::new,
                CrowdedQueue::new,
                () -> new ChosenAndKilled("chosen to receive, and killed"),
                ChosenForLock::new,
                SleeperOfCondition::new,
                TakingAnIdleReference::new);
    }

    /** A scenario with sleepers of the survivor. */
    private abstract static class WithSleepers extends CrashScenario {
        final List<Running<?>> sleepers = new ArrayList<>();

        WithSleepers(String name) {
            super(name);
        }

        /** Starts a thread of the survivor and returns when it sleeps. */
        <T> Running<T> sleeper(Callable<T> task) {
            Running<T> running = TestNode.start(task);
            sleepers.add(running);
            awaitParked(survivor, sleepers.size());
            return running;
        }

        static <T> T soon(Running<T> running) throws Exception {
            return running.future().get(SOON.toSeconds(), TimeUnit.SECONDS);
        }

        /** Whether a thread ends without further help. */
        static boolean endsIf(boolean condition, Running<?> running) throws Exception {
            if (condition) {
                soon(running);
            }
            return condition;
        }
    }

    private static final class WakingReceiver extends WithSleepers {
        private Channel mine;
        private Channel theirs;
        private Running<Long> first;
        private Running<Long> second;

        WakingReceiver() {
            super("send while two wait to receive");
        }

        @Override
        void prepare() {
            mine = keep(Channel.create(survivor));
            theirs = Channel.bind(victim, mine.handle(), Role.USER);
            first = sleeper(mine::receiveLong);
            second = sleeper(mine::receiveLong);
        }

        @Override
        void act() {
            theirs.sendLong(1);
            theirs.sendLong(2);
        }

        @Override
        void verify(boolean killed) throws Exception {
            mine.sendLong(3);
            mine.sendLong(4);
            assertThat(soon(first) + soon(second)).isBetween(3L, 7L);
            while (mine.size() > 0) {
                mine.receiveLong();
            }
        }
    }

    private static final class WakingSender extends WithSleepers {
        private Channel mine;
        private Channel theirs;
        private Running<Boolean> waiting;

        WakingSender() {
            super("receive while one waits to send");
        }

        @Override
        void prepare() {
            mine = keep(Channel.create(survivor, 2, 128, false, Role.USER));
            theirs = Channel.bind(victim, mine.handle(), Role.USER);
            mine.sendLong(1);
            mine.sendLong(2);
            waiting = sleeper(() -> {
                mine.sendLong(3);
                return true;
            });
        }

        @Override
        void act() {
            assertThat(theirs.receiveLong()).isEqualTo(1);
        }

        @Override
        void verify(boolean killed) throws Exception {
            if (!endsIf(mine.size() < 2, waiting)) {
                List<Long> got = new ArrayList<>();
                while (got.isEmpty() || got.getLast() != 3) {
                    got.add(mine.receiveLong());
                }
                soon(waiting);
            }
        }
    }

    private static final class ReleasingLock extends WithSleepers {
        private Lock mine;
        private Lock theirs;
        private Running<Lock.Outcome> waiting;

        ReleasingLock() {
            super("acquire and release a lock while one waits");
        }

        @Override
        void prepare() {
            mine = keep(Lock.create(survivor, true));
            theirs = Lock.bind(victim, mine.handle(), true);
            theirs.acquire();
            waiting = sleeper(mine::acquire);
        }

        @Override
        void act() {
            theirs.acquire();
            theirs.release();
            theirs.release();
        }

        @Override
        void verify(boolean killed) throws Exception {
            Lock.Outcome outcome = soon(waiting);
            assertThat(outcome).isNotEqualTo(Lock.Outcome.TIMED_OUT);
            assertThat(killed || outcome == Lock.Outcome.ACQUIRED).isTrue();
            assertThat(mine.acquire(Duration.ZERO)).isEqualTo(Lock.Outcome.TIMED_OUT);
        }
    }

    private static final class HoldingLock extends CrashScenario {
        private Lock mine;
        private Lock theirs;

        HoldingLock() {
            super("acquire a free lock");
        }

        @Override
        void prepare() {
            mine = keep(Lock.create(survivor, false));
            theirs = Lock.bind(victim, mine.handle(), false);
        }

        @Override
        void act() {
            theirs.acquire();
        }

        @Override
        void verify(boolean killed) {
            Lock.Outcome outcome = mine.acquire(Duration.ZERO);
            assertThat(outcome).isNotEqualTo(Lock.Outcome.TIMED_OUT);
            assertThat(killed || outcome == Lock.Outcome.OWNER_DIED).isTrue();
            mine.release();
            assertThat(mine.acquire()).isEqualTo(Lock.Outcome.ACQUIRED);
        }
    }

    private static final class ReleasingSemaphore extends WithSleepers {
        private Semaphore mine;
        private Semaphore theirs;
        private Running<Boolean> first;
        private Running<Boolean> second;

        ReleasingSemaphore() {
            super("release a semaphore while two wait");
        }

        @Override
        void prepare() {
            mine = keep(Semaphore.create(survivor, 0, Semaphore.UNBOUNDED));
            theirs = Semaphore.bind(victim, mine.handle());
            first = sleeper(() -> mine.tryAcquire(SOON));
            second = sleeper(() -> mine.tryAcquire(SOON));
        }

        @Override
        void act() {
            theirs.release(2);
        }

        @Override
        void verify(boolean killed) throws Exception {
            boolean released = mine.value() > 0
                    || first.future().isDone()
                    || second.future().isDone();
            if (!released) {
                // What the victim gave may have been taken already by sleepers that are not done yet; two more do no
                // harm.
                mine.release(2);
            }
            assertThat(soon(first)).isTrue();
            assertThat(soon(second)).isTrue();
        }
    }

    private static final class SettingEvent extends WithSleepers {
        private Event mine;
        private Event theirs;

        SettingEvent() {
            super("set an event while three wait");
        }

        @Override
        void prepare() {
            mine = keep(Event.create(survivor));
            theirs = Event.bind(victim, mine.handle());
            for (int i = 0; i < 3; i++) {
                sleeper(() -> mine.await(SOON));
            }
        }

        @Override
        void act() {
            theirs.set(5);
        }

        @Override
        void verify(boolean killed) throws Exception {
            if (!mine.isSet()) {
                mine.set(6);
            }
            for (Running<?> each : sleepers) {
                assertThat(soon(each)).isEqualTo(true);
            }
        }
    }

    private static final class Notifying extends WithSleepers {
        private Lock lock;
        private Condition mine;
        private Condition theirs;
        private Running<Boolean> waiting;

        Notifying() {
            super("signal a condition");
        }

        @Override
        void prepare() {
            lock = keep(Lock.create(survivor, false));
            mine = keep(Condition.create(survivor));
            theirs = Condition.bind(victim, mine.handle());
            waiting = sleeper(() -> {
                lock.acquire();
                boolean notified = mine.await(lock, SOON);
                lock.release();
                return notified;
            });
            lock.acquire(); // given up only when the sleeper can be found
            lock.release();
        }

        @Override
        void act() {
            theirs.signal(1);
        }

        @Override
        void verify(boolean killed) throws Exception {
            mine.signalAll();
            assertThat(soon(waiting)).isTrue();
            assertThat(lock.isLocked()).isFalse();
        }
    }

    private static final class TimingOut extends WithSleepers {
        private Channel mine;
        private Channel theirs;
        private Running<Long> waiting;

        TimingOut() {
            super("wait behind another until the limit, twice");
        }

        @Override
        void prepare() {
            mine = keep(Channel.create(survivor));
            theirs = Channel.bind(victim, mine.handle(), Role.USER);
            waiting = sleeper(mine::receiveLong);
            victim.record().luck(9); // no spinning: its steps would be many
        }

        @Override
        void act() {
            assertThat(theirs.receiveMessage(BRIEF)).isNull();
            assertThat(theirs.receiveMessage(BRIEF)).isNull();
        }

        @Override
        void verify(boolean killed) throws Exception {
            mine.sendLong(1);
            assertThat(soon(waiting)).isEqualTo(1);
        }
    }

    private static final class TimingOutFirst extends WithSleepers {
        private Channel mine;
        private Channel theirs;
        private Channel other;
        private Running<Long> waiting;

        TimingOutFirst() {
            super("leave stale references before and behind a sleeper");
        }

        @Override
        void prepare() {
            mine = keep(Channel.create(survivor));
            theirs = Channel.bind(victim, mine.handle(), Role.USER);
            other = Channel.create(victim);
            victim.record().luck(9);
            alternate();
            waiting = sleeper(mine::receiveLong);
            alternate();
            alternate();
        }

        private void alternate() {
            victim.record().luck(9);
            assertThat(theirs.receiveMessage(BRIEF)).isNull();
            assertThat(other.receiveMessage(BRIEF)).isNull();
        }

        @Override
        void act() {
            alternate();
            alternate();
        }

        @Override
        void verify(boolean killed) throws Exception {
            mine.sendLong(1);
            assertThat(soon(waiting)).isEqualTo(1);
        }
    }

    private static final class WaitingOnSeveral extends WithSleepers {
        private Channel mine;
        private Event event;
        private Channel theirs;
        private Event theirEvent;
        private Running<Long> waiting;
        private Running<Boolean> waitingForEvent;

        WaitingOnSeveral() {
            super("wait on several beside sleepers");
        }

        @Override
        void prepare() {
            mine = keep(Channel.create(survivor));
            event = keep(Event.create(survivor));
            theirs = Channel.bind(victim, mine.handle(), Role.USER);
            theirEvent = Event.bind(victim, event.handle());
            waiting = sleeper(mine::receiveLong);
            waitingForEvent = sleeper(() -> event.await(SOON));
            victim.record().luck(9);
        }

        @Override
        void act() {
            assertThat(AnyOf.await(List.of(theirs, theirEvent), BRIEF)).isEmpty();
            victim.record().luck(9);
            assertThat(AnyOf.await(List.of(theirs, theirEvent), BRIEF)).isEmpty();
        }

        @Override
        void verify(boolean killed) throws Exception {
            mine.sendLong(1);
            assertThat(soon(waiting)).isEqualTo(1);
            event.set(1);
            assertThat(soon(waitingForEvent)).isTrue();
        }
    }

    private static final class CrowdedQueue extends WithSleepers {
        private Channel mine;
        private Channel theirs;

        CrowdedQueue() {
            super("wait as the fifth, in a queue that grows");
        }

        @Override
        void prepare() {
            mine = keep(Channel.create(survivor));
            theirs = Channel.bind(victim, mine.handle(), Role.USER);
            for (int i = 0; i < 4; i++) {
                sleeper(mine::receiveLong);
            }
            victim.record().luck(9);
        }

        @Override
        void act() {
            assertThat(theirs.receiveMessage(BRIEF)).isNull();
        }

        @Override
        void verify(boolean killed) throws Exception {
            sleeper(mine::receiveLong);
            for (int i = 0; i < 5; i++) {
                mine.sendLong(1);
            }
            for (Running<?> each : sleepers) {
                assertThat(soon(each)).isEqualTo(1L);
            }
        }
    }

    /** The victim sleeps in a thread of its own, is chosen, and is killed at some step, while another sleeps behind it. */
    private static class ChosenAndKilled extends WithSleepers {
        private Channel mine;
        private Channel theirs;
        private Running<Long> waiting;

        ChosenAndKilled(String name) {
            super(name);
        }

        @Override
        void prepare() {
            mine = keep(Channel.create(survivor));
            theirs = Channel.bind(victim, mine.handle(), Role.USER);
            victim.record().luck(9);
        }

        @Override
        void act() throws Exception {
            Running<Boolean> helper = TestNode.start(() -> {
                victimParkedOrDone();
                waiting = sleeper(mine::receiveLong);
                mine.sendLong(1);
                return true;
            });
            try {
                assertThat(theirs.receiveLong()).isEqualTo(1);
            } finally {
                done = true;
                soon(helper);
            }
        }

        private volatile boolean done;

        private void victimParkedOrDone() {
            while (!done) {
                int word = dragon.memory.Raw.getIntAcquire(node.memory.record(victim.number(), 0));
                if (dragon.memory.ThreadRecord.state(word) == dragon.memory.ThreadRecord.PARKED) {
                    return;
                }
                Thread.yield();
            }
        }

        @Override
        void verify(boolean killed) throws Exception {
            boolean left = mine.size() > 0 || waiting.future().isDone();
            if (!left) {
                mine.sendLong(2);
            }
            assertThat(soon(waiting)).isBetween(1L, 2L);
        }
    }

    private static final class ChosenForLock extends WithSleepers {
        private Lock mine;
        private Lock theirs;
        private Running<Lock.Outcome> waiting;
        private volatile boolean done;

        ChosenForLock() {
            super("chosen for a lock, and killed");
        }

        @Override
        void prepare() {
            mine = keep(Lock.create(survivor, false));
            theirs = Lock.bind(victim, mine.handle(), false);
            mine.acquire();
            victim.record().luck(9);
        }

        @Override
        void act() throws Exception {
            Running<Boolean> helper = TestNode.start(() -> {
                while (!done && !parked()) {
                    Thread.yield();
                }
                waiting = sleeper(mine::acquire);
                mine.release();
                return true;
            });
            try {
                theirs.acquire();
            } finally {
                done = true;
                soon(helper);
            }
        }

        private boolean parked() {
            int word = dragon.memory.Raw.getIntAcquire(node.memory.record(victim.number(), 0));
            return dragon.memory.ThreadRecord.state(word) == dragon.memory.ThreadRecord.PARKED;
        }

        @Override
        void verify(boolean killed) throws Exception {
            assertThat(soon(waiting)).isNotEqualTo(Lock.Outcome.TIMED_OUT);
        }
    }

    private static final class SleeperOfCondition extends WithSleepers {
        private Lock lock;
        private Condition mine;
        private Lock theirLock;
        private Condition theirs;
        private Running<Boolean> waiting;

        SleeperOfCondition() {
            super("wait on a condition until the limit");
        }

        @Override
        void prepare() {
            lock = keep(Lock.create(survivor, true));
            mine = keep(Condition.create(survivor));
            theirLock = Lock.bind(victim, lock.handle(), true);
            theirs = Condition.bind(victim, mine.handle());
            waiting = sleeper(() -> {
                lock.acquire();
                boolean notified = mine.await(lock, SOON);
                lock.release();
                return notified;
            });
            theirLock.acquire();
            theirLock.acquire();
        }

        @Override
        void act() {
            assertThat(theirs.await(theirLock, BRIEF)).isFalse();
            assertThat(theirLock.count()).isEqualTo(2);
            theirLock.release();
            theirLock.release();
            if (!Crash.ON) {
                throw new AssertionError();
            }
        }

        @Override
        void verify(boolean killed) throws Exception {
            assertThat(lock.acquire(SOON)).isNotEqualTo(Lock.Outcome.TIMED_OUT);
            mine.signalAll();
            lock.release();
            assertThat(soon(waiting)).isTrue();
        }
    }

    /** A thread left its reference in the queue at its limit; the victim takes it out as it wakes whoever waits, and is killed with it in hand. */
    private static final class TakingAnIdleReference extends WithSleepers {
        private final CountDownLatch expired = new CountDownLatch(1);
        private final CountDownLatch swept = new CountDownLatch(1);
        private Channel mine;
        private Channel theirs;
        private Running<Long> waiting;

        TakingAnIdleReference() {
            super("take the reference of one who does not wait");
        }

        @Override
        void prepare() throws Exception {
            mine = keep(Channel.create(survivor));
            theirs = Channel.bind(victim, mine.handle(), Role.USER);
            waiting = TestNode.start(() -> {
                mine.client().record().luck(9);
                assertThat(mine.receiveMessage(BRIEF)).isNull();
                expired.countDown();
                swept.await();
                while (mine.tryReceive() != null) {
                    // what the victim sent
                }
                mine.client().record().luck(9);
                return mine.receiveLong();
            });
            expired.await();
        }

        @Override
        void act() {
            theirs.sendLong(1);
        }

        @Override
        void verify(boolean killed) throws Exception {
            swept.countDown();
            awaitParked(survivor, 1);
            mine.sendLong(9);
            assertThat(soon(waiting)).isEqualTo(9);
        }
    }
}
