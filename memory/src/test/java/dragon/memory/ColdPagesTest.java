package dragon.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ColdPagesTest {
    private static final int MIB = 1 << 20;

    private static List<Long> burst(Client client, int blocks) {
        List<Long> burst = new ArrayList<>();
        for (int i = 0; i < blocks; i++) {
            long ref = client.blocks().alloc(client.record(), 0, MIB);
            Raw.putLong(client.blocks().address(ref), ref);
            burst.add(ref);
        }
        client.record().block(0, 0);
        return burst;
    }

    @Test
    void whatWasFreeAtTwoLooksGoesAndTheFirstRotationStays() throws Exception {
        try (TestMemory node = new TestMemory(4L << 30)) {
            Client client = node.client();
            ColdPages pages = new ColdPages(node.memory, node.books);
            List<Long> burst = burst(client, 40);
            assertThat(pages.look()).isZero();
            burst.subList(0, 39).forEach(each -> Blocks.release(node.memory, each));
            assertThat(pages.look()).as("seen free for the first time").isZero();
            assertThat(pages.look()).isEqualTo(31L * MIB);
            for (int i = 0; i < 40; i++) {
                long expected = i < 8 || i == 39 ? burst.get(i) : 0;
                assertThat(Raw.getLong(client.blocks().address(burst.get(i)))).isEqualTo(expected);
            }
            assertThat(pages.look()).as("gone already").isZero();
            long granted = node.memory.granted();
            assertThat(burst(client, 39)).containsExactlyInAnyOrderElementsOf(burst.subList(0, 39));
            assertThat(node.memory.granted()).isEqualTo(granted);
        }
    }

    @Test
    void whatWasTakenInBetweenStaysAndSoDoesASmallRun() throws Exception {
        try (TestMemory node = new TestMemory(4L << 30)) {
            Client client = node.client();
            ColdPages pages = new ColdPages(node.memory, node.books);
            List<Long> burst = burst(client, 40);
            burst.forEach(each -> Blocks.release(node.memory, each));
            assertThat(pages.look()).isZero();
            burst(client, 40).forEach(each -> Blocks.release(node.memory, each));
            assertThat(pages.look()).as("used since").isZero();
            List<Long> again = burst(client, 40);
            for (int i = 0; i < 40; i++) {
                if (i % 2 == 0) {
                    Blocks.release(node.memory, again.get(i));
                }
            }
            assertThat(pages.look()).isZero();
            assertThat(pages.look()).as("runs of 1 MiB").isZero();
        }
    }

    @Test
    void blocksAreTakenWhilePagesGo() throws Exception {
        try (TestMemory node = new TestMemory(4L << 30)) {
            Client client = node.client();
            ColdPages pages = new ColdPages(node.memory, node.books);
            Thread user = Thread.ofPlatform().start(() -> {
                for (int round = 0; round < 60; round++) {
                    List<Long> burst = burst(client, 30);
                    burst.forEach(each -> assertThat(Raw.getLong(client.blocks().address(each)))
                            .isEqualTo(each));
                    burst.forEach(each -> Blocks.release(node.memory, each));
                }
            });
            while (user.isAlive()) {
                pages.look();
            }
            user.join();
            pages.look();
            pages.look();
            assertThat(burst(client, 30)).doesNotHaveDuplicates();
        }
    }
}
