package dragon.agent.process;

/** What a wait status means. */
public final class Status {
    private static final String[] SIGNALS = {
        "0",
        "SIGHUP",
        "SIGINT",
        "SIGQUIT",
        "SIGILL",
        "SIGTRAP",
        "SIGABRT",
        "SIGBUS",
        "SIGFPE",
        "SIGKILL",
        "SIGUSR1",
        "SIGSEGV",
        "SIGUSR2",
        "SIGPIPE",
        "SIGALRM",
        "SIGTERM",
        "SIGSTKFLT",
        "SIGCHLD",
        "SIGCONT",
        "SIGSTOP",
        "SIGTSTP",
        "SIGTTIN",
        "SIGTTOU",
        "SIGURG",
        "SIGXCPU",
        "SIGXFSZ",
        "SIGVTALRM",
        "SIGPROF",
        "SIGWINCH",
        "SIGIO",
        "SIGPWR",
        "SIGSYS"
    };

    private Status() {}

    /** The signal that ended the process; 0 if it ended by itself. */
    public static int signal(int status) {
        return status & 0x7f;
    }

    /** The exit code as shells show it: its own, or 128 + the signal. */
    public static int code(int status) {
        return signal(status) == 0 ? status >> 8 & 255 : 128 + signal(status);
    }

    /** What is worth saying of it; nothing of an end by its own will. */
    public static String words(String who, int status) {
        int signal = signal(status);
        if (signal == 0) {
            return "";
        }
        return who + " was ended by signal " + signal + " (" + name(signal) + ")"
                + ((status & 0x80) == 0 ? "" : ", core dumped");
    }

    /** The name of a signal. */
    public static String name(int signal) {
        return signal < SIGNALS.length ? SIGNALS[signal] : "real-time signal";
    }
}
