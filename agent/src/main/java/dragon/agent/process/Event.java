package dragon.agent.process;

import java.util.List;

/** What happened to a process or a zygote. */
public sealed interface Event {
    /**
     * A zygote for {@code interpreter} is to be started before anyone asks for a worker, since its first request is to find it warm. What it really is it will tell
     * itself when it is ready.
     */
    record Prepare(long zygote, List<String> interpreter) implements Event {}

    /** A client wants a process. {@code fresh}: by an interpreter of its own, which is executed for it (credentials or start-up environment differ). */
    record Wanted(Birth birth, List<String> interpreter, boolean fresh) implements Event {}

    /** A zygote is there and takes requests; {@code interpreter} is what it says it is. */
    record ZygoteReady(long zygote, List<String> interpreter) implements Event {}

    /** A zygote ended, or could not be started; {@code words}, and an errno if there is one, tell why. */
    record ZygoteGone(long zygote, String words, int errno) implements Event {}

    /** A zygote forked a process; pid 0: it could not, and {@code errno} says why. */
    record Forked(long process, int pid, int errno) implements Event {}

    /** A process ended; {@code reported} by its zygote, which waits for leave to reap it, or else already reaped by the keeper. */
    record Exited(int pid, int status, boolean reported) implements Event {}

    /** A client that no zygote forked (the head, a process of user code) is gone. */
    record ClientGone(long process) implements Event {}

    /** The head is about to end in order: daemons of every process go. */
    record EndDaemons() implements Event {}
}
