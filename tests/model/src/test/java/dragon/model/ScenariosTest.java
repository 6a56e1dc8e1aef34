package dragon.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every scenario holds in every interleaving; those that take minutes with {@code -Dmodel.big=true} only. */
class ScenariosTest {
    private static final long STATES = 100_000_000;

    @TestFactory
    Stream<DynamicTest> theProtocolHolds() {
        boolean big = Boolean.getBoolean("model.big");
        return Scenarios.all().stream()
                .filter(s -> big || !s.big())
                .map(s -> DynamicTest.dynamicTest(s.name(), () -> {
                    Search search = s.search(STATES);
                    Search.Result result = search.depthFirst();
                    assertThat(result.failure())
                            .as(() -> search.explain(result))
                            .isNull();
                    assertThat(result.complete()).as("explored to the end").isTrue();
                }));
    }
}
