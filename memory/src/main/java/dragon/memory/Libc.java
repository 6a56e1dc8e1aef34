package dragon.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * The system calls the shared memory needs, by libc's {@code syscall}.
 * A failed call throws {@link DragonException} (code {@code "system"}) with the call, the error and its meaning, where the method says nothing else.
 */
public final class Libc {
    /** A signal came. */
    public static final int EINTR = 4;

    /** The word had another value. */
    public static final int EAGAIN = 11;

    /** The time limit passed. */
    public static final int ETIMEDOUT = 110;

    private static final boolean ARM = System.getProperty("os.arch").equals("aarch64");
    private static final long SYS_CLOSE = ARM ? 57 : 3;
    private static final long SYS_MMAP = ARM ? 222 : 9;
    private static final long SYS_MUNMAP = ARM ? 215 : 11;
    private static final long SYS_MPROTECT = ARM ? 226 : 10;
    private static final long SYS_MADVISE = ARM ? 233 : 28;
    private static final long SYS_GETPID = ARM ? 172 : 39;
    private static final long SYS_GETTID = ARM ? 178 : 186;
    private static final long SYS_FCNTL = ARM ? 25 : 72;
    private static final long SYS_FTRUNCATE = ARM ? 46 : 77;
    private static final long SYS_FUTEX = ARM ? 98 : 202;
    private static final long SYS_MEMFD_CREATE = ARM ? 279 : 319;
    private static final long SYS_MEMBARRIER = ARM ? 283 : 324;
    private static final long SYS_SOCKET = ARM ? 198 : 41;
    private static final long SYS_SENDTO = ARM ? 206 : 44;

    private static final long MFD_CLOEXEC = 1;
    private static final long MFD_ALLOW_SEALING = 2;
    private static final long F_ADD_SEALS = 1033;
    private static final long SEAL_SEAL_SHRINK_GROW = 1 | 2 | 4;
    private static final long PROT_READ_WRITE = 3;
    private static final long PROT_READ_EXEC = 5;
    private static final long MAP_PRIVATE_ANONYMOUS = 0x02 | 0x20;
    private static final long PAGE = 4096;
    private static final long MAP_SHARED_NORESERVE = 0x01 | 0x4000;
    private static final long MADV_DONTDUMP = 16;
    private static final long MADV_REMOVE = 9;
    private static final long FUTEX_WAKE = 1;
    private static final long FUTEX_WAIT_BITSET = 9;
    private static final long FUTEX_BITSET_MATCH_ANY = 0xffffffffL;
    private static final int AF_UNIX = 1;
    private static final long SOCK_DGRAM_CLOEXEC_NONBLOCK = 2 | 0x80000 | 0x800;
    private static final long MSG_NOSIGNAL = 0x4000;
    private static final long MEMBARRIER_PRIVATE = 8;
    private static final long MEMBARRIER_REGISTER_PRIVATE = 16;

    private static final long SYSCALL = Native.symbol("syscall");

    private Libc() {}

    /** Makes the call; a failure is its negated errno. */
    private static long call(long number, long a, long b, long c, long d, long e, long f) {
        return Native.call(SYSCALL, number, a, b, c, d, e, f);
    }

    private static long check(String what, long result) {
        if (result < 0 && result > -4096) {
            throw new DragonException(
                    DragonException.Category.INTERNAL, "system", what + " failed: " + describe((int) -result));
        }
        return result;
    }

    /**
     * Gives the whole pages of {@code page} bytes among these bytes of a mapped file back: they are zero, and take memory again only when they are touched. Where the
     * kernel will not have them they stay as they are, which costs memory and harms nobody: false.
     */
    public static boolean giveBack(long address, long bytes, long page) {
        long first = (address + page - 1) & -page;
        long end = (address + bytes) & -page;
        return end <= first || call(SYS_MADVISE, first, end - first, MADV_REMOVE, 0, 0, 0) == 0;
    }

    private static String describe(int errno) {
        return switch (errno) {
            case 1 -> "operation not permitted (EPERM)";
            case 9 -> "bad file descriptor (EBADF)";
            case 12 -> "out of memory or address space (ENOMEM); see ulimit -v and vm.overcommit_memory";
            case 22 -> "invalid argument (EINVAL)";
            case 23 -> "too many open files in the system (ENFILE)";
            case 24 -> "too many open files in this process (EMFILE); see ulimit -n";
            case 27 -> "file too large (EFBIG); see ulimit -f";
            case 38 -> "the kernel has no such call (ENOSYS)";
            default -> "errno " + errno;
        };
    }

    /** An anonymous memory file, close-on-exec, that can be sealed. */
    public static int memfdCreate(String name) {
        try (Arena arena = Arena.ofConfined()) {
            long text = arena.allocateFrom(name).address();
            long flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
            return (int) check("memfd_create", call(SYS_MEMFD_CREATE, text, flags, 0, 0, 0, 0));
        }
    }

    /** Sets a file's size. */
    public static void truncate(int fd, long size) {
        check("ftruncate of the memory file to " + size + " bytes", call(SYS_FTRUNCATE, fd, size, 0, 0, 0, 0));
    }

    /** Makes a file's size final. */
    public static void sealSize(int fd) {
        check("sealing the memory file", call(SYS_FCNTL, fd, F_ADD_SEALS, SEAL_SEAL_SHRINK_GROW, 0, 0, 0));
    }

    /** Maps a file shared, read-write, without reserving memory. Returns the address. */
    public static long map(int fd, long size) {
        String what = "mmap of " + size + " bytes of the memory file";
        long address = check(what, call(SYS_MMAP, 0, size, PROT_READ_WRITE, MAP_SHARED_NORESERVE, fd, 0));
        call(SYS_MADVISE, address, size, MADV_DONTDUMP, 0, 0, 0); // a core file without it is too large, not wrong
        return address;
    }

    /** A page of machine code; 0: this system allows none. */
    static long executable(byte[] code) {
        long page = call(SYS_MMAP, 0, PAGE, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
        if (page < 0 && page > -4096) {
            return 0;
        }
        MemorySegment.copy(code, 0, Raw.segment(page, PAGE), ValueLayout.JAVA_BYTE, 0, code.length);
        if (call(SYS_MPROTECT, page, PAGE, PROT_READ_EXEC, 0, 0, 0) != 0) {
            call(SYS_MUNMAP, page, PAGE, 0, 0, 0, 0);
            return 0;
        }
        return page;
    }

    /** Unmaps. */
    public static void unmap(long address, long size) {
        check("munmap", call(SYS_MUNMAP, address, size, 0, 0, 0, 0));
    }

    /** Closes a descriptor. */
    public static void close(int fd) {
        check("close of descriptor " + fd, call(SYS_CLOSE, fd, 0, 0, 0, 0, 0));
    }

    /** This process, as the operating system numbers it. */
    public static int pid() {
        return (int) call(SYS_GETPID, 0, 0, 0, 0, 0, 0);
    }

    /** The calling kernel thread. */
    public static int tid() {
        return (int) call(SYS_GETTID, 0, 0, 0, 0, 0, 0);
    }

    /** Wakes up to {@code count} threads that wait on the word. */
    public static void futexWake(long address, int count) {
        if (Crash.ON) {
            Crash.step();
        }
        call(SYS_FUTEX, address, FUTEX_WAKE, count, 0, 0, 0);
    }

    /**
     * Sleeps while the word has that value, until a wake, a signal or the time of {@link System#nanoTime()} given by {@code timespec} (address of
     * two longs, 0: without limit). Returns 0, {@link #EAGAIN}, {@link #EINTR} or {@link #ETIMEDOUT}.
     */
    public static int futexWait(long address, int value, long timespec) {
        if (Crash.ON) {
            Crash.step();
        }
        long unsigned = value & 0xffffffffL;
        long result = call(SYS_FUTEX, address, FUTEX_WAIT_BITSET, unsigned, timespec, 0, FUTEX_BITSET_MATCH_ANY);
        int errno = (int) -result;
        if (errno != EAGAIN && errno != EINTR && errno != ETIMEDOUT) {
            check("futex wait", result);
            return 0;
        }
        return errno;
    }

    /** All threads of this process have passed a full fence when it returns. False: this kernel cannot. */
    public static boolean fenceAllThreads() {
        return Fences.REGISTERED && call(SYS_MEMBARRIER, MEMBARRIER_PRIVATE, 0, 0, 0, 0, 0) == 0;
    }

    private static final class Fences {
        static final boolean REGISTERED = call(SYS_MEMBARRIER, MEMBARRIER_REGISTER_PRIVATE, 0, 0, 0, 0, 0) == 0;
    }

    /** Sends one byte to an abstract datagram socket. Nobody there, or no room: nothing happens. */
    public static void ring(String abstractName) {
        try (Arena arena = Arena.ofConfined()) {
            byte[] name = abstractName.getBytes(StandardCharsets.US_ASCII);
            MemorySegment to = arena.allocate(3 + name.length, 2);
            to.set(ValueLayout.JAVA_SHORT, 0, (short) AF_UNIX);
            MemorySegment.copy(name, 0, to, ValueLayout.JAVA_BYTE, 3, name.length);
            long one = arena.allocate(1).address();
            call(SYS_SENDTO, Ringer.SOCKET, one, 1, MSG_NOSIGNAL, to.address(), to.byteSize());
        }
    }

    /** Opens, once, the socket by which bells are rung: later this process may have no descriptor to spare. */
    static void prepareToRing() {
        check("socket for ringing bells", Ringer.SOCKET);
    }

    private static final class Ringer {
        static final long SOCKET = call(SYS_SOCKET, AF_UNIX, SOCK_DGRAM_CLOEXEC_NONBLOCK, 0, 0, 0, 0);
    }
}
