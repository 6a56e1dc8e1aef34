package dragon.model;

import java.util.ArrayList;
import java.util.List;

/** Explores the scenarios from the command line: {@code [--big] [--limit=STATES] [--mutation=NAME] [SCENARIO]}. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        boolean big = false;
        long limit = 100_000_000;
        List<Mutation> mutations = new ArrayList<>();
        String only = null;
        for (String arg : args) {
            if (arg.equals("--big")) {
                big = true;
            } else if (arg.startsWith("--limit=")) {
                limit = Long.parseLong(arg.substring(8));
            } else if (arg.startsWith("--mutation=")) {
                mutations.add(Mutation.valueOf(arg.substring(11)));
            } else {
                only = arg;
            }
        }
        if (only != null && only.equals("faults")) {
            faults(limit, mutations);
            return;
        }
        boolean bad = false;
        for (Scenario scenario : Scenarios.all()) {
            if (only == null ? scenario.big() && !big : !scenario.name().equals(only)) {
                continue;
            }
            bad |= run(scenario, limit, mutations.toArray(new Mutation[0]));
        }
        System.exit(bad ? 1 : 0);
    }

    private static void faults(long limit, List<Mutation> only) {
        for (Faults fault : Faults.all()) {
            if (!only.isEmpty() && fault.mutation() != only.getFirst()) {
                continue;
            }
            long begin = System.nanoTime();
            Search search = Scenarios.named(fault.scenario()).search(limit, fault.mutation());
            Search.Result found = search.breadthFirst();
            double seconds = (System.nanoTime() - begin) / 1e9;
            System.out.printf(
                    "%n%s in %s: %s, %d steps, %,d states, %.1f s%n",
                    fault.mutation(),
                    fault.scenario(),
                    found.failure() == null ? "NOT FOUND" : "found",
                    found.path().size(),
                    found.states(),
                    seconds);
            if (found.failure() != null) {
                System.out.print(search.explain(found));
            }
        }
    }

    private static boolean run(Scenario scenario, long limit, Mutation[] mutations) {
        long begin = System.nanoTime();
        Search search = scenario.search(limit, mutations);
        Search.Result result = search.depthFirst();
        double seconds = (System.nanoTime() - begin) / 1e9;
        String verdict = result.failure() != null ? "FAILS" : result.complete() ? "holds" : "holds as far as explored";
        System.out.printf(
                "%-55s %s: %,d states, %,d steps, %d deep, %.1f s%n",
                scenario.name(), verdict, result.states(), result.transitions(), result.depth(), seconds);
        if (result.failure() == null) {
            return false;
        }
        Search.Result shortest = scenario.search(limit, mutations).breadthFirst();
        System.out.println(search.explain(shortest.failure() == null ? result : shortest));
        return true;
    }
}
