package dragon.memory;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ThreadRecordTest {
    @Test
    void aReferenceServesAgainOnlyInTheSameQueueOfTheSameObject() {
        try (TestMemory node = new TestMemory(1 << 20)) {
            ThreadRecord record = node.client().record();
            int word = record.arm(640, 768, 5, false);
            assertThat(record.disarm()).isFalse();
            assertThat(record.rearm(1024, 5)).isFalse();
            assertThat(record.rearm(768, 6)).isFalse();
            assertThat(record.rearm(768, 5)).isTrue();
            assertThat(record.word()).isEqualTo(word);
            record.idle();
            assertThat(record.rearm(768, 5)).as("the reference was taken").isFalse();
            assertThat(record.arm(640, 768, 5, false) >>> 5).isEqualTo((word >>> 5) + 1);
        }
    }

    @Test
    void parkingEndsAtTheDeadlineOrWhenTheWordChanged() {
        try (TestMemory node = new TestMemory(1 << 20)) {
            ThreadRecord record = node.client().record();
            record.arm(640, 768, 5, false);
            assertThat(record.park(System.nanoTime() + 1000)).isFalse();
            record.idle();
            assertThat(record.park(Long.MAX_VALUE)).isTrue();
        }
    }
}
