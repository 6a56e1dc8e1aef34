package dragon.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BudgetTest {
    @ParameterizedTest
    @CsvSource({"1,1", "512M,536870912", "8g,8589934592", "2T,2199023255552", "' 4K ',4096"})
    void sizes(String text, long bytes) {
        assertThat(Budget.size(text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "G", "-1", "0", "1.5G", "99999999999T", "8 giga"})
    void whatIsNoSizeIsNamed(String text) {
        assertThatThrownBy(() -> Budget.size(text))
                .hasMessageContaining("DRAGON_MEMORY=" + text)
                .hasMessageContaining("8G");
    }

    @Test
    void thereIsAlwaysSome() {
        assertThat(Budget.now().bytes()).isPositive();
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "-1", "many", "262143"})
    void whatIsNoNumberOfProcessesIsNamed(String text) {
        assertThatThrownBy(() -> Budget.processes(text)).hasMessageContaining("DRAGON_PROCESSES=" + text);
    }

    @Test
    void aNumberOfProcesses() {
        assertThat(Budget.processes(null)).isEqualTo(16382);
        assertThat(Budget.processes("")).isEqualTo(16382);
        assertThat(Budget.processes(" 30 ")).isEqualTo(30);
        assertThat(Budget.processes("262142")).isEqualTo(262142);
    }
}
