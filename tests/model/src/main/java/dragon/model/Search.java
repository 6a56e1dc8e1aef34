package dragon.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Explores every interleaving of a world.
 *
 * <p>Depth first for the proof: states are remembered by a 64-bit hash, the stack holds the path, and a state met again on its own path is a cycle, so that a clean result also says that everything
 * terminates. Breadth first for the shortest counter-example. A step that only the sweep can see is taken at once, with its actor's death as the one alternative: it commutes with all others.
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

    /** One way on. */
    private static final class Node {
        final int[] state;
        final int via;
        final long hash;
        final List<Node> on = new ArrayList<>();
        boolean expanded;
        int next;

        Node(int[] state, int via, long hash) {
            this.state = state;
            this.via = via;
            this.hash = hash;
        }
    }

    private static final Node NONE = new Node(new int[0], -1, 0);

    Result depthFirst() {
        StateSet seen = new StateSet();
        StateSet onPath = new StateSet();
        ArrayList<Node> path = new ArrayList<>();
        Node root = new Node(first, -1, StateSet.hash(first));
        seen.add(root.hash);
        onPath.add(root.hash);
        path.add(root);
        long transitions = 0;
        int depth = 0;
        while (!path.isEmpty()) {
            Node node = path.getLast();
            if (!node.expanded) {
                node.expanded = true;
                String failure = expand(
                        node.state,
                        (state, via) -> node.on.add(new Node(state, via, StateSet.hash(node.hash, node.state, state))));
                if (failure != null) {
                    return new Result(failure, path(path, lastVia), seen.size(), transitions, depth, true);
                }
                if (node.on.stream().allMatch(n -> external(n.via))) {
                    String wrong = stuck(node.state);
                    if (wrong != null) {
                        return new Result(wrong, path(path, -1), seen.size(), transitions, depth, true);
                    }
                }
            }
            if (node.next == node.on.size()) {
                path.removeLast();
                onPath.remove(node.hash);
                continue;
            }
            Node to = node.on.set(node.next, NONE);
            node.next++;
            transitions++;
            if (seen.add(to.hash)) {
                if (seen.size() > limit) {
                    return new Result(null, List.of(), seen.size(), transitions, depth, false);
                }
                onPath.add(to.hash);
                path.add(to);
                depth = Math.max(depth, path.size());
            } else if (onPath.contains(to.hash)) {
                return new Result(
                        "a cycle: some schedule never ends", path(path, to.via), seen.size(), transitions, depth, true);
            }
        }
        return new Result(null, List.of(), seen.size(), transitions, depth, true);
    }

    private static List<Integer> path(List<Node> nodes, int last) {
        List<Integer> path = new ArrayList<>();
        for (Node node : nodes.subList(1, nodes.size())) {
            path.add(node.via);
        }
        if (last >= 0) {
            path.add(last);
        }
        return path;
    }

    /** Breadth first, for the shortest way to a failure. */
    Result breadthFirst() {
        StateSet seen = new StateSet();
        Trail trail = new Trail();
        List<int[]> frontier = new ArrayList<>();
        List<Integer> places = new ArrayList<>();
        seen.add(StateSet.hash(first));
        frontier.add(first);
        places.add(trail.add(-1, -1));
        long transitions = 0;
        int depth = 0;
        while (!frontier.isEmpty()) {
            depth++;
            List<int[]> next = new ArrayList<>();
            List<Integer> nextPlaces = new ArrayList<>();
            for (int i = 0; i < frontier.size(); i++) {
                int place = places.get(i);
                int[] state = frontier.set(i, NONE.state);
                int[] count = new int[1];
                boolean[] still = {true};
                String failure = expand(state, (to, via) -> {
                    count[0]++;
                    still[0] &= external(via);
                    if (seen.add(StateSet.hash(to))) {
                        next.add(to);
                        nextPlaces.add(trail.add(place, via));
                    }
                });
                transitions += count[0];
                if (failure != null) {
                    List<Integer> path = trail.to(place);
                    path.add(lastVia);
                    return new Result(failure, path, seen.size(), transitions, depth, true);
                }
                if (still[0]) {
                    String wrong = stuck(state);
                    if (wrong != null) {
                        return new Result(wrong, trail.to(place), seen.size(), transitions, depth, true);
                    }
                }
                if (seen.size() > limit) {
                    return new Result(null, List.of(), seen.size(), transitions, depth, false);
                }
            }
            frontier = next;
            places = nextPlaces;
        }
        return new Result(null, List.of(), seen.size(), transitions, depth, true);
    }

    /** A death, or a sleeper that gives up: it may come or not, and nobody may count on it. */
    private static boolean external(int via) {
        return (via >> 4 & 15) == Machine.DIE || (via >> 4 & 15) == Machine.STEP && (via & 15) != 0;
    }

    private interface Sink {
        void next(int[] state, int via);
    }

    private int lastVia;

    private @Nullable String expand(int[] state, Sink sink) {
        for (Actor actor : world.actors) {
            int pc = state[actor.pc];
            if (pc != 0 && actor.code.entries.get(pc).kind() == Code.Kind.OWN) {
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
        return null;
    }

    private void take(int[] state, int via, Sink sink) {
        int[] to = machine.apply(state, via);
        if (to != null) {
            sink.next(to, via);
        }
    }

    private @Nullable String stuck(int[] state) {
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
            state = java.util.Objects.requireNonNull(machine.apply(state, via, log));
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
