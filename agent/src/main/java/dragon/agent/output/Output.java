package dragon.agent.output;

import dragon.agent.os.ChunkSocket;
import dragon.agent.os.Linux;
import dragon.agent.os.Poller;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The run's two streams and everything that is read for them. For the agent's thread only.
 *
 * <p>Each zygote has a {@link Channel}: a socket pair for each stream, inherited by its workers. Nothing a process has written is lost with it: it lies in the socket.
 */
public final class Output {
    private static final int MOST_HELD = 1 << 14;
    private static final long PATIENCE = 500; // ms
    private static final long AGE = 100; // ms; what a writer has begun is shown on a terminal after once to twice that
    private static final int BUDGET = 1 << 17; // bytes read of one source before others get their turn

    private final Poller poller;
    private final StreamWriter[] writers;
    private final boolean[] broken = new boolean[2];
    private final List<Source> sources = new ArrayList<>();
    private final LastWords lastWords = new LastWords();
    private final Shown shown;
    private @Nullable Labels labels;

    public Output(Poller poller) {
        this.poller = poller;
        this.shown = new Shown(poller, this::flush);
        this.writers = new StreamWriter[] {writer(0, "dragon-stdout"), writer(1, "dragon-stderr")};
    }

    private StreamWriter writer(int stream, String name) {
        return new StreamWriter(name, poller, this::resume, () -> breakOff(stream), errno -> notWritten(stream, errno));
    }

    /** By the thread that writes the stream. What is lost on stderr can be told nowhere. */
    private void notWritten(int stream, int errno) {
        if (stream == 0) {
            say("dragon: lines that workers wrote to stdout are lost: it cannot be written to (" + Linux.explain(errno)
                    + "). Later lines are shown once it can be; this is told once");
        }
    }

    /** Nobody reads the stream: who writes to it learns it as with a pipe (EPIPE). */
    private void breakOff(int stream) {
        broken[stream] = true;
        for (Source source : List.copyOf(sources)) {
            if (source.stream == stream) {
                source.breakOff();
            }
        }
    }

    /** Writes to these descriptors from now on; until then all waits. They are closed by {@link #letGo} unless they are the process's own. */
    public void targets(int stdout, int stderr) {
        writers[0].target(stdout);
        writers[1].target(stderr);
    }

    /** Closes the streams; what comes later is dropped. */
    public void letGo() {
        writers[0].letGo();
        writers[1].letGo();
    }

    /** From now on each line begins with who wrote it. {@code birth}: is a process being born whose pid is not known yet? To be called before {@link #open}. */
    public void label(BooleanSupplier birth) {
        labels = new Labels(birth);
    }

    /** Who a process is, if lines are to be labelled. */
    public void name(int pid, String name, long process) {
        if (labels != null) {
            labels.add(pid, name + " " + process);
            passKnown();
        }
    }

    /** A process was not born, whose lines others' may have been taken for. */
    public void notBorn() {
        if (labels != null) {
            passKnown();
        }
    }

    private void passKnown() {
        sources.forEach(source -> source.lines.passKnown());
    }

    private void forget(int pid) {
        if (labels != null) {
            labels.remove(pid);
        }
    }

    /** A line of the run-time itself, on stderr. For any thread. */
    public void say(String line) {
        byte[] bytes = (line + "\n").getBytes(StandardCharsets.UTF_8);
        writers[1].add(bytes, bytes.length);
    }

    /** As {@link #say}, at once, before the lines that wait, when the agent is about to end. For any thread; it may wait for who reads the stream. */
    public void sayNow(String text) {
        writers[1].writeNow(text.getBytes(StandardCharsets.UTF_8));
    }

    /** The two socket pairs of a zygote. Until it is ready, what it writes is kept back: if it fails, these are its words. */
    public final class Channel {
        private final Source[] ends = new Source[2];
        private final int[] others = new int[2];

        private Channel(Linux.Pair... pairs) {
            for (int i = 0; i < 2; i++) {
                ends[i] = new Source(pairs[i].mine(), i);
                others[i] = pairs[i].other();
                if (broken[i]) {
                    ends[i].breakOff();
                }
            }
        }

        /** The descriptor its processes write their stdout to. */
        public int stdout() {
            return others[0];
        }

        /** The descriptor its processes write their stderr to. */
        public int stderr() {
            return others[1];
        }

        /** What has been written while it is kept back. */
        public String words() {
            ends[0].readQueued();
            ends[1].readQueued();
            return (ends[0].heldText() + ends[1].heldText()).strip();
        }

        /** The zygote, {@code pid}, is ready: what it wrote until now is passed on, and what comes later is not kept back. */
        public void release(int pid) {
            ends[0].release(pid);
            ends[1].release(pid);
        }

        /** The zygote is gone: when its last process is, too, the sockets end. */
        public void close() {
            Linux.close(others[0]);
            Linux.close(others[1]);
        }
    }

    /** The socket pairs for a new zygote. */
    public Channel open() {
        return open(Linux.socketPair(true), Linux.socketPair(true));
    }

    /** As {@link #open()}, where they are there already. */
    public Channel open(Linux.Pair stdout, Linux.Pair stderr) {
        return new Channel(stdout, stderr);
    }

    /** Runs {@code done} when all that was written before this call has reached the streams. */
    public void flush(Runnable done) {
        afterQueued(source -> {}, done);
    }

    /** As {@link #flush}, but streams that take nothing hold up nobody for longer than half a second, and only the first to ask. */
    public void shown(Runnable done) {
        shown.then(done);
    }

    /** As {@link #flush}, when no process is left that could end a line it has begun. */
    public void finish(Runnable done) {
        afterQueued(source -> source.lines.flushAll(), done);
    }

    /**
     * Process {@code pid} has ended: it will not end the line it has begun. Runs {@code done} when what it wrote has reached the streams, at once if it has; but a
     * terminal that takes nothing holds up the news of an end no longer than {@link #PATIENCE}.
     */
    public void ended(int pid, Runnable done) {
        if (isAllShown(pid)) {
            forget(pid);
            done.run();
            return;
        }
        Once once = new Once(() -> {
            forget(pid);
            done.run();
        });
        afterQueued(source -> source.lines.flush(pid), once);
        if (!once.ran) {
            poller.after(PATIENCE, once);
        }
    }

    /** Has everything reached the streams, as mostly, and with it what the process wrote, which will not end the line it has begun? */
    private boolean isAllShown(int pid) {
        for (Source source : sources) {
            if (source.isQueued()) {
                return false;
            }
        }
        for (Source source : sources) {
            source.lines.flush(pid);
        }
        return writers[0].isIdle() && writers[1].isIdle();
    }

    /** What a process wrote last to its stderr; to be asked once, when its end is told. */
    public byte[] lastWords(int pid) {
        return lastWords.take(pid);
    }

    /** Does {@code step} for each source when what has been written to it up to now is read, then {@code done} when that is written. */
    private void afterQueued(Consumer<Source> step, Runnable done) {
        List<Source> all = List.copyOf(sources);
        // stderr after stdout, whose failure is told there
        Countdown read = new Countdown(all.size() + 1, () -> writers[0].then(() -> writers[1].then(done)));
        for (Source source : all) {
            source.afterQueued(() -> {
                step.accept(source);
                read.one();
            });
        }
        read.one();
    }

    private void resume() {
        for (Source source : List.copyOf(sources)) {
            source.resume();
        }
    }

    private static final class Countdown {
        private int left;
        private final Runnable then;

        Countdown(int count, Runnable then) {
            this.left = count;
            this.then = then;
        }

        void one() {
            if (--left == 0) {
                then.run();
            }
        }
    }

    private static final class Once implements Runnable {
        private final Runnable task;
        private boolean ran;

        Once(Runnable task) {
            this.task = task;
        }

        @Override
        public void run() {
            if (!ran) {
                ran = true;
                task.run();
            }
        }
    }

    private static Lines.Sink labelled(StreamWriter writer, Labels labels) {
        return (pid, bytes, length) -> {
            byte[] all = labels.label(pid, bytes, length);
            writer.add(all, all.length);
        };
    }

    private record Mark(long at, Runnable task) {}

    /** One socket that is read. */
    private final class Source {
        private final int fd;
        private final int stream;
        private final StreamWriter writer;
        private final Lines lines;
        private final List<Mark> marks = new ArrayList<>();
        private final ByteArrayOutputStream held = new ByteArrayOutputStream();
        private boolean holding = true;
        private boolean aging;
        private long taken; // bytes read so far
        private boolean paused;
        private boolean ended;

        Source(int fd, int stream) {
            this.fd = fd;
            this.stream = stream;
            this.writer = writers[stream];
            this.lines = labels == null
                    ? new Lines((_, bytes, length) -> writer.add(bytes, length), writer::isTerminal)
                    : new Lines(labelled(writer, labels), labels::known);
            sources.add(this);
            watch();
        }

        private void watch() {
            poller.add(fd, Poller.IN, _ -> read(BUDGET));
        }

        /** Not by an empty interest: epoll would go on telling that the writers are gone. */
        private void pause() {
            if (!paused) {
                paused = true;
                poller.remove(fd);
            }
        }

        private int queued() {
            return ended ? 0 : Linux.readable(fd);
        }

        boolean isQueued() {
            return queued() > 0;
        }

        /** Runs {@code task} when what has been written up to now is read. */
        void afterQueued(Runnable task) {
            int queued = queued();
            if (queued == 0) {
                task.run();
            } else {
                marks.add(new Mark(taken + queued, task));
            }
        }

        private void read(int budget) {
            for (long until = taken + budget; taken < until && !ended; ) {
                if (writer.full()) {
                    pause();
                    return;
                }
                int n = ChunkSocket.read(fd, this::chunk);
                if (n == -Linux.EAGAIN || n == -Linux.EINTR) {
                    return;
                }
                if (n <= 0) {
                    end();
                    return;
                }
                taken += n;
                passMarks();
            }
        }

        void readQueued() {
            if (!ended) {
                read(Linux.readable(fd));
            }
        }

        private void chunk(int pid, byte[] bytes) {
            if (!holding) {
                if (stream == 1) {
                    lastWords.add(pid, bytes);
                }
                lines.add(pid, bytes);
                ageLater();
            } else if (held.size() < MOST_HELD) {
                held.writeBytes(bytes);
            }
        }

        private void ageLater() {
            if (!aging && lines.ages()) {
                aging = true;
                poller.after(AGE, this::age);
            }
        }

        private void age() {
            aging = false;
            lines.age();
            ageLater();
        }

        private void passMarks() {
            while (!marks.isEmpty() && marks.getFirst().at <= taken) {
                marks.removeFirst().task.run();
            }
        }

        void resume() {
            if (paused && !ended && !writer.full()) {
                paused = false;
                watch();
            }
        }

        void breakOff() {
            if (!ended) {
                end();
            }
        }

        private void end() {
            ended = true;
            taken = Long.MAX_VALUE;
            lines.flushAll();
            passMarks();
            if (!paused) {
                poller.remove(fd);
            }
            Linux.close(fd);
            sources.remove(this);
        }

        String heldText() {
            return held.toString(StandardCharsets.UTF_8);
        }

        void release(int pid) {
            holding = false;
            if (held.size() > 0) {
                lines.add(pid, held.toByteArray());
                held.reset();
            }
        }
    }
}
