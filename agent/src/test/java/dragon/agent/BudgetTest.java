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
}
