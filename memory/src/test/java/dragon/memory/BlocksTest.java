package dragon.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class BlocksTest {
    @Test
    void aFreedBlockComesBackFirst() {
        try (TestMemory node = new TestMemory(1 << 20)) {
            Client client = node.client();
            ThreadRecord record = client.record();
            long first = client.blocks().alloc(record, 0, 100);
            long second = client.blocks().alloc(record, 1, 128);
            assertThat(client.blocks().address(second) - client.blocks().address(first))
                    .isEqualTo(128);
            assertThat(Blocks.isFresh(node.memory, first)).isTrue();
            client.blocks().free(record, 0);
            assertThat(client.blocks().alloc(record, 0, 65)).isEqualTo(first);
            assertThat(Blocks.isFresh(node.memory, first)).isFalse();
            assertThat(record.block(0) >>> Blocks.GENERATION_SHIFT).isEqualTo(2);
        }
    }

    @Test
    void largeBlocksRotateThroughWhatACacheHolds() {
        try (TestMemory node = new TestMemory(4L << 30)) {
            Client client = node.client();
            ThreadRecord record = client.record();
            for (int size : new int[] {16 << 10, 64 << 10, 1 << 20}) {
                Set<Long> round = new HashSet<>();
                int blocks = (8 << 20) / size;
                for (int i = 0; i < 3 * blocks; i++) {
                    round.add(client.blocks().alloc(record, 0, size));
                    client.blocks().free(record, 0);
                    assertThat(round).hasSize(Math.min(i + 1, blocks));
                }
            }
        }
    }

    @Test
    void theRotationComesBackToTheLowestAfterABurst() {
        try (TestMemory node = new TestMemory(4L << 30)) {
            Client client = node.client();
            ThreadRecord record = client.record();
            List<Long> burst = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                burst.add(client.blocks().alloc(record, 0, 1 << 20));
            }
            assertThat(new HashSet<>(burst)).hasSize(100);
            burst.forEach(each -> Blocks.release(node.memory, each));
            Set<Long> later = new HashSet<>();
            for (int i = 0; i < 100; i++) {
                later.add(client.blocks().alloc(record, 0, 1 << 20));
                client.blocks().free(record, 0);
            }
            assertThat(later).hasSize(8).isSubsetOf(burst.subList(0, 9));
        }
    }

    @Test
    void aSmallMemoryGrantsLargeBlocksSlabBySlab() {
        try (TestMemory node = new TestMemory(1 << 20)) {
            Client client = node.client();
            client.blocks().alloc(client.record(), 0, 64 << 10);
            assertThat(node.memory.granted()).isEqualTo(256 << 10);
        }
    }

    @Test
    void aBurstOfSmallBlocksAsksSeldomAlsoWhileFewAreFreedBesideIt() {
        try (TestMemory node = new TestMemory(4L << 30)) {
            AtomicInteger asked = new AtomicInteger();
            Client client = Client.attach(node.memory, node.table.add(1, 8), blockClass -> {
                asked.incrementAndGet();
                node.books.grow(blockClass);
            });
            ThreadRecord record = client.record();
            for (int i = 0; i < 40_000; i++) {
                long taken = client.blocks().alloc(record, 0, 1024);
                if (i % 16 == 0) {
                    Blocks.release(node.memory, taken);
                }
            }
            assertThat(asked).hasValueLessThan(12);
            assertThat(node.memory.granted()).isLessThan(48L << 20);
        }
    }

    @Test
    void anAskerIsContentWithTheOneBlockThatWasFreedWhereNothingElseIsLeft() {
        try (TestMemory node = new TestMemory(1 << 20)) {
            Client client = node.client();
            ThreadRecord record = client.record();
            List<Long> all = new ArrayList<>();
            for (int i = 0; i < 1 << 10; i++) {
                all.add(client.blocks().alloc(record, 0, 1024));
            }
            assertThatExceptionOfType(MemoryExhaustedException.class)
                    .isThrownBy(() -> client.blocks().alloc(record, 0, 1024));
            Blocks.release(node.memory, all.getFirst());
            node.books.grow(SizeClasses.classOf(1024));
            assertThat(client.blocks().alloc(record, 0, 1024)).isEqualTo(all.getFirst());
        }
    }

    @Test
    void whatIsWhollyFreeServesEverySize() {
        try (TestMemory node = new TestMemory(32 << 20)) {
            Client client = node.client();
            ThreadRecord record = client.record();
            for (int round = 0; round < 50; round++) {
                long small = client.blocks().alloc(record, 0, 64 + round);
                long large = client.blocks().alloc(record, 1, 24 << 20);
                assertThat(Raw.getLong(client.blocks().address(large)))
                        .as("zero")
                        .isZero();
                Raw.putLong(client.blocks().address(large), 1);
                client.blocks().free(record, 1);
                List<Long> many = new ArrayList<>();
                for (int i = 0; i < 150; i++) {
                    many.add(client.blocks().alloc(record, 1, 128 << 10));
                }
                many.forEach(each -> Blocks.release(node.memory, each));
                Blocks.release(node.memory, small);
                assertThat(node.memory.granted()).isLessThanOrEqualTo(32 << 20);
            }
        }
    }

    @Test
    void whoIsRefusedAllTheSameLosesNothing() {
        try (TestMemory node = new TestMemory(32 << 20)) {
            Client client = node.client();
            ThreadRecord record = client.record();
            long kept = client.blocks().alloc(record, 0, 10 << 20);
            client.blocks().alloc(record, 1, 10 << 20);
            client.blocks().free(record, 1);
            long granted = node.memory.granted();
            assertThatExceptionOfType(MemoryExhaustedException.class)
                    .isThrownBy(() -> client.blocks().alloc(record, 1, 24 << 20));
            assertThat(node.memory.granted()).isEqualTo(granted);
            assertThat(client.blocks().alloc(record, 1, 10 << 20)).isNotEqualTo(kept);
        }
    }

    @Test
    void manyThreadsTakeAllSizesWhereMemoryMustChangeHands() throws Exception {
        try (TestMemory node = new TestMemory(16 << 20);
                ExecutorService threads = Executors.newFixedThreadPool(4)) {
            Client client = node.client();
            Callable<Integer> task = () -> changeSizes(client);
            for (Future<Integer> each : threads.invokeAll(List.of(task, task, task, task))) {
                assertThat(each.get()).isPositive();
            }
            assertThat(node.memory.granted()).isLessThanOrEqualTo(16 << 20);
            client.blocks().alloc(client.record(), 0, 16 << 20);
        }
    }

    /** Takes blocks of any size; both ends stay what they were made, whoever is refused. */
    private static int changeSizes(Client client) {
        ThreadRecord record = client.record();
        SplittableRandom dice = new SplittableRandom(Thread.currentThread().threadId());
        int taken = 0;
        for (int round = 0; round < 3000; round++) {
            for (int k = 0; k < 4; k++) {
                long size = 64L << dice.nextInt(16);
                try {
                    client.blocks().alloc(record, k, size);
                } catch (MemoryExhaustedException _) {
                    continue;
                }
                taken++;
                long ref = Blocks.refIn(record, k);
                Raw.putLong(client.blocks().address(ref), ref << 8 | k);
                Raw.putLong(client.blocks().address(ref) + size - 8, ref << 8 | k);
            }
            for (int k = 0; k < 4; k++) {
                long ref = Blocks.refIn(record, k);
                if (ref != 0) {
                    long last = client.blocks().address(ref) + Blocks.sizeOf(client.memory(), ref) - 8;
                    assertThat(Raw.getLong(client.blocks().address(ref))).isEqualTo(ref << 8 | k);
                    assertThat(Raw.getLong(last)).isEqualTo(ref << 8 | k);
                    client.blocks().free(record, k);
                }
            }
        }
        return taken;
    }

    @Test
    void exhaustionSaysNeedHaveLimitAndSettingAndLeavesNothingInHand() {
        try (TestMemory node = new TestMemory(1 << 20)) {
            Client client = node.client();
            ThreadRecord record = client.record();
            client.blocks().alloc(record, 0, 600_000);
            assertThatExceptionOfType(MemoryExhaustedException.class)
                    .isThrownBy(() -> client.blocks().alloc(record, 1, 500_000))
                    .satisfies(refusal -> {
                        assertThat(refusal.need()).isEqualTo(524_288);
                        assertThat(refusal.have()).isEqualTo((1 << 20) - 655_360);
                        assertThat(refusal.limit()).isEqualTo(1 << 20);
                        assertThat(refusal.setting()).isEqualTo("DRAGON_MEMORY");
                        assertThat(refusal.category()).isEqualTo(DragonException.Category.RESOURCES);
                    });
            assertThat(record.block(1)).isZero();
            client.blocks().free(record, 0);
            client.blocks().alloc(record, 1, 600_000);
        }
    }

    @Test
    void fillsSlabAfterSlabAndFindsEveryFreedBlock() {
        try (TestMemory node = new TestMemory(8 << 20)) {
            Client client = node.client();
            ThreadRecord record = client.record();
            Set<Long> taken = new HashSet<>();
            for (int i = 0; i < 5000; i++) {
                assertThat(taken.add(client.blocks().alloc(record, 0, 64))).isTrue();
            }
            long granted = node.memory.granted();
            List<Long> order = new ArrayList<>(taken);
            order.forEach(each -> Blocks.release(node.memory, each));
            for (int i = 0; i < 5000; i++) {
                assertThat(taken.remove(client.blocks().alloc(record, 0, 64))).isTrue();
            }
            assertThat(node.memory.granted()).isEqualTo(granted);
        }
    }

    @Test
    void manyThreadsNeverShareABlock() throws Exception {
        try (TestMemory node = new TestMemory(4 << 20);
                ExecutorService threads = Executors.newFixedThreadPool(4)) {
            Client client = node.client();
            Callable<Integer> task = () -> churn(client);
            List<Future<Integer>> all = threads.invokeAll(List.of(task, task, task, task));
            for (Future<Integer> each : all) {
                assertThat(each.get()).isEqualTo(20_000);
            }
            assertThat(node.memory.granted()).isLessThanOrEqualTo(3L * 64 * 64);
        }
    }

    private static int churn(Client client) {
        ThreadRecord record = client.record();
        long mark = Thread.currentThread().threadId();
        int rounds = 0;
        for (; rounds < 20_000; rounds++) {
            for (int k = 0; k < 4; k++) {
                Raw.putLong(client.blocks().address(client.blocks().alloc(record, k, 64)), mark + k);
            }
            for (int k = 0; k < 4; k++) {
                assertThat(Raw.getLong(client.blocks().address(Blocks.refIn(record, k))))
                        .isEqualTo(mark + k);
                client.blocks().free(record, k);
            }
        }
        return rounds;
    }
}
