package dragon.agent.output;

import dragon.agent.os.Poller;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Who wants to go on when all that was written is on the screen, but not to wait for a screen that takes nothing: a terminal that was stopped, a pipe that nobody reads. For the
 * agent's thread only.
 */
final class Shown {
    private static final long PATIENCE = 250; // ms; one that waits is let go after once to twice that

    private final Poller poller;
    private final Consumer<Runnable> flush;
    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
    private @Nullable Runnable watched; // the first of them when the time began
    private boolean stuck; // the streams took nothing for so long, and have not since

    /** @param flush runs what it is given when all that was written before is on the screen */
    Shown(Poller poller, Consumer<Runnable> flush) {
        this.poller = poller;
        this.flush = flush;
    }

    /** Runs {@code done} once: when all is shown, or the time is over; at once if it was for others. */
    void then(Runnable done) {
        waiting.add(done);
        flush.accept(() -> {
            stuck = false;
            letGo(done);
        });
        if (stuck) {
            letGo(done);
        } else if (watched == null) {
            watch();
        }
    }

    private void letGo(Runnable done) {
        if (waiting.remove(done)) {
            done.run();
        }
    }

    private void watch() {
        watched = waiting.peek();
        if (watched != null) {
            poller.after(PATIENCE, this::look);
        }
    }

    private void look() {
        stuck = waiting.contains(watched);
        if (stuck) {
            List.copyOf(waiting).forEach(this::letGo);
        }
        watch();
    }
}
