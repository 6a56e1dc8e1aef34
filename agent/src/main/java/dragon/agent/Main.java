package dragon.agent;

import dragon.agent.os.LibraryCalls;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The agent of a program that was started without the launcher: {@code dragon.agent.Main --plain PID BEGUN INTERPRETER [FLAG...]}, by the Python package of the
 * process with that pid, in a session of its own.
 *
 * <p>Prints {@code DRAGON_AGENT <name of its socket>} when it can be reached, and ends with the process that started it. Until that process says hello, what goes wrong
 * is told on stderr.
 */
public final class Main {
    private Main() {}

    /** The folder of the run-time, as who started this JVM knows it; null if he does not say. */
    public static @Nullable String home() {
        return System.getProperty("dragon.home");
    }

    public static void main(String[] arguments) {
        LibraryCalls.use();
        String home = home();
        if (home == null || arguments.length < 4 || !arguments[0].equals("--plain")) {
            System.err.println(
                    "This is a part of Dragon, started by its Python package; run a program with: dragon PROG");
            Runtime.getRuntime().halt(2);
            return;
        }
        int code;
        try {
            List<String> interpreter = List.of(Arrays.copyOfRange(arguments, 3, arguments.length));
            int parent = Integer.parseInt(arguments[1]);
            Begun begun = Begun.of(arguments[2]);
            Setup setup = new Setup(home, begun, interpreter, List.of(), null, "", parent, Setup.labelWanted());
            Agent agent = new Agent(setup, Agent.NO_SIGNALS);
            System.out.println("DRAGON_AGENT " + agent.name());
            // If nobody reads that, the head is gone already, and the parent that this process sees is not the head.
            code = System.out.checkError() ? 0 : agent.run().code();
        } catch (RuntimeException | OutOfMemoryError e) { // the latter where no thread can be made
            System.err.println("dragon: the agent could not start: " + Agent.whyNotStarted(e));
            code = 2;
        }
        Runtime.getRuntime().halt(code);
    }
}
