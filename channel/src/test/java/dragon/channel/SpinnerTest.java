package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;

import dragon.memory.ThreadRecord;
import org.junit.jupiter.api.Test;

class SpinnerTest {
    private static final long LONG_AGO = 1_000_000_000;

    private int tries;

    private long never(ThreadRecord record) {
        tries++;
        return 0;
    }

    /** Whether the next wait, of somebody who never comes, spins. */
    private boolean spins(ThreadRecord record) {
        tries = 0;
        assertThat(Spinner.spin(record, this::never, Long.MAX_VALUE)).isZero();
        return tries > 0;
    }

    private int waitsUntilNextSpin(ThreadRecord record) {
        int waits = 1;
        while (!spins(record)) {
            waits++;
        }
        return waits;
    }

    @Test
    void whatDoesNotPayIsTriedSeldom() {
        try (TestNode node = new TestNode()) {
            ThreadRecord record = node.client().record();
            assertThat(spins(record)).isTrue();
            assertThat(waitsUntilNextSpin(record)).isEqualTo(32);
            assertThat(waitsUntilNextSpin(record)).isEqualTo(32);
        }
    }

    @Test
    void whatPaysIsTriedAlways() {
        try (TestNode node = new TestNode()) {
            ThreadRecord record = node.client().record();
            for (int i = 0; i < 100; i++) {
                int wanted = i % 3 + 1;
                tries = 0;
                assertThat(Spinner.spin(record, r -> ++tries == wanted ? 7 : 0, Long.MAX_VALUE))
                        .isEqualTo(7);
            }
        }
    }

    @Test
    void aBriefSleepInvitesToSpin() {
        try (TestNode node = new TestNode()) {
            ThreadRecord record = node.client().record();
            spins(record);
            Spinner.slept(record, System.nanoTime() - LONG_AGO);
            assertThat(spins(record)).isFalse();
            Spinner.slept(record, System.nanoTime());
            assertThat(spins(record)).as("after the first brief one").isTrue();
            Spinner.slept(record, System.nanoTime());
            assertThat(waitsUntilNextSpin(record))
                    .as("after further brief ones")
                    .isEqualTo(8);
        }
    }

    @Test
    void theDeadlineEndsASpin() {
        try (TestNode node = new TestNode()) {
            ThreadRecord record = node.client().record();
            assertThat(Spinner.spin(record, this::never, System.nanoTime())).isZero();
            assertThat(tries).isEqualTo(64);
        }
    }
}
