package dragon.agent.os;

/** A call to the operating system failed: which, and with what errno. */
public final class LinuxException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int errno;

    LinuxException(String call, int errno) {
        super(call + ": " + Linux.explain(errno) + " (errno " + errno + ")");
        this.errno = errno;
    }

    /** The number the call left in errno. */
    public int errno() {
        return errno;
    }
}
