package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;

import dragon.memory.Client;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Kills JVMs at random moments while they work on two channels and a lock, and looks whether the survivors go on and what is lost. */
class KilledProcessTest {
    private static final int KILLS = Integer.getInteger("dragon.kills", 8);
    private static final Duration SOON = Duration.ofSeconds(20);

    /** Passes messages on from one channel to another, and counts under a lock. */
    static final class Worker implements ChildProcess.Program {
        @Override
        public void run(Client client, String[] arguments) {
            List<Handle> handles = new ArrayList<>();
            for (String each : arguments) {
                String[] parts = each.split(":", -1);
                handles.add(new Handle(Long.parseLong(parts[0]), Long.parseLong(parts[1])));
            }
            Channel from = Channel.bind(client, handles.get(0), Role.USER);
            Channel to = Channel.bind(client, handles.get(1), Role.USER);
            Lock lock = Lock.bind(client, handles.get(2), false);
            Area area = Area.bind(client, handles.get(3));
            try {
                while (true) {
                    to.send(from.receive());
                    lock.acquire();
                    long count = area.segment().get(ValueLayout.JAVA_LONG, 0);
                    area.segment().set(ValueLayout.JAVA_LONG, 0, count + 1);
                    lock.release();
                }
            } catch (ChannelClosedException end) {
                // the parent has had enough
            }
        }
    }

    private final Random random;
    private final TestNode node = new TestNode();
    private final Client me = node.client();
    private final Channel work = Channel.create(me, 16, 128, false, Role.USER);
    private final Channel done = Channel.create(me);
    private final Lock lock = Lock.create(me, false);
    private final Area area = Area.create(me, 8);
    private final BitSet seen = new BitSet();
    private volatile int sent;

    KilledProcessTest() {
        long seed = System.nanoTime();
        System.out.println("KilledProcessTest seed " + seed);
        random = new Random(seed);
    }

    private static String text(SharedObject object) {
        return object.offset() + ":" + object.id();
    }

    private ChildProcess worker() throws Exception {
        return ChildProcess.start(node, Worker.class, text(work), text(done), text(lock), text(area));
    }

    @Test
    void survivorsGoOnAndOnlyWhatWasInDeadHandsIsLost() throws Exception {
        Thread feeder = Thread.ofPlatform().daemon().start(this::feed);
        List<ChildProcess> children = new ArrayList<>(List.of(worker(), worker()));
        try {
            for (int kill = 0; kill < KILLS; kill++) {
                receive(300);
                long moment = System.nanoTime() + random.nextInt(2_000_000);
                while (System.nanoTime() < moment) {
                    receive(1);
                }
                ChildProcess victim = children.remove(random.nextInt(children.size()));
                victim.kill();
                node.sweeper.sweep(victim.client);
                assertThat(lock.acquire(SOON)).isNotEqualTo(Lock.Outcome.TIMED_OUT);
                lock.release();
                receive(20);
                children.add(worker());
            }
            stopFeeding(feeder);
            for (ChildProcess each : children) {
                assertThat(each.waitFor()).isZero();
                node.sweeper.sweep(each.client);
            }
        } finally {
            for (ChildProcess each : children) {
                each.kill();
            }
        }
        while (done.size() > 0) {
            receive(1);
        }
        assertThat(sent - seen.cardinality()).as("lost").isBetween(0, 2 * KILLS);
        assertThat(area.segment().get(ValueLayout.JAVA_LONG, 0))
                .isBetween((long) seen.cardinality() - 2L * KILLS, (long) sent);
        node.sweeper.sweep(me.number());
        assertThat(Leftovers.blocks(node.memory)).isEmpty();
        Leftovers.assertHintsComplete(node.memory);
        node.close();
    }

    private volatile boolean enough;

    private void feed() {
        Random sizes = new Random(1);
        for (int number = 0; !enough; number++) {
            byte[] message = new byte[sizes.nextInt(4) == 0 ? 3000 : 8];
            ByteBuffer.wrap(message).putInt(number);
            work.send(message);
            sent = number + 1;
        }
    }

    /** Workers may sleep in a full or empty channel: what is left is theirs, then comes the end. */
    private void stopFeeding(Thread feeder) throws InterruptedException {
        enough = true;
        while (feeder.isAlive()) {
            receive(1);
        }
        work.shut();
    }

    private void receive(int messages) {
        for (int i = 0; i < messages; i++) {
            int number = ByteBuffer.wrap(done.receive(SOON)).getInt();
            assertThat(seen.get(number)).as("message " + number + " came twice").isFalse();
            seen.set(number);
        }
    }
}
