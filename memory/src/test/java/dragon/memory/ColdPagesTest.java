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
            List<Long> places = burst.stream().map(client.blocks()::address).toList();
            long granted = node.memory.granted();
            assertThat(pages.look()).isEqualTo(31L * MIB);
            for (int i = 0; i < 40; i++) {
                assertThat(Raw.getLong(places.get(i))).isEqualTo(i < 8 || i == 39 ? burst.get(i) : 0);
            }
            assertThat(node.memory.granted()).isEqualTo(granted - 31L * MIB);
            assertThat(pages.look()).as("gone already").isZero();
            assertThat(burst(client, 39)).containsExactlyInAnyOrderElementsOf(burst.subList(0, 39));
            assertThat(node.memory.granted()).isBetween(granted, granted + 8L * MIB);
        }
    }

    @Test
    void theFirstRotationGoesWhenNobodyUsedItForLong() throws Exception {
        try (TestMemory node = new TestMemory(4L << 30)) {
            ColdPages pages = new ColdPages(node.memory, node.books);
            Client client = node.client();
            burst(client, 1).forEach(each -> Blocks.release(node.memory, each));
            for (int look = 0; look < 9; look++) {
                assertThat(pages.look()).isZero();
            }
            assertThat(pages.look()).isEqualTo(8L * MIB);
            assertThat(node.memory.granted()).isZero();
            Client another = node.client();
            assertThat(another.blocks().alloc(another.record(), 0, MIB))
                    .as("the lowest again")
                    .isEqualTo(1L << 6);
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
