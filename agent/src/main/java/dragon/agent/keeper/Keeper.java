package dragon.agent.keeper;

import dragon.agent.os.Link;
import dragon.agent.os.Linux;
import dragon.agent.os.Poller;

/**
 * The keeper of this run as the agent sees it: requests go out, starts and ends of processes come in. It is started before anything else, so that it is there
 * when the first process is wanted. Its end (the socket's) is the end of the run, since everything it started dies with it.
 *
 * <p>For the agent's thread only.
 */
public final class Keeper {
    static final int MEMORY = 1;
    static final int START = 2;
    private static final int SIGNAL = 3;
    private static final int FORWARD = 4;
    private static final int END = 5;
    private static final int STARTED = 1;
    private static final int EXITED = 2;

    private static final String[] STEPS = {
        "fork",
        "setsid",
        "passing descriptors",
        "setting the priority",
        "setting limits",
        "setting the affinity",
        "setting user and groups",
        "changing to its working directory",
        "the keeper was gone",
        "execute"
    };

    /** Hears of the keeper's processes. */
    public interface Listener {
        /** A program runs. */
        void started(long id, int pid);

        /** A program could not be started: in which step, and the errno. */
        void failed(long id, int errno, String step);

        /** A process ended. id 0: one that was not started by {@link #start}, but lost its parent. */
        void exited(long id, int pid, int status);

        /** The keeper is gone. */
        void gone();
    }

    private final Link link;
    private final int pid;

    private Keeper(Link link, int pid) {
        this.link = link;
        this.pid = pid;
    }

    /** Starts the keeper, the program at {@code path}. Its standard streams are this process's own. */
    public static Keeper start(String path, Poller poller, Listener listener) {
        Linux.Pair pair = Linux.socketPair(false);
        try {
            int pid = Linux.spawn(path, pair.other());
            return new Keeper(new Link(poller, pair.mine(), new Reports(listener)), pid);
        } finally {
            Linux.close(pair.other());
        }
    }

    /** One that is there already: {@code control} is this process's end of the socket to it. */
    public static Keeper begun(int pid, int control, Poller poller, Listener listener) {
        return new Keeper(new Link(poller, control, new Reports(listener)), pid);
    }

    public int pid() {
        return pid;
    }

    private record Reports(Listener listener) implements Link.Listener {
        @Override
        public void frame(byte[] bytes, int[] descriptors) {
            report(bytes, listener);
        }

        @Override
        public void ended(boolean broken) {
            listener.gone();
        }
    }

    private static void report(byte[] frame, Listener listener) {
        if (frame[0] == STARTED) {
            long id = Bytes.number(frame, 1, 8);
            int pid = (int) Bytes.number(frame, 9, 4);
            if (pid != 0) {
                listener.started(id, pid);
            } else {
                listener.failed(id, (int) Bytes.number(frame, 13, 4), STEPS[(int) Bytes.number(frame, 17, 4)]);
            }
        } else if (frame[0] == EXITED) {
            int count = (int) Bytes.number(frame, 1, 4);
            for (int i = 0; i < count; i++) {
                int at = 5 + 16 * i;
                listener.exited(Bytes.number(frame, at, 8), (int) Bytes.number(frame, at + 8, 4), (int)
                        Bytes.number(frame, at + 12, 4));
            }
        }
    }

    /** Gives it the node's memory, for the case that the agent dies. */
    public void memory(int fd) {
        link.send(new byte[] {MEMORY}, fd);
    }

    /** Starts a program; {@link Listener#started} or {@link Listener#failed} tells what came of it. */
    public void start(long id, Program program, int... descriptors) {
        link.send(program.request(id), descriptors);
    }

    /** Sends a signal to a process it started, if that has not ended. */
    public void signal(long id, int signal) {
        link.send(new Bytes().u8(SIGNAL).u64(id).u32(signal).toBytes());
    }

    /** As {@link #signal}, unless the terminal has sent that signal to the whole foreground group, the process and the keeper included. */
    public void forward(long id, int signal) {
        link.send(new Bytes().u8(FORWARD).u64(id).u32(signal).toBytes());
    }

    /** Kills everything that is left of the run, then the keeper ends ({@link Listener#gone}). */
    public void end() {
        link.send(new byte[] {END});
    }
}
