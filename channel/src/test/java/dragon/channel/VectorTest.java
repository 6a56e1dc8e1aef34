package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Runs the scenarios of {@code spec/vectors/memory.txt} and compares the memory byte by byte. With {@code -Ddragon.vectors=write} it writes what it finds
 * into the file instead: after a change of the layout.
 */
class VectorTest {
    private static final Path FILE = Path.of(System.getProperty("dragon.home", "."), "spec/vectors/memory.txt");

    private record Scenario(List<String> head, List<String> commands, List<String> memory) {}

    @TestFactory
    List<DynamicTest> memoryIsAsInTheVectors() throws IOException {
        List<Scenario> scenarios = read();
        assertThat(scenarios).isNotEmpty();
        if (System.getProperty("dragon.vectors", "").equals("write")) {
            write(scenarios);
        }
        return read().stream()
                .map(each -> DynamicTest.dynamicTest(
                        each.head.getLast(), () -> assertThat(run(each)).isEqualTo(each.memory)))
                .toList();
    }

    private static List<String> run(Scenario scenario) {
        try (VectorScript script = new VectorScript()) {
            scenario.commands.forEach(script::run);
            return script.memory();
        }
    }

    private static List<Scenario> read() throws IOException {
        List<Scenario> scenarios = new ArrayList<>();
        List<String> head = new ArrayList<>();
        List<String> commands = new ArrayList<>();
        List<String> memory = new ArrayList<>();
        for (String line : Files.readAllLines(FILE)) {
            if (line.startsWith("do ")) {
                commands.add(line.substring(3));
            } else if (line.equals("end")) {
                scenarios.add(new Scenario(List.copyOf(head), List.copyOf(commands), List.copyOf(memory)));
                head.clear();
                commands.clear();
                memory.clear();
            } else if (commands.isEmpty()) {
                head.add(line);
            } else if (!line.equals("memory")) {
                memory.add(line);
            }
        }
        return scenarios;
    }

    private static void write(List<Scenario> scenarios) throws IOException {
        List<String> lines = new ArrayList<>();
        for (Scenario each : scenarios) {
            lines.addAll(each.head);
            each.commands.forEach(command -> lines.add("do " + command));
            lines.add("memory");
            lines.addAll(run(each));
            lines.add("end");
        }
        Files.write(FILE, lines);
    }
}
