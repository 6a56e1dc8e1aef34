package dragon.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dragon.memory.Layout.Header;
import org.junit.jupiter.api.Test;

class MemoryTest {
    @Test
    void isSeenByWhoeverMapsTheDescriptor() {
        try (TestMemory node = new TestMemory(1 << 20);
                Memory other = Memory.map(node.memory.fd())) {
            assertThat(other.base()).isNotEqualTo(node.memory.base());
            assertThat(other.node()).isEqualTo(3);
            assertThat(other.runIdHigh()).isEqualTo(node.memory.runIdHigh());
            assertThat(other.runState()).isEqualTo(RunState.RUNNING);
            assertThat(node.memory.nextId()).isEqualTo(4L << 32 | 16);
            assertThat(other.nextId()).isEqualTo(4L << 32 | 17);
        }
    }

    @Test
    void refusesAnotherVersionAndSaysBoth() {
        try (TestMemory node = new TestMemory(1 << 20)) {
            Raw.putInt(node.memory.base() + Header.VERSION, 9);
            assertThatThrownBy(() -> Memory.map(node.memory.fd()))
                    .isInstanceOf(DragonException.class)
                    .hasMessageContaining("version 9")
                    .hasMessageContaining("version 1");
        }
    }

    @Test
    void refusesAFileThatIsNone() {
        int fd = Libc.memfdCreate("something else");
        Libc.truncate(fd, 8192);
        try {
            assertThatThrownBy(() -> Memory.map(fd))
                    .isInstanceOf(DragonException.class)
                    .hasMessageContaining("DRAGONM1");
        } finally {
            Libc.close(fd);
        }
    }

    @Test
    void cannotBeResized() {
        try (TestMemory node = new TestMemory(1 << 20)) {
            assertThatThrownBy(() -> Libc.truncate(node.memory.fd(), 4096))
                    .isInstanceOf(DragonException.class)
                    .hasMessageContaining("EPERM");
        }
    }

    @Test
    void theUsualPlanIsMostlyAddressSpace() {
        try (Memory memory = Memory.create(MemoryPlan.of(1L << 30, 0))) {
            assertThat(memory.size()).isGreaterThan(1L << 40);
            assertThat(memory.granted()).isZero();
        }
    }
}
