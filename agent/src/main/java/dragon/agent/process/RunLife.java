package dragon.agent.process;

import dragon.agent.os.Linux;
import java.util.ArrayList;
import java.util.List;

/**
 * The life of the run: it lasts as long as its head. Then everything that is left is killed (by the keeper, which ends with that), what was written is shown, and the
 * launcher ends with the head's exit code.
 *
 * <p>A signal to the launcher goes on to the head, whose own matter it is to end in order; the second one ends the run at once. Two within {@link #SAME} ms are
 * one: a process group and its leader may be signalled one after the other. SIGQUIT goes on as often as it comes: a head that lives on after one shows its stacks at each.
 */
public final class RunLife {
    /** Signals this close together (ms) are one. */
    public static final long SAME = 150;

    private enum Stage {
        RUNNING,
        KILLING,
        SHOWING,
        OVER
    }

    /** What happened to the run. */
    public sealed interface Event {
        /** The head ended, with this wait status. */
        record HeadEnded(int status) implements Event {}

        /** The keeper is gone: asked to end, or killed. */
        record KeeperGone() implements Event {}

        /** All that was written is where it belongs. */
        record Shown() implements Event {}

        /** The launcher got a signal at this time. */
        record Signalled(int signal, long millis) implements Event {}

        /** The head could not be started; says why. */
        record NotStarted(String words, int code) implements Event {}
    }

    /** What is to be done about it. */
    public sealed interface Effect {
        /** Send it to the head, unless the terminal has done so. */
        record Forward(int signal) implements Effect {}

        /** Let the keeper kill everything and end. */
        record EndKeeper() implements Effect {}

        /** The keeper is not there to do it: kill whatever this process has inherited. */
        record KillInherited() implements Effect {}

        /** Show what was written and is not shown yet. */
        record ShowRest() implements Effect {}

        /**
         * Mark the run as over ({@code lost}: abnormally) and end with this code, after these words, if any; {@code ran}: there was a head whose end is to be
         * told.
         */
        record Finish(int code, String words, boolean lost, boolean ran) implements Effect {}
    }

    private final boolean ownHead; // the head is a child of the keeper, so its end has a status
    private Stage stage = Stage.RUNNING;
    private int code;
    private String words = "";
    private boolean lost;
    private boolean ran = true;
    private int signal;
    private long signalledAt;
    private List<Effect> effects = new ArrayList<>();

    public RunLife(boolean ownHead) {
        this.ownHead = ownHead;
    }

    /** Has the end begun? */
    public boolean ending() {
        return stage != Stage.RUNNING;
    }

    /** Takes in what happened and returns what is to be done, in order. */
    public List<Effect> apply(Event event) {
        effects = new ArrayList<>();
        if (event instanceof Event.HeadEnded ended) {
            headEnded(ended.status());
        } else if (event instanceof Event.KeeperGone) {
            keeperGone();
        } else if (event instanceof Event.Shown) {
            shown();
        } else if (event instanceof Event.Signalled signalled) {
            signalled(signalled);
        } else if (event instanceof Event.NotStarted failed) {
            notStarted(failed);
        }
        return effects;
    }

    private void headEnded(int status) {
        if (ownHead && code == 0 && words.isEmpty()) {
            code = Status.code(status);
            words = Status.words("the head process", status);
        }
        if (stage == Stage.RUNNING) {
            endKeeper();
        }
    }

    private void endKeeper() {
        stage = Stage.KILLING;
        effects.add(new Effect.EndKeeper());
    }

    private void keeperGone() {
        if (stage == Stage.RUNNING) {
            lost = true;
            code = 128 + 9;
            words = "the keeper of this run was killed, and all of its processes with it";
        }
        if (stage == Stage.RUNNING || stage == Stage.KILLING) {
            stage = Stage.SHOWING;
            effects.add(new Effect.KillInherited());
            effects.add(new Effect.ShowRest());
        }
    }

    private void shown() {
        if (stage == Stage.SHOWING) {
            finish();
        }
    }

    private void finish() {
        stage = Stage.OVER;
        effects.add(new Effect.Finish(code, words, lost, ran));
    }

    private void signalled(Event.Signalled event) {
        if (event.signal() == Linux.SIGQUIT && signal == 0 && stage == Stage.RUNNING) {
            effects.add(new Effect.Forward(Linux.SIGQUIT));
            return;
        }
        boolean same = event.signal() == signal && event.millis() - signalledAt < SAME;
        boolean second = signal != 0;
        if (same || stage == Stage.OVER || stage == Stage.KILLING) {
            return;
        }
        signal = event.signal();
        signalledAt = event.millis();
        if (stage == Stage.SHOWING) { // nobody reads what is to be shown
            finish();
        } else if (second) {
            code = 128 + event.signal();
            words = "ended at once, at the second signal";
            endKeeper();
        } else {
            effects.add(new Effect.Forward(event.signal()));
        }
    }

    private void notStarted(Event.NotStarted event) {
        if (stage == Stage.RUNNING) {
            code = event.code();
            words = event.words();
            ran = false;
            endKeeper();
        }
    }
}
