package dragon.agent;

import dragon.agent.control.Exited;
import dragon.agent.control.Fork;
import dragon.agent.control.Forked;
import dragon.agent.control.Reap;
import dragon.agent.control.Setting;
import dragon.agent.control.Spawn;
import dragon.agent.control.Spawned;
import dragon.agent.control.ZygoteHello;
import dragon.agent.keeper.Keeper;
import dragon.agent.keeper.Program;
import dragon.agent.os.FrameSocket;
import dragon.agent.os.Linux;
import dragon.agent.os.LinuxException;
import dragon.agent.output.Output;
import dragon.agent.process.Birth;
import dragon.agent.process.Effect;
import dragon.agent.process.Event;
import dragon.agent.process.Processes;
import dragon.agent.process.Status;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes workers and hears of their ends: the hands of {@link Processes}, which decides. It holds what the decisions are about: requests with their descriptors, and zygotes
 * with their connections and output sockets.
 */
final class Workers {
    private static final int EIO = 5;
    private static final int MOST_PASSED = 250; // with one message; the kernel takes 253
    private static final int WORKER_OOM_SCORE = 500; // so that the kernel, short of memory, hits a worker

    /** A request for a process: descriptors and payload until they are passed on, the rest until the process ends. */
    private static final class Request {
        final Connection from;
        final int call;
        final String name;
        final List<Long> tokens;
        final Setting setting;
        Spawn spawn;
        int[] descriptors;

        Request(Connection from, int call, Spawn spawn, Setting setting, int[] descriptors) {
            this.from = from;
            this.setting = setting;
            this.call = call;
            this.name = spawn.name();
            this.tokens = spawn.tokens();
            this.spawn = spawn;
            this.descriptors = descriptors;
        }

        void passedOn() {
            FrameSocket.closeAll(descriptors);
            descriptors = new int[0];
            spawn = Spawn.EMPTY;
        }
    }

    private final Setup setup;
    private final Keeper keeper;
    private final Output output;
    private final Ids ids;
    private final byte[] address;
    private final Connection.Desk desk;
    private final Processes processes;
    private final Map<Long, Request> requests = new HashMap<>();
    private final Map<Long, Zygote> zygotes = new HashMap<>();
    private final Set<Long> spent = new HashSet<>(); // zygotes that are told to end
    private byte[] lastEncoded = {};
    private Setting lastSetting = Setting.EMPTY;
    private @Nullable SharedMemory memory; // null until the start is over
    private final Ends ends = new Ends();
    private final int nowhere = Linux.open("/dev/null", true);

    /** {@code address}: the variable that names the agent's socket. */
    Workers(Setup setup, Keeper keeper, Output output, Ids ids, byte[] address, Connection.Desk desk) {
        this.setup = setup;
        this.keeper = keeper;
        this.output = output;
        this.ids = ids;
        this.address = address;
        this.desk = desk;
        this.processes = new Processes(ids.laterZygotes());
        if (setup.label()) {
            output.label(processes::forking);
        }
    }

    /** From here on workers can be made; zygotes are started before. */
    void use(SharedMemory made) {
        memory = made;
    }

    private SharedMemory memory() {
        return Objects.requireNonNull(memory, "no process is asked for before the memory is made");
    }

    // ---- what is asked and told ----

    /** Starts the zygote that is likely to be wanted. */
    void prepare(List<String> interpreter) {
        apply(new Event.Prepare(ids.firstZygote(), interpreter));
    }

    /** A client wants a process. */
    void spawn(Connection from, int call, Client parent, Spawn spawn, int[] descriptors) {
        Setting setting = setting(spawn.setting());
        if (setting.interpreter().isEmpty()) {
            FrameSocket.closeAll(descriptors);
            from.fail(call, "spawn", "the request names no interpreter", 0);
            return;
        }
        int needed = own(setting.stdin()) + own(setting.stdout()) + own(setting.stderr()) + spawn.passed();
        if (needed != descriptors.length || spawn.passed() > MOST_PASSED) {
            FrameSocket.closeAll(descriptors);
            from.fail(call, "descriptors", tooFew(descriptors.length, needed), 0);
            return;
        }
        long id = ids.worker();
        int client = memory().newClient(id);
        if (client == 0) {
            FrameSocket.closeAll(descriptors);
            from.fail(call, "processes", memory().clientsUsedUp(), Linux.EAGAIN);
            return;
        }
        memory().entrust(spawn.tokens());
        requests.put(id, new Request(from, call, spawn, setting, descriptors));
        Birth birth = new Birth(id, client, parent.process(), spawn.exitEvent(), spawn.exitEventId(), spawn.daemon());
        apply(new Event.Wanted(birth, setting.interpreter(), setting.exec()));
    }

    /** Reads a setting, unless it is the same as last time, as it mostly is. */
    private Setting setting(byte[] encoded) {
        if (!Arrays.equals(encoded, lastEncoded)) {
            lastSetting = Setting.decode(encoded);
            lastEncoded = encoded;
        }
        return lastSetting;
    }

    private static int own(int stream) {
        return stream == 1 ? 1 : 0;
    }

    private static String tooFew(int came, int needed) {
        if (needed > MOST_PASSED) {
            return needed + " descriptors are to be passed to the process, at most " + MOST_PASSED + " can be";
        }
        return "of " + needed + " descriptors " + came
                + " reached the agent; its limit of open files may be used up: raise it (ulimit -n) where the run is started";
    }

    /** The id of the zygote with this pid; 0 if there is none. */
    long zygoteOf(int pid) {
        for (Zygote zygote : zygotes.values()) {
            if (zygote.pid == pid) {
                return zygote.id;
            }
        }
        return 0;
    }

    /** A zygote says that it is ready. */
    void zygoteReady(long id, Connection from, ZygoteHello hello) {
        Zygote zygote = zygotes.get(id);
        if (zygote != null) {
            zygote.connection = from;
            zygote.output.release(zygote.pid);
            apply(new Event.ZygoteReady(id, hello.interpreter()));
        }
    }

    void forked(Forked forked) {
        apply(new Event.Forked(forked.processId(), forked.osPid(), forked.errno()));
    }

    /** A zygote's child ended. */
    void exited(Exited exited) {
        apply(new Event.Exited(exited.osPid(), exited.status(), true));
    }

    /** A process ended that lost its parent. */
    void orphanExited(int pid, int status) {
        apply(new Event.Exited(pid, status, false));
    }

    /** A client that no zygote forked is gone. */
    void clientGone(long process) {
        apply(new Event.ClientGone(process));
    }

    void endDaemons() {
        apply(new Event.EndDaemons());
    }

    /** What a process that has not ended was born with. */
    @Nullable
    Birth birth(long process) {
        return processes.birth(process);
    }

    /** The pid of a process that lives; else 0. */
    int pid(long process) {
        return processes.pid(process);
    }

    /** Signals processes and all that they started at the same time: they stand still until each has its signal. */
    void signalFamilies(List<Long> elders, int signal) {
        List<Integer> pids = processes.families(elders);
        for (int each : List.of(Linux.SIGSTOP, signal, Linux.SIGCONT)) {
            pids.forEach(pid -> Linux.kill(pid, each));
        }
    }

    /** What a process that has ended wrote last to its stderr, as far as it is known. */
    byte[] lastWords(long process) {
        return ends.of(process);
    }

    /** Is it one of the zygotes, or one of their processes? */
    boolean started(int pid) {
        return processes.id(pid) != 0 || zygoteOf(pid) != 0;
    }

    // ---- the keeper's news of zygotes ----

    boolean zygoteStarted(long id, int pid) {
        Zygote zygote = zygotes.get(id);
        if (zygote == null) {
            return false;
        }
        zygote.pid = pid;
        output.name(pid, "zygote", id);
        return true;
    }

    boolean zygoteFailed(long id, int errno, String step) {
        Zygote zygote = zygotes.remove(id);
        if (zygote == null) {
            return false;
        }
        zygote.close();
        spent.remove(id);
        apply(new Event.ZygoteGone(id, "its interpreter " + zygote.executable + ": " + step, errno));
        return true;
    }

    boolean zygoteExited(long id, int pid, int status) {
        Zygote zygote = zygotes.get(id);
        if (zygote == null) {
            return false;
        }
        boolean wasReady = zygote.connection != null;
        if (zygote.connection != null) {
            zygote.connection.receive(); // what it told before it ended
        }
        String end = Status.words("the zygote (pid " + pid + ")", status);
        if (end.isEmpty()) {
            end = "the zygote (pid " + pid + ") ended with exit code " + Status.code(status);
        }
        String words = zygote.output.words();
        if (!wasReady) {
            end = end + " before it was ready" + (words.isEmpty() ? "" : "; its words:\n" + words);
        }
        zygotes.remove(id);
        zygote.close();
        apply(new Event.ZygoteGone(id, end, EIO));
        output.ended(pid, () -> {});
        if (!spent.remove(id) && wasReady && status != 0) {
            desk.say("dragon: " + end + ", and its workers with it; the next start() begins another");
        }
        return true;
    }

    // ---- what is to be done ----

    private void apply(Event event) {
        for (Effect effect : processes.apply(event)) {
            perform(effect);
        }
    }

    private void perform(Effect effect) {
        if (effect instanceof Effect.Fork fork) {
            fork(fork);
        } else if (effect instanceof Effect.Started started) {
            started(started);
        } else if (effect instanceof Effect.Ended ended) {
            ended(ended);
        } else if (effect instanceof Effect.Kill kill) {
            Linux.kill(kill.pid(), kill.signal());
        } else if (effect instanceof Effect.Refused refused) {
            refused(refused);
        } else if (effect instanceof Effect.StartZygote start) {
            startZygote(start);
        } else if (effect instanceof Effect.EndZygote end) {
            spent.add(end.zygote());
            keeper.signal(end.zygote(), Linux.SIGKILL);
        }
    }

    private void startZygote(Effect.StartZygote start) {
        String executable = start.interpreter().getFirst();
        Begun begun = start.zygote() == ids.firstZygote() ? setup.begun() : null;
        Output.Channel sockets = begun != null ? output.open(begun.stdout(), begun.stderr()) : output.open();
        Zygote zygote = new Zygote(start.zygote(), executable, sockets);
        zygotes.put(zygote.id, zygote);
        if (begun != null) {
            return; // the keeper was asked for it before this agent ran
        }
        Program program = new Program(executable.getBytes(StandardCharsets.UTF_8))
                .newSession()
                .oomScore(WORKER_OOM_SCORE);
        for (String word : start.interpreter()) {
            program.argument(word.getBytes(StandardCharsets.UTF_8));
        }
        for (byte[] argument : Python.zygote(setup.python())) {
            program.argument(argument);
        }
        program.variable(address);
        Request request = requests.get(start.first());
        if (request != null && start.only()) {
            program.setting(request.setting);
        } else if (request != null && Python.isTemplate(start.interpreter())) {
            program.surroundings(request.setting);
        } else {
            program.variables(setup.variables());
        }
        program.descriptor(0).descriptor(1).descriptor(2);
        keeper.start(zygote.id, program, nowhere, zygote.output.stdout(), zygote.output.stderr());
    }

    private void fork(Effect.Fork fork) {
        Zygote zygote = zygotes.get(fork.zygote());
        Request request = requests.get(fork.process());
        Birth birth = processes.birth(fork.process());
        if (zygote == null || request == null || birth == null) {
            return;
        }
        Spawn spawn = request.spawn;
        Fork message = new Fork(
                spawn.setting(),
                spawn.payload(),
                spawn.passed(),
                birth.client(),
                birth.process(),
                spawn.name(),
                spawn.preparation());
        try {
            zygote.tell(message, descriptors(request.setting, request.descriptors, zygote));
        } catch (LinuxException e) {
            apply(new Event.Forked(fork.process(), 0, e.errno()));
            return;
        }
        request.passedOn();
    }

    private int[] descriptors(Setting setting, int[] given, Zygote zygote) {
        int next = 0;
        int[] wanted = {setting.stdin(), setting.stdout(), setting.stderr()};
        int[] run = {nowhere, zygote.output.stdout(), zygote.output.stderr()};
        int[] all = new int[3 + given.length - own(wanted[0]) - own(wanted[1]) - own(wanted[2])];
        for (int i = 0; i < 3; i++) {
            all[i] = wanted[i] == 0 ? run[i] : wanted[i] == 1 ? given[next++] : nowhere;
        }
        System.arraycopy(given, next, all, 3, given.length - next);
        return all;
    }

    private void started(Effect.Started started) {
        Request request = requests.get(started.process());
        Birth birth = processes.birth(started.process());
        if (birth != null) {
            memory().clientIs(birth.client(), started.pid());
        }
        if (request != null) {
            output.name(started.pid(), request.name, started.process());
            request.from.reply(request.call, new Spawned(started.process(), started.pid()));
        }
    }

    private void refused(Effect.Refused refused) {
        Request request = requests.remove(refused.birth().process());
        if (request != null) {
            FrameSocket.closeAll(request.descriptors);
            String text = "the process " + request.name + " could not be started: " + refused.words()
                    + (refused.errno() == 0 ? "" : ": " + Shortage.words(refused.errno()));
            request.from.fail(request.call, "spawn", text, refused.errno());
        }
        memory().dead(refused.birth().client(), tokens(request));
        output.notBorn();
    }

    private void ended(Effect.Ended ended) {
        Request request = requests.remove(ended.birth().process());
        memory().dead(ended.birth().client(), tokens(request));
        boolean shortOfMemory = ended.status() == Linux.SIGKILL && ends.shortOfMemory();
        Zygote zygote = zygotes.get(ended.reaper());
        if (zygote != null) {
            zygote.tell(new Reap(ended.pid())); // not later: until then the zygote sees no other end
        }
        output.ended(
                ended.pid(),
                () -> memory().ended(ended.birth(), ends.report(ended, shortOfMemory, output.lastWords(ended.pid()))));
    }

    private static List<Long> tokens(@Nullable Request request) {
        return request == null ? List.of() : request.tokens;
    }
}
