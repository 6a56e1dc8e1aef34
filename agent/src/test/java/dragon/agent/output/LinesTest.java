package dragon.agent.output;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LinesTest {
    private final List<String> shown = new ArrayList<>();
    private final Lines lines =
            new Lines((_, bytes, length) -> shown.add(new String(bytes, 0, length, StandardCharsets.ISO_8859_1)));

    private void add(int pid, String text) {
        lines.add(pid, text.getBytes(StandardCharsets.ISO_8859_1));
    }

    @Test
    void linesOfTwoWritersDoNotMix() {
        add(1, "one ");
        add(2, "two ");
        add(1, "more\nand");
        add(2, "more\n");
        add(1, "\n");
        assertThat(shown).containsExactly("one more\n", "two more\n", "and\n");
    }

    @Test
    void severalLinesGoTogether() {
        add(1, "a\nb\nc");
        assertThat(shown).containsExactly("a\nb\n");
    }

    @Test
    void theLastWordsOfAProcessAreShown() {
        add(1, "killed in mid");
        lines.flush(1);
        lines.flush(1);
        assertThat(shown).containsExactly("killed in mid");
    }

    @Test
    void bytesPassAsTheyAre() {
        add(1, "\u00ff\u0000\u00fe\r\n");
        assertThat(shown).containsExactly("\u00ff\u0000\u00fe\r\n");
    }

    @Test
    void aLineWithoutEndIsPassedOnInParts() {
        String part = "x".repeat(1 << 16);
        for (int i = 0; i < 17; i++) {
            add(1, part);
        }
        assertThat(shown).hasSize(1);
        assertThat(shown.getFirst()).hasSize(17 << 16);
    }

    @Test
    void linesThatOnlyBeginDoNotFillTheMemory() {
        String part = "x".repeat(1 << 19);
        for (int pid = 0; pid < 40; pid++) {
            add(pid, part);
        }
        assertThat(shown).hasSize(8);
    }

    @Test
    void whatAllHaveBegunIsShownAtTheEnd() {
        add(1, "a");
        add(2, "b");
        lines.flushAll();
        assertThat(shown).containsExactlyInAnyOrder("a", "b");
    }
}
