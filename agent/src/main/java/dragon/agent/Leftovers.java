package dragon.agent;

import dragon.agent.os.Linux;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Kills what this process has inherited as a subreaper: what was left when the keeper was killed. As the keeper does it: stop until a list of processes
 * brings nothing new, kill, reap; until there is no child.
 */
final class Leftovers {
    private static final int SIGSTOP = 19;

    /** Hears of each child that was reaped. */
    interface Reaped {
        void reaped(int pid, int status);
    }

    private Leftovers() {}

    static void kill(Reaped reaped) {
        while (!reapEnded(reaped)) {
            Set<Integer> stopped = stopAll();
            boolean any = false;
            for (int pid : stopped) {
                any |= Linux.kill(pid, Linux.SIGKILL);
            }
            if (!any && !reapEnded(reaped)) {
                return; // another user's by now
            }
            reapKilled(stopped, reaped);
        }
    }

    /** True: there is no child left. */
    private static boolean reapEnded(Reaped reaped) {
        while (true) {
            Linux.End end = Linux.reap(-1, true);
            if (end == null || end.pid() == 0) {
                return end == null;
            }
            reaped.reaped(end.pid(), end.status());
        }
    }

    private static void reapKilled(Set<Integer> killed, Reaped reaped) {
        for (Linux.End end; (end = Linux.reap(-1, false)) != null; ) {
            reaped.reaped(end.pid(), end.status());
            if (!killed.contains(end.pid())) {
                return; // the list was old
            }
        }
    }

    private static Set<Integer> stopAll() {
        Set<Integer> stopped = new HashSet<>();
        for (int round = 0; round < 50; round++) {
            boolean fresh = false;
            for (int pid : descendants()) {
                if (stopped.add(pid)) {
                    fresh |= Linux.kill(pid, SIGSTOP);
                }
            }
            if (!fresh) {
                break;
            }
        }
        return stopped;
    }

    private static Set<Integer> descendants() {
        Map<Integer, Integer> parents = new HashMap<>();
        String[] names = new File("/proc").list();
        for (String name : names == null ? new String[0] : names) {
            if (Character.isDigit(name.charAt(0))) {
                int parent = parent(name);
                if (parent > 0) {
                    parents.put(Integer.parseInt(name), parent);
                }
            }
        }
        Set<Integer> found = new HashSet<>();
        Set<Integer> roots = new HashSet<>(Set.of(Linux.getpid()));
        for (boolean more = true; more; ) {
            more = false;
            for (Map.Entry<Integer, Integer> entry : parents.entrySet()) {
                if (roots.contains(entry.getValue()) && roots.add(entry.getKey())) {
                    more = found.add(entry.getKey());
                }
            }
        }
        return found;
    }

    /** The parent of a process that has not ended; else 0. */
    private static int parent(String pid) {
        try (FileInputStream in = new FileInputStream("/proc/" + pid + "/stat")) {
            String text = new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
            String[] fields = text.substring(text.lastIndexOf(')') + 2).split(" ", 3);
            return fields[0].equals("Z") || fields[0].equals("X") ? 0 : Integer.parseInt(fields[1]);
        } catch (IOException | RuntimeException _) {
            return 0;
        }
    }
}
