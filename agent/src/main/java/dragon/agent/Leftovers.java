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
            Map<Integer, Integer> stopped = stopAll();
            boolean any = false;
            for (int pid : stopped.keySet()) {
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

    /** Waits for own children among the killed, and for no other: one that the lists missed may live on for ever. It is in the next one. */
    private static void reapKilled(Map<Integer, Integer> killed, Reaped reaped) {
        int self = Linux.getpid();
        killed.forEach((pid, parent) -> {
            Linux.End end = parent == self && Linux.kill(pid, Linux.SIGKILL) ? Linux.reap(pid, false) : null;
            if (end != null) {
                reaped.reaped(end.pid(), end.status());
            }
        });
    }

    /** Who was stopped, each with its parent as it was last seen. */
    private static Map<Integer, Integer> stopAll() {
        Map<Integer, Integer> stopped = new HashMap<>();
        for (int round = 0; round < 50; round++) {
            boolean fresh = false;
            for (Map.Entry<Integer, Integer> each : descendants().entrySet()) {
                if (stopped.put(each.getKey(), each.getValue()) == null) {
                    fresh |= Linux.kill(each.getKey(), SIGSTOP);
                }
            }
            if (!fresh) {
                break;
            }
        }
        return stopped;
    }

    /** By pid, with their parents. */
    private static Map<Integer, Integer> descendants() {
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
        Map<Integer, Integer> found = new HashMap<>();
        Set<Integer> roots = new HashSet<>(Set.of(Linux.getpid()));
        for (boolean more = true; more; ) {
            more = false;
            for (Map.Entry<Integer, Integer> entry : parents.entrySet()) {
                if (roots.contains(entry.getValue()) && roots.add(entry.getKey())) {
                    found.put(entry.getKey(), entry.getValue());
                    more = true;
                }
            }
        }
        return found;
    }

    /** The parent of a process that has not ended; else 0. One whose first thread has ended looks so, but for its number of threads. */
    private static int parent(String pid) {
        try (FileInputStream in = new FileInputStream("/proc/" + pid + "/stat")) {
            String text = new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
            String[] fields = text.substring(text.lastIndexOf(')') + 2).split(" ", 19);
            boolean ended = (fields[0].equals("Z") || fields[0].equals("X")) && Integer.parseInt(fields[17]) <= 1;
            return ended ? 0 : Integer.parseInt(fields[1]);
        } catch (IOException | RuntimeException _) {
            return 0;
        }
    }
}
