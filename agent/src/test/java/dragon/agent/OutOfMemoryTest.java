package dragon.agent;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class OutOfMemoryTest {
    private long count = 3;
    private final OutOfMemory killer = new OutOfMemory(() -> count);

    @Test
    void aKillingThatWasNotCountedIsSomebodyElses() {
        assertThat(killer.killed(10_000)).isFalse();
    }

    @Test
    void eachCountExplainsOneDeath() {
        count += 2;
        assertThat(killer.killed(10_000)).isTrue();
        assertThat(killer.killed(10_001)).isTrue();
        assertThat(killer.killed(10_002)).isFalse();
    }

    @Test
    void anOldCountExplainsNothing() {
        count += 2;
        assertThat(killer.killed(10_000)).isTrue();
        assertThat(killer.killed(10_001 + OutOfMemory.NEAR)).isFalse();
    }

    @Test
    void thisMachineCounts() {
        assertThat(new OutOfMemory().killed(10_000)).isFalse();
    }
}
