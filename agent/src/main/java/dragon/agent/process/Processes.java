package dragon.agent.process;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The processes that were asked for and the zygotes that fork them.
 *
 * <p>A process is WAITING for its zygote to be ready, FORKING while the zygote makes it, LIVE, and gone when its end is known. Its end is known once: from its zygote,
 * which then waits for leave to reap it ({@link Effect.Ended}), so that its pid means nobody else before; or, if the zygote was killed (and the kernel killed its workers with it), from the keeper,
 * which inherited and reaped it. That is why the end of a zygote is not yet the end of its workers: one of them may still be running for an instant, and nothing of it
 * may be swept before it is dead.
 *
 * <p>One zygote serves each interpreter (executable and flags). The first one is started before anyone has said which interpreter he wants, so requests
 * wait until it says what it is.
 */
public final class Processes {
    private static final int SIGKILL = 9;
    private static final int SIGTERM = 15;

    private enum Stage {
        WAITING,
        FORKING,
        LIVE
    }

    private static final class Process {
        final Event.Wanted wanted;
        final Birth birth;
        final Zygote zygote;
        Stage stage = Stage.WAITING;
        int pid;
        int doom; // the signal it gets as soon as it lives

        Process(Event.Wanted wanted, Zygote zygote) {
            this.wanted = wanted;
            this.birth = wanted.birth();
            this.zygote = zygote;
        }
    }

    private static final class Zygote {
        final long id;
        List<String> interpreter;
        final boolean guessed; // started before anyone asked: what it says counts
        final long only;
        boolean ready;

        Zygote(long id, List<String> interpreter, boolean guessed, long only) {
            this.id = id;
            this.interpreter = interpreter;
            this.guessed = guessed;
            this.only = only;
        }
    }

    private final Map<Long, Process> processes = new LinkedHashMap<>();
    private final Map<Integer, Process> byPid = new HashMap<>();
    private final Map<Long, Set<Process>> daemons = new HashMap<>(); // by parent
    private final Map<Long, Zygote> zygotes = new LinkedHashMap<>();
    private final Map<Integer, Integer> orphans =
            new HashMap<>(); // ends of unknown pids, while some process has no pid yet
    private long nextZygote;
    private List<Effect> effects = new ArrayList<>();

    /** {@code nextZygote}: the id of the first zygote that is started on demand. */
    public Processes(long nextZygote) {
        this.nextZygote = nextZygote;
    }

    /** Takes in what happened and returns what is to be done, in order. */
    public List<Effect> apply(Event event) {
        effects = new ArrayList<>();
        // No pattern switch: its first use costs the JVM's start 10 ms.
        if (event instanceof Event.Wanted wanted) {
            want(wanted);
        } else if (event instanceof Event.Forked forked) {
            forked(forked);
        } else if (event instanceof Event.Exited exited) {
            exited(exited);
        } else if (event instanceof Event.ZygoteReady ready) {
            zygoteReady(ready);
        } else if (event instanceof Event.ZygoteGone gone) {
            zygoteGone(gone);
        } else if (event instanceof Event.ClientGone gone) {
            endDaemonsOf(gone.process(), SIGTERM);
        } else if (event instanceof Event.EndDaemons) {
            endDaemons();
        } else if (event instanceof Event.Prepare prepare) {
            startZygote(new Zygote(prepare.zygote(), prepare.interpreter(), true, 0), 0);
        }
        return effects;
    }

    /** The pid of a live process; 0 if there is none. */
    public int pid(long process) {
        Process found = processes.get(process);
        return found == null ? 0 : found.pid;
    }

    /** The pids of those processes that live, and of what they started, and so on, as far as parents live. */
    public List<Integer> families(Collection<Long> elders) {
        List<Integer> pids = new ArrayList<>();
        for (Process process : processes.values()) {
            if (process.stage == Stage.LIVE && isOf(process, elders)) {
                pids.add(process.pid);
            }
        }
        return pids;
    }

    private boolean isOf(@Nullable Process process, Collection<Long> elders) {
        while (process != null && !elders.contains(process.birth.process())) {
            process = processes.get(process.birth.parent());
        }
        return process != null;
    }

    /** The id of the process with a pid; 0 if it is none of ours. */
    public long id(int pid) {
        Process found = byPid.get(pid);
        return found == null ? 0 : found.birth.process();
    }

    /** What a process that has not ended was born with. */
    public @Nullable Birth birth(long process) {
        Process found = processes.get(process);
        return found == null ? null : found.birth;
    }

    // ---- birth ----

    private void want(Event.Wanted wanted) {
        Zygote zygote = wanted.fresh() ? null : zygoteFor(wanted.interpreter());
        if (zygote == null) {
            zygote = new Zygote(
                    nextZygote++,
                    wanted.interpreter(),
                    false,
                    wanted.fresh() ? wanted.birth().process() : 0);
            startZygote(zygote, wanted.birth().process());
        }
        Process process = new Process(wanted, zygote);
        add(process);
        if (zygote.ready) {
            fork(process);
        }
    }

    /** A process that waits for another zygote than it did takes its own place. */
    private void add(Process process) {
        remove(process.birth);
        processes.put(process.birth.process(), process);
        if (process.birth.daemon()) {
            daemons.computeIfAbsent(process.birth.parent(), _ -> new LinkedHashSet<>())
                    .add(process);
        }
    }

    private void remove(Birth birth) {
        Process before = processes.remove(birth.process());
        Set<Process> siblings = before == null || !birth.daemon() ? null : daemons.get(birth.parent());
        if (siblings != null && siblings.remove(before) && siblings.isEmpty()) {
            daemons.remove(birth.parent());
        }
    }

    private @Nullable Zygote zygoteFor(List<String> interpreter) {
        Zygote undecided = null;
        for (Zygote zygote : zygotes.values()) {
            if (zygote.only == 0 && zygote.interpreter.equals(interpreter)) {
                return zygote;
            }
            if (zygote.guessed && !zygote.ready) {
                undecided = zygote;
            }
        }
        return undecided;
    }

    private void startZygote(Zygote zygote, long first) {
        zygotes.put(zygote.id, zygote);
        effects.add(new Effect.StartZygote(zygote.id, zygote.interpreter, first, zygote.only != 0));
    }

    private void zygoteReady(Event.ZygoteReady event) {
        Zygote zygote = zygotes.get(event.zygote());
        if (zygote == null) {
            return;
        }
        zygote.ready = true;
        if (zygote.guessed) {
            zygote.interpreter = event.interpreter();
        }
        for (Process process : of(zygote)) {
            if (serves(zygote, process)) {
                fork(process);
            } else {
                want(process.wanted);
            }
        }
    }

    private static boolean serves(Zygote zygote, Process process) {
        return !zygote.guessed || zygote.interpreter.equals(process.wanted.interpreter());
    }

    private List<Process> of(Zygote zygote) {
        List<Process> found = new ArrayList<>();
        for (Process process : processes.values()) {
            if (process.zygote == zygote) {
                found.add(process);
            }
        }
        return found;
    }

    private void fork(Process process) {
        process.stage = Stage.FORKING;
        effects.add(new Effect.Fork(process.zygote.id, process.birth.process()));
    }

    private void forked(Event.Forked event) {
        Process process = processes.get(event.process());
        if (process == null) {
            return;
        }
        if (event.pid() == 0) {
            refuse(process, "the zygote could not fork", event.errno());
            return;
        }
        process.stage = Stage.LIVE;
        process.pid = event.pid();
        byPid.put(event.pid(), process);
        effects.add(new Effect.Started(event.process(), event.pid()));
        if (process.doom != 0) {
            effects.add(new Effect.Kill(process.pid, process.doom));
        }
        Integer status = orphans.get(event.pid());
        if (status != null) {
            end(process, status, 0);
        }
        forgetOrphans();
    }

    private void refuse(Process process, String words, int errno) {
        remove(process.birth);
        effects.add(new Effect.Refused(process.birth, words, errno));
        endSpent(process.zygote);
        forgetOrphans();
    }

    /** Is a process being forked whose pid is not known yet? */
    public boolean forking() {
        return processes.values().stream().anyMatch(process -> process.stage == Stage.FORKING);
    }

    private void forgetOrphans() {
        if (!orphans.isEmpty() && !forking()) {
            orphans.clear();
        }
    }

    // ---- death ----

    private void exited(Event.Exited event) {
        Process process = byPid.get(event.pid());
        if (process != null) {
            end(process, event.status(), event.reported() ? process.zygote.id : 0);
        } else {
            orphans.put(event.pid(), event.status());
            forgetOrphans();
        }
    }

    private void end(Process process, int status, long reaper) {
        remove(process.birth);
        byPid.remove(process.pid);
        // Its daemons first: they are to end, and not to complain that it did.
        endDaemonsOf(process.birth.process(), (status & 0x7f) == 0 ? SIGTERM : SIGKILL);
        effects.add(new Effect.Ended(process.birth, process.pid, status, reaper));
        endSpent(process.zygote);
    }

    private void endSpent(Zygote zygote) {
        if (zygote.only != 0 && zygotes.containsKey(zygote.id)) {
            effects.add(new Effect.EndZygote(zygote.id));
        }
    }

    /** Its live workers end, too, but each only when its own end is told. Those it was just forking were never heard of: they are given up. */
    private void zygoteGone(Event.ZygoteGone event) {
        Zygote zygote = zygotes.remove(event.zygote());
        if (zygote == null) {
            return;
        }
        for (Process process : of(zygote)) {
            if (process.stage == Stage.WAITING && !serves(zygote, process)) {
                want(process.wanted);
            } else if (process.stage != Stage.LIVE) {
                refuse(process, event.words(), event.errno());
            }
        }
    }

    /** A parent that ended in order asks its daemons to; one that was killed leaves nobody who would wait for them. */
    private void endDaemonsOf(long parent, int signal) {
        for (Process process : List.copyOf(daemons.getOrDefault(parent, Set.of()))) {
            endDaemon(process, signal);
        }
    }

    private void endDaemons() {
        for (Process process : List.copyOf(processes.values())) {
            if (process.birth.daemon()) {
                endDaemon(process, SIGTERM);
            }
        }
    }

    private void endDaemon(Process process, int signal) {
        switch (process.stage) {
            case LIVE -> effects.add(new Effect.Kill(process.pid, signal));
            case FORKING -> process.doom = signal;
            case WAITING -> refuse(process, "its parent has ended", 0);
        }
    }
}
