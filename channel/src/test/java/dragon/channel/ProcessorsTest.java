package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ProcessorsTest {
    @Test
    void countsWhatTheKernelLists() {
        assertThat(Processors.count("0")).isEqualTo(1);
        assertThat(Processors.count("0-1")).isEqualTo(2);
        assertThat(Processors.count("0-3,8,10-11")).isEqualTo(7);
        assertThat(Processors.online()).isPositive();
    }
}
