package dragon.agent.output;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class LabelsTest {
    private boolean birth;
    private final Labels labels = new Labels(() -> birth);
    private final StringBuilder shown = new StringBuilder();
    private final Lines lines = new Lines(
            (pid, bytes, length) -> shown.append(new String(labels.label(pid, bytes, length), StandardCharsets.UTF_8)),
            labels::known);

    private void write(int pid, String text) {
        lines.add(pid, text.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void eachLineHasItsWritersLabel() {
        labels.add(7, "Process-1 4294967302");
        write(7, "a\n\nb\n");
        write(8, "c\n");
        assertThat(shown.toString()).isEqualTo("""
                        Process-1 4294967302: a
                        Process-1 4294967302:\s
                        Process-1 4294967302: b
                        pid 8: c
                        """);
    }

    @Test
    void lastWordsWithoutAnEndGetOne() {
        labels.add(7, "p");
        write(7, "half");
        lines.flush(7);
        assertThat(shown.toString()).isEqualTo("p: half\n");
    }

    @Test
    void linesWaitForTheNameOfAProcessThatIsBeingBorn() {
        birth = true;
        write(7, "a\nb\nha");
        assertThat(shown.toString()).isEmpty();
        labels.add(7, "p");
        lines.passKnown();
        assertThat(shown.toString()).isEqualTo("p: a\np: b\n");
        write(7, "lf\n");
        assertThat(shown.toString()).endsWith("p: half\n");
    }

    @Test
    void aProcessThatNobodyKnowsIsShownByItsPidWhenNoBirthIsUnderWay() {
        birth = true;
        write(9, "a\n");
        birth = false;
        lines.passKnown();
        assertThat(shown.toString()).isEqualTo("pid 9: a\n");
    }
}
