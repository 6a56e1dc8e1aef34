package dragon.agent.os;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dragon.memory.Native;
import dragon.memory.Raw;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Calls of libc's functions, by {@link Native}.
 *
 * <p>The plain methods throw a {@link LinuxException}; where an errno is an ordinary answer (a socket with nothing to read), the method says what it returns.
 * Thread-safe. Scratch memory comes from a confined arena for each call that needs any; those that are made all the time have some for each thread.
 */
public final class Linux {
    public static final int EPERM = 1;
    public static final int ENOENT = 2;
    public static final int ESRCH = 3;
    public static final int EINTR = 4;
    public static final int EAGAIN = 11;
    public static final int EACCES = 13;
    public static final int EEXIST = 17;
    public static final int EMFILE = 24;
    public static final int EPIPE = 32;
    public static final int ECONNRESET = 104;

    public static final int EXISTS = 0;
    public static final int EXECUTABLE = 1;
    public static final int READABLE = 4;

    public static final int SIGINT = 2;
    public static final int SIGQUIT = 3;
    public static final int SIGKILL = 9;
    public static final int SIGTERM = 15;
    public static final int SIGCONT = 18;
    public static final int SIGSTOP = 19;

    private static final int AF_UNIX = 1;
    private static final int SOCK_STREAM = 1;
    private static final int SOCK_CLOEXEC = 0x80000;
    private static final int SOCK_NONBLOCK = 0x800;
    private static final int O_CLOEXEC = 0x80000;
    private static final int SOL_SOCKET = 1;
    private static final int SO_PASSCRED = 16;
    private static final int SO_PEERCRED = 17;
    private static final long SYS_PIDFD_OPEN = 434; // the same on all architectures
    private static final int F_DUPFD_CLOEXEC = 1030;
    private static final int F_SETFD = 2;
    private static final int F_SETFL = 4;
    private static final int F_GETFL = 3;
    private static final int O_NONBLOCK = 0x800;
    private static final int FIONREAD = 0x541B;
    private static final int TIOCGWINSZ = 0x5413;
    private static final int PR_SET_CHILD_SUBREAPER = 36;
    private static final int RLIMIT_FSIZE = 1;
    private static final int RLIMIT_NOFILE = 7;
    private static final int RLIMIT_AS = 9;

    /** A thread's room for what a call answers: an arena for each call would cost several times the call. */
    private static final ThreadLocal<MemorySegment> ANSWER =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(8, 8));

    private Linux() {}

    /** A function of libc. */
    static long function(String name) {
        return Native.symbol(name);
    }

    /** What a call returned, or minus its errno. */
    static int call(long function, long a, long b, long c, long d, long e, long f) {
        return (int) Native.call(function, a, b, c, d, e, f, 0);
    }

    static int check(String name, int result) {
        if (result < 0) {
            throw new LinuxException(name, -result);
        }
        return result;
    }

    private static int run(String name, long a, long b, long c, long d) {
        return check(name, call(function(name), a, b, c, d, 0, 0));
    }

    /** The words for an errno. */
    public static String explain(int errno) {
        long text = Native.call(function("strerror"), errno, 0, 0, 0, 0, 0, 0);
        return Raw.segment(text, 256).getString(0);
    }

    // ---- processes ----

    /** Makes this process the one that orphans among its descendants become children of. */
    public static void becomeSubreaper() {
        run("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0);
    }

    /** Sends a signal; false if there is no such process or it belongs to another user. */
    public static boolean kill(int pid, int signal) {
        return call(Functions.KILL, pid, signal, 0, 0, 0, 0) == 0;
    }

    /** A descriptor that becomes readable when the process ends; -1 if there is no such process. */
    public static int pidfd(int pid) {
        int fd = call(function("syscall"), SYS_PIDFD_OPEN, pid, 0, 0, 0, 0);
        if (fd == -ESRCH) {
            return -1;
        }
        if (fd >= 0) {
            call(Functions.FCNTL, fd, F_SETFD, 1, 0, 0, 0);
        }
        return check("pidfd_open", fd);
    }

    /** The end of some child. */
    public record End(int pid, int status) {}

    /** Reaps a child ({@code pid} -1: any); waits for one to end unless {@code noWait}. pid 0: none has ended yet; null: there is no such child. */
    public static @Nullable End reap(int pid, boolean noWait) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment status = arena.allocate(8);
            while (true) {
                int result = call(function("waitpid"), pid, status.address(), noWait ? 1 : 0, 0, 0, 0);
                if (result >= 0) {
                    return new End(result, status.get(JAVA_INT, 0));
                }
                if (result != -EINTR) {
                    return null;
                }
            }
        }
    }

    public static int getpid() {
        return run("getpid", 0, 0, 0, 0);
    }

    public static int getppid() {
        return run("getppid", 0, 0, 0, 0);
    }

    public static int getuid() {
        return run("getuid", 0, 0, 0, 0);
    }

    /**
     * Starts a program with this process's environment; {@code control} becomes its descriptor 3, 0-2 are this process's own. posix_spawn stops only the calling
     * thread, until the program runs, and copies no memory. Returns its pid.
     */
    public static int spawn(String program, int control) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment actions = arena.allocate(512, 16); // at least the size of posix_spawn_file_actions_t
            MemorySegment path = arena.allocateFrom(program);
            MemorySegment arguments = arena.allocate(16, 8);
            arguments.set(JAVA_LONG, 0, path.address());
            MemorySegment pid = arena.allocate(8, 8);
            long environment = Raw.getLong(function("environ"));
            long actionsAt = actions.address();
            run("posix_spawn_file_actions_init", actionsAt, 0, 0, 0);
            run("posix_spawn_file_actions_adddup2", actionsAt, control, 3, 0);
            int error = call(
                    function("posix_spawn"),
                    pid.address(),
                    path.address(),
                    actionsAt,
                    0,
                    arguments.address(),
                    environment);
            run("posix_spawn_file_actions_destroy", actionsAt, 0, 0, 0);
            if (error != 0) {
                throw new LinuxException("posix_spawn of " + program, error);
            }
            return pid.get(JAVA_INT, 0);
        }
    }

    // ---- descriptors ----

    public static void close(int fd) {
        call(Functions.CLOSE, fd, 0, 0, 0, 0, 0);
    }

    /**
     * Raises the number of descriptors this process may have to the most it is allowed. The JVM must not do it (-XX:-MaxFDLimit): the user's programs would inherit
     * it.
     */
    public static void raiseDescriptorLimit() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment limit = arena.allocate(16, 8);
            if (call(function("getrlimit"), RLIMIT_NOFILE, limit.address(), 0, 0, 0, 0) == 0) {
                limit.set(JAVA_LONG, 0, limit.get(JAVA_LONG, 8));
                call(function("setrlimit"), RLIMIT_NOFILE, limit.address(), 0, 0, 0, 0);
            }
        }
    }

    /** Bytes of address space that this process may have; Long.MAX_VALUE: no limit. */
    public static long addressSpaceLimit() {
        return limit(RLIMIT_AS, 0);
    }

    /** Bytes that a file may have which this process makes, the memory's among them; Long.MAX_VALUE: no limit. */
    public static long fileSizeLimit() {
        return limit(RLIMIT_FSIZE, 0);
    }

    /** How many descriptors this process may have once it has raised its limit; Long.MAX_VALUE: no limit. */
    public static long mostDescriptors() {
        return limit(RLIMIT_NOFILE, 8);
    }

    private static long limit(int resource, int at) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment limit = arena.allocate(16, 8);
            run("getrlimit", resource, limit.address(), 0, 0);
            long value = limit.get(JAVA_LONG, at);
            return value < 0 ? Long.MAX_VALUE : value;
        }
    }

    /** Another number for the same open file, CLOEXEC. */
    public static int duplicate(int fd) {
        return run("fcntl", fd, F_DUPFD_CLOEXEC, 10, 0);
    }

    /** Makes {@code to} another number of {@code fd}. */
    public static void dup2(int fd, int to) {
        run("dup2", fd, to, 0, 0);
    }

    /** Lets go of what descriptors 0 to 2 lead to: the null device takes their place. */
    public static void silenceStandardStreams() {
        int nowhere = open("/dev/null", true);
        for (int fd = 0; fd < 3; fd++) {
            dup2(nowhere, fd);
        }
        close(nowhere);
    }

    /** Opens an existing file for reading, or for reading and writing. */
    public static int open(String path, boolean write) {
        try (Arena arena = Arena.ofConfined()) {
            int flags = O_CLOEXEC | (write ? 2 : 0);
            return check(
                    "open " + path,
                    call(function("open"), arena.allocateFrom(path).address(), flags, 0, 0, 0, 0));
        }
    }

    /** May this process do {@code what} with the file, for which {@link #EXISTS}, {@link #READABLE} and {@link #EXECUTABLE} are? */
    public static boolean accessible(byte[] path, int what) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(path.length + 1L);
            MemorySegment.copy(path, 0, text, JAVA_BYTE, 0, path.length);
            return call(function("access"), text.address(), what, 0, 0, 0, 0) == 0;
        }
    }

    public static void setNonBlocking(int fd) {
        int flags = run("fcntl", fd, F_GETFL, 0, 0);
        run("fcntl", fd, F_SETFL, flags | O_NONBLOCK, 0);
    }

    /** Bytes that can be read from {@code fd} at once. */
    public static int readable(int fd) {
        MemorySegment answer = ANSWER.get();
        int result = call(Functions.IOCTL, fd, FIONREAD, answer.address(), 0, 0, 0);
        return result < 0 ? 0 : answer.get(JAVA_INT, 0);
    }

    /** Is {@code fd} a terminal? */
    public static boolean isTerminal(int fd) {
        return call(Functions.IOCTL, fd, TIOCGWINSZ, ANSWER.get().address(), 0, 0, 0) == 0;
    }

    /** Reads; the number of bytes (0: the end), or minus an errno. */
    public static int read(int fd, MemorySegment into) {
        return call(Functions.READ, fd, into.address(), into.byteSize(), 0, 0, 0);
    }

    /** Writes; the number of bytes written, or minus an errno. */
    public static int write(int fd, MemorySegment from, long size) {
        return call(Functions.WRITE, fd, from.address(), size, 0, 0, 0);
    }

    /** Waits until {@code fd} takes bytes (used where a descriptor of the user's own is in non-blocking mode). */
    static void awaitWritable(int fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment poll = arena.allocate(8, 4);
            poll.set(JAVA_INT, 0, fd);
            poll.set(JAVA_INT, 4, 4); // POLLOUT
            call(function("poll"), poll.address(), 1, -1, 0, 0, 0);
        }
    }

    /** Writes all of it, however long that takes; 0, or the errno with which no more is taken: EPIPE when the reader is gone. */
    public static int writeAll(int fd, MemorySegment from, long size) {
        long written = 0;
        while (written < size) {
            int n = write(fd, from.asSlice(written), size - written);
            if (n > 0) {
                written += n;
            } else if (n == -EAGAIN) {
                awaitWritable(fd);
            } else if (n != -EINTR) {
                return -n;
            }
        }
        return 0;
    }

    public static int eventfd() {
        return run("eventfd", 0, O_CLOEXEC | O_NONBLOCK, 0, 0);
    }

    // ---- sockets ----

    /** Two connected stream sockets. */
    public record Pair(int mine, int other) {}

    /** A pair of stream sockets, both CLOEXEC; {@code mine} is in non-blocking mode and, with {@code credentials}, gets the writer's pid with each chunk. */
    public static Pair socketPair(boolean credentials) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pair = arena.allocate(8, 4);
            run("socketpair", AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.address());
            int mine = pair.get(JAVA_INT, 0);
            setNonBlocking(mine);
            if (credentials) {
                passCredentials(mine);
            }
            return new Pair(mine, pair.get(JAVA_INT, 4));
        }
    }

    private static void passCredentials(int fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment on = arena.allocate(4, 4);
            on.set(JAVA_INT, 0, 1);
            check("setsockopt", call(function("setsockopt"), fd, SOL_SOCKET, SO_PASSCRED, on.address(), 4, 0));
        }
    }

    /** A stream socket that listens under an abstract name, which is in no file system and ends with it. */
    public static int listen(String name) {
        try (Arena arena = Arena.ofConfined()) {
            int fd = run("socket", AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0);
            MemorySegment address = arena.allocate(110, 2);
            address.set(JAVA_BYTE, 0, (byte) AF_UNIX);
            for (int i = 0; i < name.length(); i++) {
                address.set(JAVA_BYTE, 3 + i, (byte) name.charAt(i));
            }
            run("bind", fd, address.address(), 3 + name.length(), 0);
            run("listen", fd, 4096, 0, 0);
            return fd;
        }
    }

    /** The next connection in non-blocking mode, or minus an errno. */
    public static int accept(int fd) {
        return call(function("accept4"), fd, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0);
    }

    /** Who is at the other end of a connection. */
    public record Peer(int pid, int uid, int gid) {}

    public static Peer peer(int fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment credentials = arena.allocate(12, 4);
            MemorySegment size = arena.allocate(4, 4);
            size.set(JAVA_INT, 0, 12);
            check(
                    "getsockopt",
                    call(
                            function("getsockopt"),
                            fd,
                            SOL_SOCKET,
                            SO_PEERCRED,
                            credentials.address(),
                            size.address(),
                            0));
            return new Peer(credentials.get(JAVA_INT, 0), credentials.get(JAVA_INT, 4), credentials.get(JAVA_INT, 8));
        }
    }

    /** Random bytes from the kernel. */
    public static byte[] random(int count) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(count);
            int fd = open("/dev/urandom", false);
            int got = read(fd, bytes);
            close(fd);
            if (got != count) {
                throw new LinuxException("read /dev/urandom", got < 0 ? -got : 5);
            }
            return bytes.toArray(JAVA_BYTE);
        }
    }

    static void putInt(MemorySegment at, long offset, int value) {
        at.set(JAVA_INT_UNALIGNED, offset, value);
    }

    static void putLong(MemorySegment at, long offset, long value) {
        at.set(JAVA_LONG_UNALIGNED, offset, value);
    }

    /** Those looked up once, for they are called all the time. */
    static final class Functions {
        static final long KILL = function("kill");
        static final long FCNTL = function("fcntl");
        static final long CLOSE = function("close");
        static final long IOCTL = function("ioctl");
        static final long READ = function("read");
        static final long WRITE = function("write");
        static final long SENDMSG = function("sendmsg");
        static final long RECVMSG = function("recvmsg");
        static final long EPOLL_WAIT = function("epoll_wait");
        static final long EPOLL_CTL = function("epoll_ctl");

        private Functions() {}
    }
}
