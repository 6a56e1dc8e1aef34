package dragon.agent.output;

import static org.assertj.core.api.Assertions.assertThat;

import dragon.agent.os.Linux;
import dragon.agent.os.Poller;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class OutputTest {
    private final Poller poller = new Poller();
    private final Output output = new Output(poller);
    private final Linux.Pair stdout = Linux.socketPair(false);
    private final Linux.Pair stderr = Linux.socketPair(false);
    private boolean readable = true;
    private final StringBuilder shown = new StringBuilder();

    @AfterEach
    void close() {
        if (readable) {
            Linux.close(stdout.mine());
        }
        Linux.close(stderr.mine());
    }

    private static void write(int fd, String text) {
        MemorySegment bytes = Arena.ofAuto().allocateFrom(text);
        assertThat(Linux.writeAll(fd, bytes, text.length())).isZero();
    }

    private String read(int fd) {
        MemorySegment bytes = Arena.ofAuto().allocate(1 << 16);
        for (int n; (n = Linux.read(fd, bytes)) > 0; ) {
            shown.append(new String(bytes.asSlice(0, n).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8));
        }
        String all = shown.toString();
        shown.setLength(0);
        return all;
    }

    private Output.Channel ready() {
        Output.Channel channel = output.open();
        channel.release(Linux.getpid());
        return channel;
    }

    private void flush() {
        output.flush(poller::stop);
        poller.run();
    }

    @Test
    void whatIsFlushedIsThereAndTheStreamsStayApart() {
        output.targets(stdout.other(), stderr.other());
        Output.Channel channel = ready();
        write(channel.stdout(), "out\nhalf");
        write(channel.stderr(), "err\n");
        flush();
        assertThat(read(stdout.mine())).isEqualTo("out\n");
        assertThat(read(stderr.mine())).isEqualTo("err\n");
    }

    @Test
    void theLastWordsOfAProcessFollowItsEnd() {
        output.targets(stdout.other(), stderr.other());
        Output.Channel channel = ready();
        write(channel.stdout(), "half");
        output.ended(Linux.getpid(), poller::stop);
        poller.run();
        assertThat(read(stdout.mine())).isEqualTo("half");
    }

    @Test
    void whatAZygoteSaysBeforeItIsReadyIsKeptForTheErrorMessage() {
        output.targets(stdout.other(), stderr.other());
        Output.Channel channel = output.open();
        write(channel.stderr(), "No module named dragon\n");
        assertThat(channel.words()).isEqualTo("No module named dragon");
        channel.release(Linux.getpid());
        flush();
        assertThat(read(stderr.mine())).isEqualTo("No module named dragon\n");
    }

    @Test
    void aSlowReaderHoldsUpTheWriterAndLosesNothing() throws InterruptedException {
        output.targets(stdout.other(), stderr.other());
        Output.Channel channel = ready();
        int lines = 40_000;
        Thread worker = new Thread(() -> {
            for (int i = 0; i < lines; i++) {
                write(channel.stdout(), "a line of output of which there are many, number " + i + "\n");
            }
            poller.execute(() -> output.flush(poller::stop));
        });
        StringBuilder all = new StringBuilder();
        Thread reader = new Thread(() -> {
            MemorySegment bytes = Arena.ofAuto().allocate(1 << 12);
            Poller here = new Poller();
            here.add(stdout.mine(), Poller.IN, _ -> {
                int n = Linux.read(stdout.mine(), bytes);
                if (n <= 0) {
                    here.stop();
                    return;
                }
                all.append(new String(bytes.asSlice(0, n).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8));
            });
            here.run();
        });
        worker.start();
        reader.start();
        poller.run();
        output.letGo();
        worker.join();
        reader.join();
        assertThat(all.toString().split("\n"))
                .hasSize(lines)
                .endsWith("a line of output of which there are many, number " + (lines - 1));
    }

    @Test
    void anEndIsNewsAtOnceWhereNothingWaits() {
        output.targets(stdout.other(), stderr.other());
        ready();
        boolean[] told = {false};
        output.ended(1, () -> told[0] = true);
        assertThat(told[0]).isTrue();
    }

    @Test
    void anEndIsNewsThoughTheTerminalTakesNothing() {
        Output.Channel channel = ready(); // there is no target yet
        write(channel.stdout(), "a line\n");
        output.ended(Linux.getpid(), poller::stop);
        poller.run();
        output.targets(stdout.other(), stderr.other());
        flush();
        assertThat(read(stdout.mine())).isEqualTo("a line\n");
    }

    @Test
    void whoWantsItShownIsHeldUpOnceByATerminalThatTakesNothing() {
        Output.Channel channel = ready(); // there is no target yet
        write(channel.stdout(), "a line\n");
        int[] times = new int[1];
        output.shown(() -> times[0]++);
        assertThat(times).containsExactly(0);
        output.shown(poller::stop);
        poller.run();
        assertThat(times).containsExactly(1);
        output.shown(() -> times[0]++);
        assertThat(times).containsExactly(2);
        output.targets(stdout.other(), stderr.other());
        flush();
        assertThat(read(stdout.mine())).isEqualTo("a line\n");
        poller.execute(poller::stop); // after the news for those who were let go
        poller.run();
        assertThat(times).containsExactly(2);
        write(channel.stdout(), "another\n");
        output.shown(poller::stop);
        poller.run();
        assertThat(read(stdout.mine())).isEqualTo("another\n");
    }

    @Test
    void writersLearnThatNobodyReads() {
        output.targets(stdout.other(), stderr.other());
        Output.Channel channel = ready();
        Linux.close(stdout.mine());
        readable = false;
        write(channel.stdout(), "lost\n");
        MemorySegment more = Arena.ofAuto().allocateFrom("more");
        poller.after(20, new Runnable() {
            @Override
            public void run() {
                if (Linux.write(channel.stdout(), more, 4) == -Linux.EPIPE) {
                    poller.stop();
                } else {
                    poller.after(5, this);
                }
            }
        });
        poller.run();
        Output.Channel later = ready();
        assertThat(Linux.write(later.stdout(), more, 4)).isEqualTo(-Linux.EPIPE);
        assertThat(Linux.write(later.stderr(), more, 4)).isEqualTo(4);
    }

    @Test
    void withNobodyToReadOutputIsDroppedAndNobodyWaits() {
        output.targets(stdout.other(), stderr.other());
        Output.Channel channel = ready();
        output.letGo();
        write(channel.stdout(), "lost\n");
        flush();
        assertThat(read(stdout.mine())).isEmpty();
    }
}
