package dragon.agent.output;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LastWordsTest {
    private final LastWords words = new LastWords();

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void whatEachWroteIsHandedOutOnce() {
        words.add(1, bytes("a\n"));
        words.add(2, bytes("x"));
        words.add(1, bytes("b\n"));
        assertThat(words.take(1)).asString().isEqualTo("a\nb\n");
        assertThat(words.take(1)).isEmpty();
        assertThat(words.take(2)).asString().isEqualTo("x");
    }

    @Test
    void theLastOfManyChunksIsKept() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            StringBuilder all = new StringBuilder();
            for (int chunk = random.nextInt(12); chunk >= 0; chunk--) {
                String text = Integer.toString(random.nextInt()).repeat(random.nextInt(random.nextBoolean() ? 8 : 900));
                all.append(text);
                words.add(7, bytes(text));
            }
            String last = all.substring(Math.max(0, all.length() - LastWords.KEPT));
            assertThat(words.take(7)).as("seed %d", seed).asString().isEqualTo(last);
        }
    }

    @Test
    void whoWroteLongestAgoLosesItsWordsFirst() {
        byte[] chunk = new byte[LastWords.KEPT];
        int count = LastWords.MOST / LastWords.KEPT;
        for (int pid = 0; pid < count; pid++) {
            words.add(pid, chunk);
        }
        words.add(0, chunk); // anew
        words.add(count, chunk);
        assertThat(words.take(1)).isEmpty();
        assertThat(words.take(0)).hasSize(LastWords.KEPT);
        assertThat(words.take(2)).hasSize(LastWords.KEPT);
    }
}
