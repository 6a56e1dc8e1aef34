package dragon.memory;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ArenaTest {
    private final Arena arena = new Arena(1000, 2000);

    @Test
    void aPlaceThatWasGivenBackIsTakenFirst() {
        assertThat(arena.take(100)).isEqualTo(1000);
        assertThat(arena.take(300)).isEqualTo(1100);
        assertThat(arena.take(100)).isEqualTo(1400);
        arena.give(1100, 300);
        assertThat(arena.take(200)).isEqualTo(1100);
        assertThat(arena.take(200)).as("behind all: only 100 are left there").isEqualTo(1500);
        assertThat(arena.take(100)).isEqualTo(1300);
    }

    @Test
    void neighboursAreOnePlaceAgain() {
        for (int i = 0; i < 10; i++) {
            arena.take(100);
        }
        assertThat(arena.has(1)).isFalse();
        arena.give(1200, 100);
        arena.give(1400, 100);
        assertThat(arena.has(200)).isFalse();
        arena.give(1300, 100);
        assertThat(arena.has(300)).isTrue();
        assertThat(arena.take(300)).isEqualTo(1200);
        for (int i = 9; i >= 0; i--) {
            arena.give(1000 + 100 * i, 100);
        }
        assertThat(arena.take(1000)).isEqualTo(1000);
    }
}
