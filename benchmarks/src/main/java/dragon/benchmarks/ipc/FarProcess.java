package dragon.benchmarks.ipc;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The far end as a process of its own, run with this process's JVM options. It reads tasks from its standard input and ends with it; if it fails, this process
 * ends, too.
 */
final class FarProcess implements Far {
    private final Process process;
    private final PrintStream tasks;

    FarProcess(List<Medium> media) {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), FarProcess.class.getName()));
        media.forEach(medium -> command.add(medium.name() + "=" + medium.address()));
        try {
            process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            tasks = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
            if (process.inputReader().readLine() == null) {
                throw new IllegalStateException("the far process failed; its own words are above");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        var _ = process.onExit().thenAccept(ended -> {
            if (ended.exitValue() != 0) {
                System.err.println("the far process failed with code " + ended.exitValue());
                Runtime.getRuntime().halt(1);
            }
        });
    }

    @Override
    public void start(Task task) {
        tasks.println(task.line());
    }

    @Override
    public void close() {
        tasks.close();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The far process. Arguments: {@code medium=address} each. */
    public static void main(String[] arguments) throws IOException {
        List<Medium> media = new ArrayList<>();
        Map<String, Link> links = new HashMap<>();
        for (String argument : arguments) {
            int equals = argument.indexOf('=');
            Medium medium = Media.connect(argument.substring(0, equals), argument.substring(equals + 1));
            media.add(medium);
        }
        System.out.println("ready");
        media.forEach(medium -> links.put(medium.name(), medium.far()));
        Cpu.bindToLast();
        BufferedReader tasks = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = tasks.readLine(); line != null; line = tasks.readLine()) {
            Far.answer(Task.of(line), links);
        }
        links.values().forEach(Link::close);
        media.forEach(Medium::close);
    }
}
