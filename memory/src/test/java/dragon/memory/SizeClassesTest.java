package dragon.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class SizeClassesTest {
    @Test
    void areAsInTheVectors() throws IOException {
        int blockClass = 0;
        int asked = 0;
        for (String line : Files.readAllLines(Path.of(System.getProperty("dragon.home"), "spec/vectors/classes.txt"))) {
            String[] words = line.split(" ", -1);
            if (words[0].equals("class")) {
                assertThat(SizeClasses.sizeOf(blockClass)).as(line).isEqualTo(Long.parseLong(words[1]));
                assertThat(SizeClasses.blocksOf(blockClass)).as(line).isEqualTo(Integer.parseInt(words[2]));
                assertThat(SizeClasses.slabBytes(blockClass, 4096)).as(line).isEqualTo(Long.parseLong(words[3]));
                blockClass++;
            } else if (words[0].equals("class_of")) {
                assertThat(SizeClasses.classOf(Long.parseLong(words[1])))
                        .as(line)
                        .isEqualTo(Integer.parseInt(words[2]));
                asked++;
            }
        }
        assertThat(blockClass).isEqualTo(SizeClasses.COUNT);
        assertThat(asked).isGreaterThan(200);
    }

    @Test
    void refusesWhatNoBlockHolds() {
        assertThatThrownBy(() -> SizeClasses.classOf((1L << 40) + 1))
                .isInstanceOf(DragonException.class)
                .hasMessageContaining("not " + ((1L << 40) + 1));
    }
}
