package dragon.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The checker can fail: each planted fault is found, with the shortest way to it. */
class FaultsTest {
    private static final long STATES = 4_000_000;

    @TestFactory
    Stream<DynamicTest> plantedFaultsAreFound() {
        return Faults.all().stream()
                .map(fault -> DynamicTest.dynamicTest(fault.mutation() + " in " + fault.scenario(), () -> {
                    Search search = Scenarios.named(fault.scenario()).search(STATES, fault.mutation());
                    Search.Result shortest = search.breadthFirst();
                    assertThat(shortest.failure()).as("found").isNotNull();
                    assertThat(search.explain(shortest)).contains(shortest.failure());
                    System.out.printf(
                            "%s: %d steps, %s%n", fault, shortest.path().size(), shortest.failure());
                }));
    }

    @Test
    void everyMutationIsPlantedSomewhere() {
        EnumSet<Mutation> planted = EnumSet.noneOf(Mutation.class);
        Faults.all().forEach(fault -> planted.add(fault.mutation()));
        assertThat(planted).containsExactlyInAnyOrder(Mutation.values());
    }

    @Test
    void depthFirstFindsWhatBreadthFirstFinds() {
        for (Mutation mutation : Arrays.asList(Mutation.NO_SECOND_TRY, Mutation.FLAG)) {
            Search search = Scenarios.named("two senders, two receivers").search(STATES, mutation);
            assertThat(search.depthFirst().failure()).contains("lost wake-up");
        }
    }
}
