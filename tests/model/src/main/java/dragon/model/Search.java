package dragon.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Explores every interleaving of a world.
 *
 * <p>Depth first for the proof: states are remembered by a 64-bit hash, the stack holds the path, and a state met again on its own path is a cycle, so that a clean result also says that everything
 * terminates. Breadth first for the shortest counter-example. A step that only the sweep can see is taken at once, with its actor's death or stop as the one alternative: it commutes with all others.
 */
final class Search {
    /** What came of it: {@code failure} is null where all holds; {@code path} leads to the failure. */
    record Result(
            @Nullable String failure, List<Integer> path, long states, long transitions, int depth, boolean complete) {}

    private final World world;
    private final Machine machine;
    private final int[] first;
    private final long limit;

    Search(World world, int deaths, long limit) {
        this.world = world;
        this.limit = limit;
        first = world.begin(deaths);
        machine = new Machine(world);
    }

    Result depthFirst() {
        return new DepthFirst(this, limit).run(first);
    }

    /** For the shortest way to a failure. */
    Result breadthFirst() {
        return new BreadthFirst(this, limit).run(first);
    }

    /** A death, a stop, or a sleeper that gives up: it may come or not, and nobody may count on it. */
    static boolean external(int via) {
        int kind = via >> 4 & 15;
        return kind == Machine.DIE || kind == Machine.STOP || kind == Machine.STEP && (via & 15) != 0;
    }

    /** Takes a state one step on; the array is used again afterwards. */
    interface Sink {
        void next(int[] state, int via);
    }

    /** The transition that failed, after {@link #expand} returned a failure. */
    int lastVia;

    /** Gives every state one step on to {@code sink}; returns what went wrong in a step, or null. */
    @Nullable
    String expand(int[] state, Sink sink) {
        for (Actor actor : world.actors) {
            int pc = state[actor.pc];
            if (pc != 0 && actor.code.entries.get(pc).kind() == Code.Kind.OWN && !actor.stopped(state)) {
                return expand(state, actor, false, sink);
            }
        }
        for (Actor actor : world.actors) {
            String failure = expand(state, actor, true, sink);
            if (failure != null) {
                return failure;
            }
        }
        return null;
    }

    private @Nullable String expand(int[] state, Actor actor, boolean flush, Sink sink) {
        for (int choice = 0, choices = 1; choice < choices; choice++) {
            int via = Machine.transition(actor.number, Machine.STEP, choice);
            int[] to = machine.apply(state, via);
            if (state[actor.pc] != 0) {
                choices = machine.choices();
            }
            if (machine.failure != null) {
                lastVia = via;
                return machine.failure;
            }
            if (to != null) {
                sink.next(to, via);
            }
        }
        if (flush && actor.buffered(state)) {
            take(state, Machine.transition(actor.number, Machine.FLUSH, 0), sink);
        }
        take(state, Machine.transition(actor.number, Machine.DIE, 0), sink);
        take(state, Machine.transition(actor.number, Machine.STOP, 0), sink);
        return null;
    }

    private void take(int[] state, int via, Sink sink) {
        int[] to = machine.apply(state, via);
        if (to != null) {
            sink.next(to, via);
        }
    }

    /** What is wrong if nobody goes on from here by himself, or null. */
    @Nullable
    String stuck(int[] state) {
        for (World.Check check : world.checks) {
            String wrong = check.wrong(state);
            if (wrong != null) {
                return wrong;
            }
        }
        return null;
    }

    /** The path as text: one line a step, with every access it makes. */
    String explain(Result result) {
        StringBuilder text = new StringBuilder();
        int[] state = first;
        int line = 0;
        for (int via : result.path()) {
            Actor actor = world.actors.get(via >> 8);
            String at = actor.at(state);
            StringBuilder log = new StringBuilder();
            state = java.util.Objects.requireNonNull(machine.apply(state, via, log))
                    .clone();
            text.append(String.format("%4d  %-8s %-44s %s%n", ++line, actor.name, at, log));
        }
        text.append("   => ").append(result.failure()).append('\n');
        List<String> ends = new ArrayList<>();
        for (Actor actor : world.actors) {
            ends.add(actor.name + " at " + actor.at(state));
        }
        Collections.sort(ends);
        return text.append("      ")
                .append(String.join(", ", ends))
                .append('\n')
                .toString();
    }
}
