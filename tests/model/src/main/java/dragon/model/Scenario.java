package dragon.model;

import java.util.function.Function;

/** A configuration with a name: how to build its world with a set of mutations, and how many deaths may happen in it. */
record Scenario(String name, int deaths, boolean big, Function<Mutation[], World> build) {
    Search search(long limit, Mutation... mutations) {
        return new Search(build.apply(mutations), deaths, limit);
    }
}
