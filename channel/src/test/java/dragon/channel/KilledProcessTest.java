package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;

import dragon.memory.Client;
import dragon.memory.References;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kills processes with SIGKILL at random moments while they work on two channels and a lock, beside a thread of this JVM that does the same, and looks
 * whether the survivors go on and what is lost. {@code -Ddragon.kills=10000} makes a long run of it.
 */
class KilledProcessTest {
    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Path HOME = Path.of(System.getProperty("dragon.home", "."));

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

    private interface Starter {
        ChildProcess start() throws IOException;
    }

    private final Random random;
    private final TestNode node = new TestNode();
    private final Client me = node.client();
    private final Channel work = Channel.create(me, 16, 128, false, Role.USER);
    private final Channel done = Channel.create(me, 500, 128, false, Role.USER);
    private final Lock lock = Lock.create(me, false);
    private final Area area = Area.create(me, 8);
    private final BitSet seen = new BitSet();
    private final List<String> handles = List.of(text(work), text(done), text(lock), text(area));
    private volatile int sent;
    private volatile boolean enough;

    KilledProcessTest() {
        long seed = System.nanoTime();
        System.out.println("KilledProcessTest seed " + seed);
        random = new Random(seed);
    }

    private static String text(SharedObject object) {
        return object.offset() + ":" + object.id();
    }

    @Test
    @Timeout(300)
    void otherJvms() throws Exception {
        Starter java = () -> ChildProcess.start(node, Worker.class, handles);
        killAndGoOn(List.of(java, java), 6);
    }

    @Test
    @Timeout(300)
    void javaAndCOnOneChannel(@TempDir Path folder) throws Exception {
        String worker = folder.resolve("worker").toString();
        String source = HOME.resolve("channel/src/test/native/worker.c").toString();
        String headers = HOME.resolve("native/include").toString();
        Process compiler = new ProcessBuilder("cc", "-std=gnu11", "-O2", "-I" + headers, "-o", worker, source)
                .inheritIO()
                .start();
        assertThat(compiler.waitFor()).isZero();
        Starter c = () -> ChildProcess.start(node, List.of(worker), handles);
        killAndGoOn(List.of(c, c, c), Integer.getInteger("dragon.kills", 300));
    }

    private void killAndGoOn(List<Starter> starters, int kills) throws Exception {
        Thread feeder = Thread.ofPlatform().daemon().start(this::feed);
        Client beside = node.client();
        TestNode.Running<Boolean> survivor = TestNode.start(() -> {
            new Worker().run(beside, handles.toArray(new String[0]));
            return true;
        });
        List<ChildProcess> children = new ArrayList<>();
        try {
            for (Starter each : starters) {
                children.add(each.start());
            }
            for (int kill = 0; kill < kills; kill++) {
                killOne(children);
                children.add(starters.get(kill % starters.size()).start());
            }
            enough = true;
            receiveWhile(feeder::isAlive);
            work.shut();
            receiveWhile(() -> !survivor.future().isDone() || children.stream().anyMatch(ChildProcess::isAlive));
            for (ChildProcess each : children) {
                assertThat(each.waitFor()).isZero();
                node.sweep(each.client);
            }
            assertThat(survivor.result()).isTrue();
        } finally {
            for (ChildProcess each : children) {
                each.kill();
            }
        }
        audit(kills, beside);
    }

    /** Kills one at a random moment; the others go on at once, also with the lock. */
    private void killOne(List<ChildProcess> children) throws InterruptedException {
        ChildProcess victim = children.remove(random.nextInt(children.size()));
        while (References.high(node.memory, victim.client) < handles.size()) {
            receive(1); // until it is at work, too
        }
        long moment = System.nanoTime() + random.nextInt(2_000_000);
        while (System.nanoTime() < moment) {
            receive(1);
        }
        victim.kill();
        node.sweep(victim.client);
        assertThat(lock.acquire(SOON)).isNotEqualTo(Lock.Outcome.TIMED_OUT);
        lock.release();
    }

    private void feed() {
        Random sizes = new Random(1);
        for (int number = 0; !enough; number = sent) {
            if (sizes.nextInt(8) == 0) {
                int first = number;
                int count = 1 + sizes.nextInt(40);
                long[] several = IntStream.range(0, count)
                        .mapToLong(i -> Integer.reverseBytes(first + i))
                        .toArray();
                work.sendLongs(several, 0, count);
                sent = number + count;
            } else {
                byte[] message = new byte[sizes.nextInt(4) == 0 ? 3000 : 8];
                ByteBuffer.wrap(message).putInt(number);
                work.send(message);
                sent = number + 1;
            }
        }
    }

    /** Workers may sleep in a full channel: what they have to send is received until they end. */
    private void receiveWhile(BooleanSupplier condition) {
        while (condition.getAsBoolean()) {
            if (done.poll(Duration.ofMillis(1))) {
                receive(1);
            }
        }
    }

    private void receive(int messages) {
        for (int i = 0; i < messages; i++) {
            int number = ByteBuffer.wrap(done.receive(SOON)).getInt();
            assertThat(seen.get(number)).as("message " + number + " came twice").isFalse();
            seen.set(number);
        }
    }

    /** Each of the dead had at most one message in hand. */
    private void audit(int kills, Client beside) {
        while (done.size() > 0) {
            receive(1);
        }
        System.out.println(sent + " messages, " + (sent - seen.cardinality()) + " lost in " + kills + " kills");
        assertThat(sent - seen.cardinality()).as("lost").isBetween(0, kills);
        assertThat(area.segment().get(ValueLayout.JAVA_LONG, 0))
                .isBetween((long) seen.cardinality() - kills, (long) sent);
        node.sweep(me);
        node.sweep(beside);
        assertThat(Leftovers.blocks(node.memory)).isEmpty();
        assertThat(Leftovers.references(node.memory)).hasSize(1);
        Leftovers.assertHintsComplete(node.memory);
        node.close();
    }
}
