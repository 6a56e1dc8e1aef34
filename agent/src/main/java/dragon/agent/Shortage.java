package dragon.agent;

import dragon.agent.os.Linux;
import dragon.agent.os.LinuxException;
import java.io.File;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** Says which limit of the machine is reached, with need and have, where the kernel says no more than an errno. Looks at {@code /proc} only when something has failed. */
final class Shortage {
    private static final int ENOMEM = 12;
    private static final int ENFILE = 23;
    private static final Set<Integer> LIMITED = Set.of(Linux.EAGAIN, ENOMEM, Linux.EMFILE, ENFILE);
    private static final int NEAR = 4; // some may have ended since

    private Shortage() {}

    /** Words for what a start threw: with the limit that is reached, if that was the cause. */
    static String words(Throwable thrown) {
        return cause(thrown).orElse(String.valueOf(thrown.getMessage()));
    }

    /** Words with the limit that is reached, if that was the cause of what was thrown. */
    static Optional<String> cause(Throwable thrown) {
        String message = String.valueOf(thrown.getMessage());
        if (thrown instanceof LinuxException e && LIMITED.contains(e.errno())) {
            return Optional.of(message + ": " + words(e.errno()));
        }
        if (thrown instanceof LinuxException e && e.errno() == Linux.EACCES) {
            return Optional.of(
                    message + "; where it lies, programs may not be executed (a file system mounted noexec?)");
        }
        return thrown instanceof OutOfMemoryError && message.contains("native thread")
                ? Optional.of("it can make no thread: " + processes())
                : Optional.empty();
    }

    /** Words for an errno with which no process could be made. */
    static String words(int errno) {
        return switch (errno) {
            case Linux.EAGAIN -> processes();
            case ENOMEM -> memory();
            case Linux.EMFILE ->
                "the descriptors of the run's own processes are used up (limit of open files " + limit("Max open files")
                        + "); raise it where the run is started (ulimit -n)";
            case ENFILE ->
                "the descriptors of the whole machine are used up (" + read("/proc/sys/fs/file-nr")
                        + ": used, free, most); close some, or raise it (sysctl fs.file-max)";
            default -> Linux.explain(errno);
        };
    }

    private record Limit(long have, long most, String what, String mend) {
        boolean reached() {
            return have + NEAR >= most;
        }

        String words() {
            return what + ": " + have + " of " + most + " are there, one more is needed; " + mend;
        }
    }

    private static String processes() {
        String all = "";
        for (Limit limit : new Limit[] {ofUser(), ofGroup(), ofMachine("threads-max"), ofMachine("pid_max")}) {
            if (limit.most > 0 && limit.reached()) {
                return limit.words();
            }
            all += limit.most > 0
                    ? (all.isEmpty() ? "" : ", ") + limit.what + " " + limit.have + " of " + limit.most
                    : "";
        }
        return "the kernel has none to give just now, though no limit that can be seen from here is reached (" + all
                + ")";
    }

    /** Root is held by none. */
    private static Limit ofUser() {
        int user = Linux.getuid();
        String most = limit("Max processes");
        long limit = user == 0 || !most.matches("\\d+") ? 0 : Long.parseLong(most);
        return new Limit(
                limit == 0 ? 0 : threads(user),
                limit,
                "processes and threads of user " + user,
                "end some, or raise it where the run is started (ulimit -u)");
    }

    private static long threads(int user) {
        long count = 0;
        String[] names = new File("/proc").list();
        for (String name : names == null ? new String[0] : names) {
            if (Character.isDigit(name.charAt(0))) {
                Map<String, String> status = fields(read("/proc/" + name + "/status"));
                if (status.getOrDefault("Uid", "").startsWith(user + "\t")) {
                    count += number(status.getOrDefault("Threads", "0"));
                }
            }
        }
        return count;
    }

    private static Limit ofGroup() {
        Limit tightest = new Limit(0, 0, "", "");
        for (String path : ControlGroup.files("pids", "pids.max", "pids.max")) {
            long most = number(read(path));
            long have = number(read(path.replace("pids.max", "pids.current")));
            if (most > 0 && (tightest.most == 0 || most - have < tightest.most - tightest.have)) {
                String what = "processes and threads of the control group " + path.substring(0, path.lastIndexOf('/'));
                tightest = new Limit(have, most, what, "end some, or raise its pids.max (a container's --pids-limit)");
            }
        }
        return tightest;
    }

    private static Limit ofMachine(String setting) {
        String load = read("/proc/loadavg"); // ... running/all ...
        int at = load.indexOf('/');
        long have = at < 0 ? 0 : number(load.substring(at + 1, load.indexOf(' ', at)));
        return new Limit(
                have,
                number(read("/proc/sys/kernel/" + setting)),
                "processes and threads of the machine",
                "end some, or raise it (sysctl kernel." + setting + ")");
    }

    private static String memory() {
        Map<String, String> info = fields(read("/proc/meminfo"));
        return "the kernel has no memory for another process: " + info.getOrDefault("MemAvailable", "?") + " of "
                + info.getOrDefault("MemTotal", "?") + " are available, " + info.getOrDefault("Committed_AS", "?")
                + " are promised; end some processes (under sysctl vm.overcommit_memory=2: at most "
                + info.getOrDefault("CommitLimit", "?") + " can be promised)";
    }

    /** This process's soft limit, as {@code /proc} has it. */
    private static String limit(String name) {
        for (String line : read("/proc/self/limits").lines().toList()) {
            if (line.startsWith(name)) {
                String soft = line.substring(name.length()).strip();
                return soft.substring(0, soft.indexOf(' '));
            }
        }
        return "unknown";
    }

    private static Map<String, String> fields(String text) {
        Map<String, String> found = new TreeMap<>();
        for (String line : text.lines().toList()) {
            int at = line.indexOf(':');
            if (at > 0) {
                found.put(line.substring(0, at), line.substring(at + 1).strip());
            }
        }
        return found;
    }

    private static long number(String text) {
        try {
            return Long.parseLong(text.strip());
        } catch (NumberFormatException _) {
            return 0; // no limit, or not to be read
        }
    }

    private static String read(String path) {
        return ControlGroup.read(path).strip();
    }
}
