package dragon.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BulkCopyTest {
    @Test
    void streamsWhateverTheAlignmentAndSize() {
        byte[] bytes = new byte[700_000];
        new Random(1).nextBytes(bytes);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment to = arena.allocate(bytes.length + 128, 64);
            MemorySegment outside = arena.allocate(bytes.length, 64).copyFrom(MemorySegment.ofArray(bytes));
            for (MemorySegment from : new MemorySegment[] {MemorySegment.ofArray(bytes), outside}) {
                for (int size : new int[] {0, 1, 63, 64, 65, 127, 128, 4096, 262_144, 262_208, 600_001}) {
                    for (int shift : new int[] {0, 1, 63}) {
                        to.fill((byte) 0);
                        BulkCopy.stream(from, 7 + shift, to.address() + shift, size);
                        assertThat(to.asSlice(shift, size).mismatch(from.asSlice(7 + shift, size)))
                                .isEqualTo(-1);
                        assertThat(to.get(ValueLayout.JAVA_BYTE, shift + size)).isZero();
                    }
                }
            }
        }
    }

    @Test
    void aClosedSourceIsAnError() {
        MemorySegment closed;
        try (Arena arena = Arena.ofConfined()) {
            closed = arena.allocate(100_000);
        }
        try (Arena arena = Arena.ofConfined()) {
            long to = arena.allocate(100_000).address();
            assertThatThrownBy(() -> BulkCopy.stream(closed, 0, to, 100_000)).isInstanceOf(IllegalStateException.class);
        }
    }
}
