package dragon.channel;

import dragon.memory.Books;
import dragon.memory.Client;
import dragon.memory.DragonException;
import dragon.memory.Memory;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A process of its own that is a plain client of the test's node: it maps the memory, and asks its parent over a pipe for more of it. */
final class ChildProcess {
    /** What a child does. */
    interface Program {
        void run(Client client, String[] arguments) throws Exception;
    }

    private final TestNode node;
    private final Process process;
    final int client;

    private ChildProcess(TestNode node, Process process, int client) {
        this.node = node;
        this.process = process;
        this.client = client;
    }

    /** Starts a JVM that runs a program. */
    static ChildProcess start(TestNode node, Class<? extends Program> program, List<String> arguments)
            throws IOException {
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xshare:auto",
                "-Xmx64m",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                ChildProcess.class.getName(),
                program.getName());
        return start(node, command, arguments);
    }

    /** Starts any program, with the memory's path and a client number before its arguments. */
    static ChildProcess start(TestNode node, List<String> command, List<String> arguments) throws IOException {
        int number = node.table.add(0, 0);
        List<String> all = new ArrayList<>(command);
        all.add("/proc/" + ProcessHandle.current().pid() + "/fd/" + node.memory.fd());
        all.add(Integer.toString(number));
        all.addAll(arguments);
        Process process = new ProcessBuilder(all)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        ChildProcess child = new ChildProcess(node, process, number);
        Thread.ofPlatform().daemon().start(child::answer);
        return child;
    }

    /** Grants memory, as the agent does for its clients. */
    private void answer() {
        try (BufferedReader questions = process.inputReader()) {
            for (String line = questions.readLine(); line != null; line = questions.readLine()) {
                node.books.grow(Integer.parseInt(line));
                process.outputWriter().write("granted\n");
                process.outputWriter().flush();
            }
        } catch (IOException gone) {
            // killed
        }
    }

    /** Kills it with SIGKILL, and returns when it is dead; it is not swept then. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    int waitFor() throws InterruptedException {
        return process.waitFor();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    public static void main(String[] arguments) throws Throwable {
        Memory memory = Memory.map(open(arguments[1]));
        BufferedReader answers = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Books books = blockClass -> ask(answers, blockClass);
        Client client = Client.attach(memory, Integer.parseInt(arguments[2]), books);
        Program program = Class.forName(arguments[0])
                .asSubclass(Program.class)
                .getDeclaredConstructor()
                .newInstance();
        String[] rest = new String[arguments.length - 3];
        System.arraycopy(arguments, 3, rest, 0, rest.length);
        program.run(client, rest);
        client.orderly();
    }

    private static synchronized void ask(BufferedReader answers, int blockClass) {
        System.out.println(blockClass);
        try {
            if (answers.readLine() == null) {
                throw new DragonException(DragonException.Category.REMOTE, "test", "the parent is gone");
            }
        } catch (IOException failure) {
            throw new DragonException(DragonException.Category.REMOTE, "test", failure.toString());
        }
    }

    private static int open(String path) throws Throwable {
        Linker linker = Linker.nativeLinker();
        MethodHandle open = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("open"),
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT),
                Linker.Option.firstVariadicArg(2));
        try (Arena arena = Arena.ofConfined()) {
            int readWrite = 2;
            int fd = (int) open.invokeExact(arena.allocateFrom(path), readWrite);
            if (fd < 0) {
                throw new IOException("cannot open " + path);
            }
            return fd;
        }
    }
}
