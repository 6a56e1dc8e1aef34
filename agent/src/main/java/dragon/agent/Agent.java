package dragon.agent;

import dragon.agent.control.Bye;
import dragon.agent.control.Exited;
import dragon.agent.control.Flush;
import dragon.agent.control.Flushed;
import dragon.agent.control.Forked;
import dragon.agent.control.Frame;
import dragon.agent.control.Grow;
import dragon.agent.control.Hello;
import dragon.agent.control.LastWords;
import dragon.agent.control.NameSegment;
import dragon.agent.control.OpenSegment;
import dragon.agent.control.Segment;
import dragon.agent.control.Signal;
import dragon.agent.control.SignalFamilies;
import dragon.agent.control.Spawn;
import dragon.agent.control.UnlinkSegment;
import dragon.agent.control.Words;
import dragon.agent.control.ZygoteHello;
import dragon.agent.keeper.Keeper;
import dragon.agent.os.FrameSocket;
import dragon.agent.os.Linux;
import dragon.agent.os.Poller;
import dragon.agent.output.Output;
import dragon.agent.process.RunLife;
import dragon.channel.Handle;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The node agent: the one place where the parts of a run meet. It lives in one loop ({@link Poller}): requests of clients come in by {@link Connection}, processes
 * start and end by {@link Workers} and the {@link Keeper}, and {@link RunLife} says when it is over. What needs to wait (the memory's mailbox and sweeps, a slow terminal) has a
 * thread of its own.
 *
 * <p>The start is in the order in which things take time: the keeper, then head and zygote, whose interpreters start while the memory is made (in plain mode the head has begun
 * both: {@link Begun}). The build's training run, which
 * is one with a launcher, passes by each lambda that a plain run's start needs: the first call of one that the JVM's cache does not hold costs a millisecond.
 */
public final class Agent implements Keeper.Listener, Connection.Desk {
    private static final int NODE = 0;
    private static final int FEWEST_DESCRIPTORS = 32;

    /** How the run ended: the exit code, words for the user or none, whether there was a head whose end is to be told. */
    public record Outcome(int code, String words, boolean ran) {}

    private final Setup setup;
    private final Poller poller = new Poller();
    private final Ids ids = new Ids(NODE);
    private final Output output = new Output(poller);
    private final Failure failure = new Failure(output);
    private final Keeper keeper;
    private final String name; // holds the run's id, so that whoever has an object's handle finds its run
    private final int listener;
    private final SharedMemory memory;
    private final Workers workers;
    private final Clients clients;
    private final NameDesk names;
    private final RunLife life;
    private final Map<Integer, Waiting> early =
            new HashMap<>(); // zygotes that said hello before the keeper told their pid
    private int spare = Linux.open("/dev/null", false); // let go of when descriptors are used up
    private int headPid;
    private int plainHead = -1; // its pidfd, in plain mode
    private final Poller.Handler plainHeadEnded = _ -> plainHeadEnded();
    private boolean farewell; // the plain head said that it ends
    private @Nullable Outcome outcome;

    private record Waiting(Connection from, int call, ZygoteHello hello) {}

    /** Where signals of the operating system come from. */
    public interface Signals {
        /** Hands each one on from now on; some by the poller. */
        void to(Poller poller, IntConsumer receiver);
    }

    /** There are none. */
    static final Signals NO_SIGNALS = (_, _) -> {};

    /** Starts the keeper, and with it head and zygote, where that was not done before. {@link #run} goes on. From before the head's start no signal is missed. */
    public Agent(Setup setup, Signals signals) {
        Thread.setDefaultUncaughtExceptionHandler(failure);
        checkDescriptors();
        Budget budget = Budget.now();
        this.setup = setup;
        this.life = new RunLife(!setup.plain());
        Begun begun = setup.begun();
        byte[] runId = begun != null ? begun.runId() : Linux.random(16);
        this.name = begun != null ? begun.name() : "dragon-" + hex(runId) + "-" + NODE;
        this.keeper = begun != null
                ? Keeper.begun(begun.keeper(), begun.control(), poller, this)
                : Keeper.start(setup.keeper(), poller, this);
        Linux.becomeSubreaper();
        Linux.raiseDescriptorLimit();
        this.listener = begun != null ? begun.listener() : Linux.listen(name);
        byte[] address = ("DRAGON_AGENT=" + name).getBytes(StandardCharsets.UTF_8);
        this.workers = new Workers(setup, keeper, output, ids, address, this);
        signals.to(poller, this::signal);
        if (setup.head() != null) {
            keeper.start(ids.head(), setup.head().variables(setup.variables()).variable(address));
        }
        if (!setup.interpreter().isEmpty()) {
            workers.prepare(setup.interpreter());
        }
        this.memory = new SharedMemory(NODE, runId, ids.agent(), budget);
        workers.use(memory);
        this.clients = new Clients(poller, memory, workers, ids, host());
        this.names = new NameDesk(memory);
        keeper.memory(memory.descriptor());
        poller.add(listener, Poller.IN, _ -> accept());
        if (setup.plain()) {
            watchParent();
        } else {
            output.targets(1, 2);
        }
    }

    /** Throws IllegalStateException where a run would use up its agent's descriptors before it does anything. */
    private static void checkDescriptors() {
        long most = Linux.mostDescriptors();
        if (most < FEWEST_DESCRIPTORS) {
            throw new IllegalStateException("it needs " + FEWEST_DESCRIPTORS
                    + " descriptors at least, and a process may have " + most
                    + "; raise the limit of open files where the run is started (ulimit -n)");
        }
    }

    /** Words for what its start threw. */
    public static String whyNotStarted(Throwable thrown) {
        return Shortage.words(thrown);
    }

    /** The abstract name of the socket. */
    public String name() {
        return name;
    }

    @Override
    public String toString() {
        return "agent pid " + Linux.getpid() + ", socket @" + name + ", keeper pid " + keeper.pid() + ", home "
                + setup.home();
    }

    /** Serves until the run is over. */
    public Outcome run() {
        memory.begin();
        try {
            poller.run();
        } catch (RuntimeException | Error problem) {
            failure.uncaughtException(Thread.currentThread(), problem); // ends this process
        }
        if (outcome == null) {
            throw new IllegalStateException("the agent's loop ended before the run");
        }
        return outcome;
    }

    /** This process got a signal. For any thread. */
    private void signal(int signal) {
        long now = System.nanoTime() / 1_000_000;
        poller.execute(() -> happened(new RunLife.Event.Signalled(signal, now)));
    }

    @Override
    public void say(String line) {
        output.say(line);
    }

    // ---- clients ----

    private void accept() {
        int fd;
        while ((fd = Linux.accept(listener)) >= 0) {
            Linux.Peer peer = Linux.peer(fd);
            if (peer.uid() == Linux.getuid() || peer.uid() == 0 || workers.started(peer.pid())) {
                new Connection(poller, fd, this);
            } else {
                Linux.close(fd);
                say("dragon: pid " + peer.pid() + " of user " + peer.uid()
                        + " tried to reach the agent of this run; it belongs to user " + Linux.getuid());
            }
        }
        if (fd == -Linux.EMFILE) {
            turnAway();
        }
    }

    /** No descriptor is left for another client. It must not stay in the queue: the loop would turn for ever. */
    private void turnAway() {
        Linux.close(spare);
        Linux.close(Linux.accept(listener));
        spare = Linux.open("/dev/null", false);
        say(
                "dragon: the agent has used up its descriptors; a process that wanted to reach it was turned away. Raise the limit (ulimit -n)");
    }

    @Override
    public void serve(Connection from, int call, Frame.Body body, int[] descriptors) {
        if (body instanceof Spawn spawn) {
            spawn(from, call, spawn, descriptors);
        } else if (body instanceof Hello hello) {
            hello(from, call, hello, descriptors);
        } else {
            FrameSocket.closeAll(descriptors);
            serve(from, call, body);
        }
    }

    @SuppressWarnings("IfChainToSwitch") // the first pattern switch of a JVM costs its start milliseconds
    private void serve(Connection from, int call, Frame.Body body) {
        if (body instanceof Forked forked) {
            workers.forked(forked);
        } else if (body instanceof Exited exited) {
            workers.exited(exited);
        } else if (body instanceof Grow grow) {
            from.reply(call, memory.grow(grow.blockClass()));
        } else if (body instanceof Flush) {
            output.shown(() -> from.reply(call, new Flushed()));
        } else if (body instanceof Signal signal) {
            signal(from, call, signal);
        } else if (body instanceof SignalFamilies families) {
            workers.signalFamilies(families.processIds(), families.signal());
            from.reply(call, new Flushed());
        } else if (names.serve(from, call, body)) {
            return;
        } else if (body instanceof LastWords asked) {
            from.reply(call, new Words(workers.lastWords(asked.processId())));
        } else if (body instanceof NameSegment || body instanceof OpenSegment || body instanceof UnlinkSegment) {
            segment(from, call, body);
        } else if (body instanceof Bye) {
            bye(from, call);
        } else if (body instanceof ZygoteHello hello) {
            zygoteHello(from, call, hello);
        } else {
            from.fail(call, "internal", "the agent takes no " + body.getClass().getSimpleName(), 0);
        }
    }

    private void segment(Connection from, int call, Frame.Body body) {
        Client client = from.client;
        if (client == null || !memory.lives(client)) {
            from.fail(call, "refused", "pid " + from.peer.pid() + " has not said hello, or has ended", 0);
            return;
        }
        Segments segments = memory.segments();
        Handle found;
        int errno = Linux.ENOENT;
        if (body instanceof NameSegment name) {
            found = segments.name(client.number(), name);
            errno = Linux.EEXIST;
        } else if (body instanceof OpenSegment open) {
            found = segments.open(client.number(), open.name());
        } else {
            found = segments.unlink(((UnlinkSegment) body).name());
        }
        if (found != null) {
            from.reply(call, new Segment(found.offset(), found.id()));
        } else {
            from.fail(call, "names", errno == Linux.EEXIST ? "the name is in use" : "nothing has that name", errno);
        }
    }

    private void spawn(Connection from, int call, Spawn spawn, int[] descriptors) {
        Client parent = from.client;
        boolean lives = parent != null && memory.lives(parent);
        if (parent != null && lives && !life.ending()) {
            workers.spawn(from, call, parent, spawn, descriptors);
            return;
        }
        FrameSocket.closeAll(descriptors);
        if (!lives) { // nobody would end its daemons
            from.fail(call, "refused", "pid " + from.peer.pid() + " has not said hello, or has ended", 0);
        } else {
            from.fail(call, "over", "the run is ending; no process can be started", 0);
        }
    }

    private void hello(Connection from, int call, Hello hello, int[] descriptors) {
        boolean head = setup.plain() && hello.role() == Hello.Role.HEAD && from.peer.pid() == headPid;
        if (head && hello.streams() && descriptors.length == 2) {
            output.targets(descriptors[0], descriptors[1]);
            Linux.silenceStandardStreams(); // held on to, they would keep its reader waiting after its end
        } else {
            FrameSocket.closeAll(descriptors);
        }
        if (hello.client() == 0 && (farewell || life.ending())) { // it would come to life in memory that nobody keeps
            from.fail(call, "over", "the run is ending; no process can join it", 0);
            return;
        }
        clients.hello(from, call, hello, headPid);
    }

    private void zygoteHello(Connection from, int call, ZygoteHello hello) {
        long zygote = workers.zygoteOf(from.peer.pid());
        String refusal = Build.refusal(hello.build(), from.peer.pid());
        if (hello.version() != Clients.PROTOCOL) {
            from.fail(call, "version", "this is a package of another build; it speaks version " + hello.version(), 0);
        } else if (refusal != null) {
            from.fail(call, "version", refusal, 0);
        } else if (zygote != 0) {
            clients.welcomeZygote(from, call, zygote);
            workers.zygoteReady(zygote, from, hello);
        } else {
            early.put(from.peer.pid(), new Waiting(from, call, hello));
        }
    }

    private void signal(Connection from, int call, Signal signal) {
        int pid = workers.pid(signal.processId());
        if (pid != 0 && Linux.kill(pid, signal.signal())) {
            from.reply(call, new Flushed());
        } else {
            from.fail(call, "processes", "process " + signal.processId() + " is not there any more", 3);
        }
    }

    /** The head ends in order: once the reply is there it may go, and nothing of its streams is held here. */
    private void bye(Connection from, int call) {
        workers.endDaemons();
        output.flush(() -> {
            if (setup.plain()) {
                farewell = true;
                output.letGo();
            }
            from.reply(call, new Flushed());
        });
    }

    // ---- the keeper ----

    @Override
    public void started(long id, int pid) {
        if (id == ids.head()) {
            headPid = pid;
        } else if (workers.zygoteStarted(id, pid)) {
            Waiting waiting = early.remove(pid);
            if (waiting != null) {
                zygoteHello(waiting.from, waiting.call, waiting.hello);
            }
        }
    }

    @Override
    public void failed(long id, int errno, String step) {
        if (id == ids.head()) {
            happened(NotStarted.event(setup.headName(), errno, step));
        } else {
            workers.zygoteFailed(id, errno, step);
        }
    }

    @Override
    public void exited(long id, int pid, int status) {
        if (id == ids.head()) {
            happened(new RunLife.Event.HeadEnded(status));
        } else if (id == 0) {
            workers.orphanExited(pid, status);
        } else if (!life.ending()) {
            workers.zygoteExited(id, pid, status);
        }
    }

    @Override
    public void gone() {
        if (setup.plain() && !life.ending()) {
            say("dragon: the keeper of this run (pid " + keeper.pid()
                    + ") was killed, and all of its processes with it");
        }
        happened(new RunLife.Event.KeeperGone());
    }

    // ---- the run ----

    /** In plain mode the program that started this agent is the head; its end is seen from here on, whether it says hello or not. */
    private void watchParent() {
        headPid = setup.parent();
        plainHead = Linux.getppid() == headPid ? Linux.pidfd(headPid) : -1;
        if (plainHead >= 0 && Linux.getppid() == headPid) { // else it is gone, and its number may be another's
            poller.add(plainHead, Poller.IN, plainHeadEnded);
        } else {
            happened(new RunLife.Event.HeadEnded(0));
        }
    }

    private void plainHeadEnded() {
        poller.remove(plainHead);
        happened(new RunLife.Event.HeadEnded(0));
    }

    private void happened(RunLife.Event event) {
        for (RunLife.Effect effect : life.apply(event)) {
            perform(effect);
        }
    }

    private void perform(RunLife.Effect effect) {
        if (effect instanceof RunLife.Effect.EndKeeper) {
            memory.ending();
            keeper.end();
        } else if (effect instanceof RunLife.Effect.ShowRest) {
            showRest();
        } else if (effect instanceof RunLife.Effect.Finish finish) {
            memory.over(finish.lost());
            outcome = new Outcome(finish.code(), finish.words(), finish.ran());
            poller.stop();
        } else if (effect instanceof RunLife.Effect.Forward forward) {
            keeper.forward(ids.head(), forward.signal());
        } else if (effect instanceof RunLife.Effect.KillInherited) {
            killInherited();
        }
    }

    private void killInherited() {
        int[] head = {-1};
        Leftovers.kill((pid, status) -> {
            if (pid == headPid) {
                head[0] = status;
            }
        });
        if (head[0] >= 0) {
            happened(new RunLife.Event.HeadEnded(head[0]));
        }
    }

    private void showRest() {
        if (setup.plain()) { // nobody waits for this process; a terminal that takes nothing must not keep it
            poller.after(farewell ? 0 : 700, () -> happened(new RunLife.Event.Shown()));
        }
        output.finish(() -> happened(new RunLife.Event.Shown()));
    }

    private static String host() {
        try (FileInputStream in = new FileInputStream("/proc/sys/kernel/hostname")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
        } catch (IOException _) {
            return "localhost";
        }
    }

    private static String hex(byte[] bytes) {
        char[] digits = new char[bytes.length * 2];
        for (int i = 0; i < digits.length; i++) {
            digits[i] = Character.forDigit(bytes[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15, 16);
        }
        return new String(digits);
    }
}
