package dragon.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dragon.memory.Layout.ClientEntry;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class ClientTest {
    @Test
    void threadsHaveRecordsOfTheirOwnBeyondTheInlineOnes() throws InterruptedException {
        try (TestMemory node = new TestMemory(1 << 20)) {
            Client client = node.client();
            Set<Integer> records = ConcurrentHashMap.newKeySet();
            CountDownLatch all = new CountDownLatch(70);
            CountDownLatch end = new CountDownLatch(1);
            Thread[] threads = new Thread[70];
            for (int i = 0; i < threads.length; i++) {
                threads[i] = Thread.ofPlatform().start(() -> {
                    ThreadRecord record = client.record();
                    record.begin(ThreadRecord.SEND, 64);
                    records.add(record.index());
                    all.countDown();
                    await(end);
                    record.end();
                });
            }
            all.await();
            assertThat(records).hasSize(70);
            assertThat(Raw.getInt(client.entry() + ClientEntry.RECORDS_HIGH)).isEqualTo(70);
            assertThat(Raw.getLong(client.entry() + ClientEntry.RECORDS_EXT)).isNotZero();
            end.countDown();
            for (Thread each : threads) {
                each.join();
            }
            assertThat(client.record().index()).as("an ended thread's record").isLessThan(70);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException interrupted) {
            throw new AssertionError(interrupted);
        }
    }

    @Test
    void aRecordWithSomethingInHandStaysWithItsThread() throws InterruptedException {
        try (TestMemory node = new TestMemory(1 << 20)) {
            Client client = node.client();
            int[] index = new int[1];
            Thread holder = Thread.ofPlatform().start(() -> {
                index[0] = client.record().index();
                client.blocks().alloc(client.record(), 2, 64);
            });
            holder.join();
            assertThat(client.record().index()).isNotEqualTo(index[0]);
        }
    }

    @Test
    void referencesGoOnInTablesAndGapsAreFilled() {
        try (TestMemory node = new TestMemory(1 << 20)) {
            Client client = node.client();
            for (long i = 1; i <= 2000; i++) {
                client.references().add(client.record(), i * 64 | 1);
            }
            Set<Long> seen = new HashSet<>();
            for (int i = 0; i < References.high(node.memory, client.number()); i++) {
                seen.add(Raw.getLong(References.entryAt(node.memory, client.number(), i)));
            }
            assertThat(seen).hasSize(2000);
            References.Use use = client.references().add(client.record(), 1500 * 64 | 1);
            assertThat(client.references().release(use)).isFalse();
            assertThat(client.references().release(use)).isTrue();
            assertThat(client.references().clear(use)).isTrue();
            client.references().add(client.record(), 5000 * 64 | 2);
            assertThat(References.high(node.memory, client.number())).isEqualTo(2000);
        }
    }

    @Test
    void handlesOfOneObjectShareAReference() {
        try (TestMemory node = new TestMemory(1 << 20)) {
            Client client = node.client();
            References.Use use = client.references().add(client.record(), 128 | 1);
            assertThat(client.references().add(client.record(), 128 | 1)).isSameAs(use);
            assertThat(client.references().retain(use)).isTrue();
            assertThat(References.high(node.memory, client.number())).isEqualTo(1);
            assertThat(client.references().release(use)).isFalse();
            assertThat(client.references().release(use)).isFalse();
            assertThat(client.references().clear(use)).isFalse();
            assertThat(client.references().release(use)).isTrue();
            assertThat(client.references().retain(use)).isFalse();
            client.record().using(use.entry());
            assertThat(client.references().clear(use))
                    .as("while an operation relies on it")
                    .isFalse();
            client.record().using(ThreadRecord.NOTHING);
            assertThat(client.references().clear(use)).isTrue();
            assertThat(client.references().clear(use)).isFalse();
        }
    }

    @Test
    void numbersAreGivenOutAndTakenBack() {
        try (TestMemory node = new TestMemory(1 << 20)) {
            int first = node.table.add(11, 5);
            assertThat(first).isEqualTo(2);
            for (int i = 3; i < 8; i++) {
                assertThat(node.table.add(11, 5)).isEqualTo(i);
            }
            assertThatThrownBy(() -> node.table.add(11, 5))
                    .isInstanceOf(DragonException.class)
                    .hasMessageContaining("7 processes");
            assertThat(node.table.condemn(4)).isTrue();
            assertThat(node.table.condemn(4)).isFalse();
            assertThatThrownBy(() -> Client.attach(node.memory, 4, node.books)).isInstanceOf(DragonException.class);
            node.table.remove(4);
            assertThat(node.table.add(11, 5)).isEqualTo(4);
        }
    }
}
