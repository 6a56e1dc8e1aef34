package dragon.agent.process;

import static org.assertj.core.api.Assertions.assertThat;

import dragon.agent.process.RunLife.Effect;
import dragon.agent.process.RunLife.Event;
import java.util.List;
import org.junit.jupiter.api.Test;

class RunLifeTest {
    private static final int INT = 2;
    private static final int QUIT = 3;
    private static final int TERM = 15;

    private final RunLife life = new RunLife(true);

    private List<Effect> signal(int signal, long millis) {
        return life.apply(new Event.Signalled(signal, millis));
    }

    private Effect.Finish finish() {
        life.apply(new Event.KeeperGone());
        return (Effect.Finish) life.apply(new Event.Shown()).getFirst();
    }

    @Test
    void theRunEndsWithItsHeadAndItsCode() {
        assertThat(life.apply(new Event.HeadEnded(3 << 8))).containsExactly(new Effect.EndKeeper());
        assertThat(life.apply(new Event.KeeperGone()))
                .containsExactly(new Effect.KillInherited(), new Effect.ShowRest());
        assertThat(life.apply(new Event.Shown())).containsExactly(new Effect.Finish(3, "", false, true));
    }

    @Test
    void aSignalThatEndedTheHeadIsToldInWords() {
        life.apply(new Event.HeadEnded(11 | 0x80));
        assertThat(finish())
                .isEqualTo(new Effect.Finish(
                        139, "the head process was ended by signal 11 (SIGSEGV), core dumped", false, true));
    }

    @Test
    void oneSignalGoesToTheHeadAndTheSecondEndsTheRun() {
        assertThat(signal(INT, 1000)).containsExactly(new Effect.Forward(INT));
        assertThat(signal(INT, 1000 + RunLife.SAME - 1)).isEmpty();
        assertThat(signal(INT, 2000)).containsExactly(new Effect.EndKeeper());
        assertThat(life.apply(new Event.HeadEnded(9))).isEmpty();
        assertThat(finish().code()).isEqualTo(130);
    }

    @Test
    void aQuitGoesToTheHeadAsOftenAsItComes() {
        assertThat(signal(QUIT, 1000)).containsExactly(new Effect.Forward(QUIT));
        assertThat(signal(QUIT, 2000)).containsExactly(new Effect.Forward(QUIT));
        assertThat(signal(INT, 3000)).containsExactly(new Effect.Forward(INT));
        assertThat(signal(QUIT, 4000)).containsExactly(new Effect.EndKeeper());
    }

    @Test
    void aSignalWhileNobodyReadsTheRestEndsAtOnce() {
        life.apply(new Event.HeadEnded(0));
        life.apply(new Event.KeeperGone());
        assertThat(signal(TERM, 1000)).containsExactly(new Effect.Finish(0, "", false, true));
    }

    @Test
    void aKilledKeeperEndsTheRunAsLost() {
        assertThat(life.apply(new Event.KeeperGone()))
                .containsExactly(new Effect.KillInherited(), new Effect.ShowRest());
        assertThat(life.apply(new Event.HeadEnded(9))).isEmpty();
        assertThat(life.apply(new Event.Shown()))
                .containsExactly(new Effect.Finish(
                        137, "the keeper of this run was killed, and all of its processes with it", true, true));
    }

    @Test
    void aHeadThatCouldNotStartIsNoHeadWhoseEndIsTold() {
        assertThat(life.apply(new Event.NotStarted("no such program", 127))).containsExactly(new Effect.EndKeeper());
        assertThat(finish()).isEqualTo(new Effect.Finish(127, "no such program", false, false));
    }

    @Test
    void inPlainModeTheHeadsStatusIsItsParentsAffair() {
        RunLife plain = new RunLife(false);
        assertThat(plain.apply(new Event.HeadEnded(0))).containsExactly(new Effect.EndKeeper());
    }
}
