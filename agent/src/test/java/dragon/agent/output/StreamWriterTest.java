package dragon.agent.output;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class StreamWriterTest {
    private static List<Integer> pieces(String lines) {
        byte[] bytes = lines.getBytes(StandardCharsets.UTF_8);
        List<Integer> lengths = new ArrayList<>();
        for (int at = 0; at < bytes.length; ) {
            int length = StreamWriter.piece(bytes, at);
            lengths.add(length);
            at += length;
        }
        return lengths;
    }

    @Test
    void whatAPipeTakesAtOnceGoesTogether() {
        assertEquals(List.of(200), pieces(("x".repeat(99) + "\n").repeat(2)));
        assertEquals(List.of(4096), pieces("x".repeat(4095) + "\n"));
    }

    @Test
    void moreIsCutBetweenLines() {
        assertEquals(List.of(4000, 4000, 2000), pieces(("x".repeat(99) + "\n").repeat(100)));
        assertEquals(List.of(4096, 1), pieces("x".repeat(4095) + "\n\n"));
    }

    @Test
    void aLongLineGoesByItself() {
        assertEquals(
                List.of(100, 5001, 100),
                pieces("x".repeat(99) + "\n" + "y".repeat(5000) + "\n" + "x".repeat(99) + "\n"));
        assertEquals(List.of(9000), pieces("y".repeat(9000)));
    }
}
