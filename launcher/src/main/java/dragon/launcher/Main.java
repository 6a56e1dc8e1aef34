package dragon.launcher;

import dragon.agent.Agent;
import dragon.agent.os.LibraryCalls;
import dragon.agent.os.Linux;
import dragon.agent.os.Poller;
import java.io.IOException;
import java.util.function.IntConsumer;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * {@code dragon [options] PROG [ARG...]}: runs a program in Dragon. This process is launcher and agent of the run in one, and ends with the head's exit code, telling it on
 * stderr in its last line.
 */
public final class Main {
    /** The version of all of Dragon. */
    static final String VERSION = "0.1.0";

    private static final int MISUSED = 2;

    private Main() {}

    public static void main(String[] arguments) {
        // halt, not exit: there is nothing to be tidied up, and threads that write or wait need not be waited for.
        Runtime.getRuntime().halt(run(arguments.length));
    }

    private static int run(int count) {
        LibraryCalls.use();
        try {
            CommandLine line = CommandLine.parse(Bytes.arguments(count));
            return switch (line.kind()) {
                case HELP -> print(CommandLine.HELP);
                case VERSION -> print("dragon " + VERSION + " (Java " + System.getProperty("java.version") + ")\n");
                case PROGRAM, MODULE, CODE -> launch(line);
            };
        } catch (CommandLine.UsageException e) {
            return complain(e.line, MISUSED);
        } catch (Heads.MissingException e) {
            return complain(e.line, e.code);
        } catch (IOException e) {
            return complain(
                    "cannot read /proc/self: " + e.getMessage() + "; Dragon needs /proc to be mounted", MISUSED);
        } catch (RuntimeException | OutOfMemoryError e) { // the latter where no thread can be made
            return complain("the run-time could not start: " + Agent.whyNotStarted(e), MISUSED);
        }
    }

    private static int launch(CommandLine line) throws Heads.MissingException, IOException {
        String home = dragon.agent.Main.home();
        if (home == null) {
            return complain(
                    "the run-time does not know where it is (-Ddragon.home); start it with the dragon script", MISUSED);
        }
        Agent agent = new Agent(new Heads(home, Bytes.environment()).setup(line), Main::forward);
        if (line.options().verbose()) {
            agent.say("dragon: " + agent);
        }
        Agent.Outcome outcome = agent.run();
        if (!outcome.words().isEmpty()) {
            complain(outcome.words(), 0);
        }
        if (outcome.ran()) {
            System.err.println("+++ head proc exited, code " + outcome.code());
        }
        return outcome.code();
    }

    /** What the launcher gets is the head's. A signal that was ignored when the launcher was started (nohup) stays so: the JVM sees to that. */
    private static void forward(Poller poller, IntConsumer receiver) {
        SignalHandler handler = signal -> receiver.accept(signal.getNumber());
        Signal.handle(new Signal("INT"), handler);
        Signal.handle(new Signal("TERM"), handler);
        Signal.handle(new Signal("HUP"), handler);
        LibraryCalls.atQuit(poller, () -> receiver.accept(Linux.SIGQUIT));
    }

    private static int print(String text) {
        System.out.print(text);
        System.out.flush();
        return System.out.checkError() ? 1 : 0;
    }

    private static int complain(String line, int code) {
        System.err.println("dragon: " + line);
        return code;
    }
}
