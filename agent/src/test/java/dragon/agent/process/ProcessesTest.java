package dragon.agent.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ProcessesTest {
    private static final List<String> PYTHON = List.of("/usr/bin/python3");
    private static final List<String> OTHER = List.of("/opt/python3", "-O");
    private static final long FIRST = 3;
    private static final long LATER = 1000;
    private static final long HEAD = 4;

    private final Processes processes = new Processes(LATER);

    private static Birth birth(long id) {
        return new Birth(id, (int) id + 100, HEAD, 0, 0, false);
    }

    private static Birth daemon(long id, long parent) {
        return new Birth(id, (int) id + 100, parent, 0, 0, true);
    }

    private List<Effect> want(long id) {
        return processes.apply(new Event.Wanted(birth(id), PYTHON, false));
    }

    private void readyZygote() {
        processes.apply(new Event.Prepare(FIRST, PYTHON));
        processes.apply(new Event.ZygoteReady(FIRST, PYTHON));
    }

    private void live(Birth birth, int pid) {
        processes.apply(new Event.Wanted(birth, PYTHON, false));
        processes.apply(new Event.Forked(birth.process(), pid, 0));
    }

    @Test
    void theFirstZygoteIsStartedBeforeAnyoneAsks() {
        assertThat(processes.apply(new Event.Prepare(FIRST, PYTHON)))
                .containsExactly(new Effect.StartZygote(FIRST, PYTHON, 0, false));
    }

    @Test
    void aProcessWaitsForItsZygoteThenIsForked() {
        processes.apply(new Event.Prepare(FIRST, PYTHON));
        assertThat(want(6)).isEmpty();
        assertThat(processes.apply(new Event.ZygoteReady(FIRST, PYTHON))).containsExactly(new Effect.Fork(FIRST, 6));
        assertThat(processes.apply(new Event.Forked(6, 600, 0))).containsExactly(new Effect.Started(6, 600));
        assertThat(processes.pid(6)).isEqualTo(600);
        assertThat(processes.id(600)).isEqualTo(6);
    }

    @Test
    void aZygoteThatIsNotWhatWasGuessedServesThoseWhoWantIt() {
        processes.apply(new Event.Prepare(FIRST, List.of("python3")));
        want(6);
        processes.apply(new Event.Wanted(birth(7), OTHER, false));
        assertThat(processes.apply(new Event.ZygoteReady(FIRST, PYTHON)))
                .containsExactly(new Effect.Fork(FIRST, 6), new Effect.StartZygote(LATER, OTHER, 7, false));
        assertThat(processes.apply(new Event.ZygoteReady(LATER, OTHER))).containsExactly(new Effect.Fork(LATER, 7));
    }

    @Test
    void anotherInterpreterGetsAnotherZygoteOnce() {
        readyZygote();
        assertThat(processes.apply(new Event.Wanted(birth(6), OTHER, false)))
                .containsExactly(new Effect.StartZygote(LATER, OTHER, 6, false));
        assertThat(processes.apply(new Event.Wanted(birth(7), OTHER, false))).isEmpty();
        assertThat(processes.apply(new Event.ZygoteReady(LATER, OTHER)))
                .containsExactly(new Effect.Fork(LATER, 6), new Effect.Fork(LATER, 7));
    }

    @Test
    void aProcessWithAnInterpreterOfItsOwnEndsItsZygoteWithItself() {
        readyZygote();
        assertThat(processes.apply(new Event.Wanted(birth(6), PYTHON, true)))
                .containsExactly(new Effect.StartZygote(LATER, PYTHON, 6, true));
        assertThat(want(7)).containsExactly(new Effect.Fork(FIRST, 7));
        processes.apply(new Event.ZygoteReady(LATER, PYTHON));
        processes.apply(new Event.Forked(6, 600, 0));
        assertThat(processes.apply(new Event.Exited(600, 0, true)))
                .containsExactly(new Effect.Ended(birth(6), 600, 0, LATER), new Effect.EndZygote(LATER));
    }

    @Test
    void theEndIsRecordedBeforeThePidIsGivenBack() {
        readyZygote();
        live(birth(6), 600);
        assertThat(processes.apply(new Event.Exited(600, 256, true)))
                .containsExactly(new Effect.Ended(birth(6), 600, 256, FIRST));
        assertThat(processes.pid(6)).isZero();
        assertThat(processes.apply(new Event.Exited(600, 256, true))).isEmpty();
    }

    @Test
    void aKilledZygoteCostsItsWorkersEachWhenItIsDead() {
        readyZygote();
        live(birth(6), 600);
        live(birth(7), 700);
        assertThat(processes.apply(new Event.Exited(700, 9, false)))
                .containsExactly(new Effect.Ended(birth(7), 700, 9, 0));
        assertThat(processes.apply(new Event.ZygoteGone(FIRST, "killed", 0))).isEmpty();
        assertThat(processes.pid(6)).isEqualTo(600);
        assertThat(processes.apply(new Event.Exited(600, 9, false)))
                .containsExactly(new Effect.Ended(birth(6), 600, 9, 0));
        assertThat(want(8)).containsExactly(new Effect.StartZygote(LATER, PYTHON, 8, false));
    }

    @Test
    void aProcessThatWasJustBeingForkedIsGivenUpWithItsZygote() {
        readyZygote();
        want(6);
        assertThat(processes.apply(new Event.ZygoteGone(FIRST, "killed", 0)))
                .containsExactly(new Effect.Refused(birth(6), "killed", 0));
    }

    @Test
    void anEndTheKeeperTellsBeforeTheZygoteToldTheBirthIsNotLost() {
        readyZygote();
        want(6);
        assertThat(processes.apply(new Event.Exited(600, 9, false))).isEmpty();
        assertThat(processes.apply(new Event.Forked(6, 600, 0)))
                .containsExactly(new Effect.Started(6, 600), new Effect.Ended(birth(6), 600, 9, 0));
    }

    @Test
    void aZygoteThatCannotStartRefusesThoseWhoWaitWithItsWords() {
        processes.apply(new Event.Prepare(FIRST, PYTHON));
        want(6);
        processes.apply(new Event.Wanted(birth(7), OTHER, false));
        assertThat(processes.apply(new Event.ZygoteGone(FIRST, "no such file", 2)))
                .containsExactly(
                        new Effect.Refused(birth(6), "no such file", 2),
                        new Effect.StartZygote(LATER, OTHER, 7, false));
    }

    @Test
    void aForkThatFailsIsToldWithItsErrno() {
        readyZygote();
        want(6);
        assertThat(processes.apply(new Event.Forked(6, 0, 11)))
                .containsExactly(new Effect.Refused(birth(6), "the zygote could not fork", 11));
    }

    @Test
    void daemonsEndWithTheirParentGentlyOnlyIfItEndedInOrder() {
        readyZygote();
        live(birth(6), 600);
        live(daemon(7, 6), 700);
        live(birth(8), 800);
        live(daemon(9, 8), 900);
        assertThat(processes.apply(new Event.Exited(600, 0, true))).contains(new Effect.Kill(700, 15));
        assertThat(processes.apply(new Event.Exited(800, 11, true))).contains(new Effect.Kill(900, 9));
    }

    @Test
    void aDaemonThatDoesNotLiveYetEndsAsSoonAsItDoes() {
        readyZygote();
        live(birth(6), 600);
        processes.apply(new Event.Wanted(daemon(7, 6), PYTHON, false));
        processes.apply(new Event.Exited(600, 0, true));
        assertThat(processes.apply(new Event.Forked(7, 700, 0)))
                .containsExactly(new Effect.Started(7, 700), new Effect.Kill(700, 15));
    }

    @Test
    void aDaemonThatHadToWaitForAnotherZygoteEndsWithItsParentOnce() {
        processes.apply(new Event.Prepare(FIRST, List.of("python3")));
        processes.apply(new Event.Wanted(daemon(7, HEAD), OTHER, false));
        processes.apply(new Event.ZygoteReady(FIRST, PYTHON));
        processes.apply(new Event.ZygoteReady(LATER, OTHER));
        processes.apply(new Event.Forked(7, 700, 0));
        assertThat(processes.apply(new Event.ClientGone(HEAD))).containsExactly(new Effect.Kill(700, 15));
        processes.apply(new Event.Exited(700, 15, true));
        assertThat(processes.apply(new Event.ClientGone(HEAD))).isEmpty();
    }

    @Test
    void daemonsOfAForeignParentEndWithIt() {
        readyZygote();
        live(daemon(7, HEAD), 700);
        live(birth(8), 800);
        assertThat(processes.apply(new Event.ClientGone(HEAD))).containsExactly(new Effect.Kill(700, 15));
    }

    @Test
    void aFamilyIsAllThatWasStartedByOneThatLives() {
        readyZygote();
        live(birth(6), 600);
        live(daemon(7, 6), 700);
        live(daemon(8, 7), 800);
        live(birth(9), 900);
        want(10);
        assertThat(processes.families(List.of(6L, 10L, 99L))).containsExactly(600, 700, 800);
        assertThat(processes.families(List.of(7L))).containsExactly(700, 800);
    }
}
