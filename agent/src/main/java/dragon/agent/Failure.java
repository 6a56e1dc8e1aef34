package dragon.agent;

import dragon.agent.output.Output;
import java.io.PrintWriter;
import java.io.StringWriter;

/**
 * What an exception that nobody expected does, in whichever thread of the agent: it is told (of a limit of the machine: which), and ends the agent. The keeper then ends the run as it does when the agent is killed, and every call of every process fails with an
 * error. Without the thread alone the agent would go on with a part of its work, and who waits for the rest would wait for ever.
 */
final class Failure implements Thread.UncaughtExceptionHandler {
    private static final int CODE = 70; // EX_SOFTWARE: at fault is who says so
    private static final long PATIENCE = 200; // ms, for a terminal that takes nothing

    private final Output output;

    Failure(Output output) {
        this.output = output;
    }

    @Override
    public void uncaughtException(Thread thread, Throwable problem) {
        String text = text(thread, problem);
        try {
            Thread teller = new Thread(() -> output.sayNow(text));
            teller.setDaemon(true);
            teller.start();
            teller.join(PATIENCE);
        } catch (OutOfMemoryError _) { // no thread can be made
            output.sayNow(text);
        } catch (InterruptedException _) {
            // it ends all the same
        } finally {
            Runtime.getRuntime().halt(CODE);
        }
    }

    private static String text(Thread thread, Throwable problem) {
        String who = "dragon: the run ends, because its agent (pid "
                + ProcessHandle.current().pid() + ", thread " + thread.getName() + ") failed; ";
        return who + Shortage.cause(problem).map(words -> words + "\n").orElseGet(() -> trace(problem));
    }

    private static String trace(Throwable problem) {
        StringWriter trace = new StringWriter();
        problem.printStackTrace(new PrintWriter(trace, true));
        return "this is a fault of Dragon's, please report it with these lines:\n" + trace;
    }
}
