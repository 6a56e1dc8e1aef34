package dragon.agent.output;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LinesTest {
    private final List<String> shown = new ArrayList<>();
    private final Lines lines = new Lines(this::show, () -> false);
    private final Lines onTerminal = new Lines(this::show, () -> true);

    private void show(int pid, byte[] bytes, int length) {
        shown.add(new String(bytes, 0, length, StandardCharsets.ISO_8859_1));
    }

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

    private static final String ERASE = "\r\u001b[K";

    private void addOnTerminal(int pid, String text) {
        onTerminal.add(pid, text.getBytes(StandardCharsets.ISO_8859_1));
    }

    @Test
    void whatIsBegunIsShownOnATerminalOnceItIsOld() {
        addOnTerminal(1, "\r 10%");
        onTerminal.age();
        assertThat(shown).isEmpty();
        onTerminal.age();
        addOnTerminal(1, "\r 20%");
        assertThat(onTerminal.ages()).isFalse();
        addOnTerminal(1, "\r100%\n");
        addOnTerminal(1, "more");
        assertThat(shown).containsExactly("\r 10%", "\r 20%", "\r100%\n");
        assertThat(onTerminal.ages()).isTrue();
    }

    @Test
    void linesOfOthersStayWholeBesideWhatIsBegun() {
        addOnTerminal(1, "\r 10%\r 20%");
        addOnTerminal(2, "second, ");
        onTerminal.age();
        onTerminal.age();
        addOnTerminal(2, "whole\n");
        addOnTerminal(3, "third\n");
        onTerminal.flush(1);
        addOnTerminal(3, "fourth\n");
        assertThat(shown)
                .containsExactly(
                        "\r 10%\r 20%", ERASE + "second, whole\n" + " 20%", ERASE + "third\n" + " 20%", "fourth\n");
    }

    @Test
    void whoMovesTheCursorIsNotHeldBack() {
        addOnTerminal(1, "\r first");
        onTerminal.age();
        onTerminal.age();
        addOnTerminal(2, "\r second");
        addOnTerminal(2, "\u001b[1A");
        addOnTerminal(2, "\n");
        addOnTerminal(2, "\r second");
        assertThat(shown).containsExactly("\r first", ERASE + "\r second" + " first", "\u001b[1A", "\n", "\r second");
    }

    @Test
    void whatIsShownIsNotKept() {
        addOnTerminal(1, "\r 0%");
        onTerminal.age();
        onTerminal.age();
        for (int i = 0; i < Lines.LONGEST; i++) {
            addOnTerminal(1, "\r" + i);
        }
        addOnTerminal(2, "a line\n");
        assertThat(shown.getLast()).isEqualTo(ERASE + "a line\n" + (Lines.LONGEST - 1));
    }
}
