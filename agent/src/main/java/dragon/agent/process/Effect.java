package dragon.agent.process;

import java.util.List;

/** What is to be done because of an {@link Event}. */
public sealed interface Effect {
    /** Start a zygote. {@code first}: the process that it is started for, or 0; {@code only}: it is for that one alone. */
    record StartZygote(long zygote, List<String> interpreter, long first, boolean only) implements Effect {}

    /** End a zygote that is of no more use. */
    record EndZygote(long zygote) implements Effect {}

    /** Ask a zygote to fork the process. */
    record Fork(long zygote, long process) implements Effect {}

    /** The process lives: tell who asked for it. */
    record Started(long process, int pid) implements Effect {}

    /** The process never lived: tell who asked for it; its client number is free again. */
    record Refused(Birth birth, String words, int errno) implements Effect {}

    /**
     * The process ended. What it held is swept; when all it wrote is shown, its exit event is set; then {@code reaper}, the zygote that waits for leave to do so, may
     * reap it (0: that has been done), and its pid may be another's.
     */
    record Ended(Birth birth, int pid, int status, long reaper) implements Effect {}

    /** Send a signal to a process that is not reaped yet. */
    record Kill(int pid, int signal) implements Effect {}
}
