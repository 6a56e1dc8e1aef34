package dragon.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class StateSetTest {
    @Test
    void holdsWhatASetHolds() {
        long seed = 20261124;
        Random random = new Random(seed);
        Set<Long> expected = new HashSet<>();
        StateSet set = new StateSet();
        for (int i = 0; i < 200_000; i++) {
            long value = 1 + random.nextInt(20_000) * 4096L;
            if (random.nextInt(3) == 0) {
                set.remove(value);
                expected.remove(value);
            } else {
                assertThat(set.add(value)).as("seed %d, step %d", seed, i).isEqualTo(expected.add(value));
            }
        }
        assertThat(set.size()).isEqualTo(expected.size());
        for (long value : expected) {
            assertThat(set.contains(value)).isTrue();
        }
    }

    @Test
    void aStepChangesTheHashAsAWholeNewHashWould() {
        int[] from = {0, 1, 0, 5, -1, 7};
        int[] to = {3, 1, 0, 6, -1, 0};
        assertThat(StateSet.hash(StateSet.hash(from), from, to)).isEqualTo(StateSet.hash(to));
    }
}
