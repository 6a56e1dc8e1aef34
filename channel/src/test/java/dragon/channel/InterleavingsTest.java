package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs the jcstress tests of {@code src/stress}, briefly: each once, as the JVM compiles it by itself. They are compiled here, since the code that jcstress
 * generates is not as our lint wants code. {@code -Ddragon.stress="-m default"} gives jcstress other options, for a long run.
 */
class InterleavingsTest {
    private static final Path SOURCES =
            Path.of(System.getProperty("dragon.home", "."), "channel/src/stress/java/dragon/channel");
    private static final String BRIEFLY =
            "-m sanity -f 1 -fsm 1 -iters 1 -time 300 -strideSize 20 -strideCount 20 -sc false -jvmArgs --enable-native-access=ALL-UNNAMED";

    @Test
    @Timeout(300)
    void noneIsForbidden(@TempDir Path folder) throws Exception {
        String classPath = System.getProperty("java.class.path");
        compile(folder, classPath);
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                folder + ":" + classPath,
                "org.openjdk.jcstress.Main",
                "-t",
                "Stress",
                "-r",
                folder.toString()));
        command.addAll(List.of(System.getProperty("dragon.stress", BRIEFLY).split(" ", -1)));
        Path log = folder.resolve("log");
        Process stress = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        assertThat(stress.waitFor()).as(Files.readString(log)).isZero();
        assertThat(Files.readString(log)).contains("Failed tests: No matches", "Error tests: No matches");
    }

    private static void compile(Path folder, String classPath) throws IOException {
        List<String> options = new ArrayList<>(List.of("-proc:full", "-nowarn", "-d", folder.toString()));
        options.addAll(List.of("-cp", classPath, "-processorpath", classPath));
        try (Stream<Path> sources = Files.list(SOURCES)) {
            sources.map(Path::toString).forEach(options::add);
        }
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        assertThat(compiler.run(null, System.out, System.err, options.toArray(new String[0])))
                .isZero();
    }
}
