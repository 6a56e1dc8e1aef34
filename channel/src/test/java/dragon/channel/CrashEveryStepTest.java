package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;

import dragon.memory.Crash;
import dragon.memory.Layout.RecordEntry;
import dragon.memory.Raw;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Kills a client at every single step of every operation, sweeps it, and looks whether the others go on, whether anything is lost that was not in the
 * dead's hands, and whether anything is left behind.
 */
class CrashEveryStepTest {
    private static final int FIRST = 0;

    static Stream<Named<Supplier<CrashScenario>>> scenarios() {
        return Stream.concat(MessageScenarios.all(), WaitingScenarios.all())
                .map(each -> Named.of(each.get().name, each));
    }

    @ParameterizedTest
    @MethodSource("scenarios")
    void survivorsGoOn(Supplier<CrashScenario> scenario) throws Exception {
        for (int step = FIRST; ; step++) {
            CrashScenario each = scenario.get();
            try {
                if (!runKilledAt(each, step)) {
                    assertThat(step).as("steps of " + each).isGreaterThan(2);
                    return;
                }
            } catch (Throwable failure) {
                throw new AssertionError(each + " killed at step " + step, failure);
            }
        }
    }

    /** False: the operation has fewer steps. */
    private static boolean runKilledAt(CrashScenario scenario, int step) throws Exception {
        try (TestNode node = new TestNode()) {
            scenario.node = node;
            scenario.survivor = node.client();
            scenario.victim = node.client();
            scenario.victim.record(); // taking a thread's record is no part of the operation
            scenario.prepare();
            boolean killed = !finishes(scenario, step);
            int number = scenario.victim.number();
            assertThat(node.sweep(number)).isTrue();
            Leftovers.assertClean(node.memory, number);
            scenario.verify(killed);
            scenario.letGo();
            node.sweep(scenario.survivor);
            assertThat(Leftovers.blocks(node.memory)).as("blocks in use").isEmpty();
            assertThat(Leftovers.references(node.memory)).as("references").hasSize(1);
            Leftovers.assertHintsComplete(node.memory);
            assertNothingInHand(node);
            return killed;
        }
    }

    private static boolean finishes(CrashScenario scenario, int step) throws Exception {
        Crash.arm(step);
        try {
            scenario.act();
            return Crash.disarm() >= 0;
        } catch (Crash.Killed killed) {
            return false;
        } finally {
            Crash.disarm();
        }
    }

    private static void assertNothingInHand(TestNode node) {
        for (int client = 1; client < node.memory.clientsHigh(); client++) {
            for (int r = 0; r < 56; r++) {
                long record = node.memory.record(client, r);
                assertThat(Raw.getLong(record + RecordEntry.OP_OBJECT))
                        .as("operation of " + client)
                        .isZero();
                for (int k = 0; k < RecordEntry.BLOCKS_IN_HAND; k++) {
                    assertThat(Raw.getLong(record + RecordEntry.BLOCKS + k * 8L))
                            .as("in hand of " + client)
                            .isZero();
                }
            }
        }
    }
}
