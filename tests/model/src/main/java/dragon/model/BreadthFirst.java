package dragon.model;

import java.util.ArrayDeque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Visits the states in the order of their distance from the first, and remembers the way to each. */
final class BreadthFirst {
    private final Search search;
    private final long limit;
    private final StateSet seen = new StateSet();
    private final Trail trail = new Trail();
    private ArrayDeque<Node> next = new ArrayDeque<>();
    private long transitions;
    private int depth;
    private boolean moves;

    BreadthFirst(Search search, long limit) {
        this.search = search;
        this.limit = limit;
    }

    private record Node(int[] state, long hash, int place) {}

    Search.Result run(int[] first) {
        long hash = StateSet.hash(first);
        seen.add(hash);
        next.add(new Node(first.clone(), hash, trail.add(-1, -1)));
        while (!next.isEmpty()) {
            depth++;
            ArrayDeque<Node> frontier = next;
            next = new ArrayDeque<>();
            while (!frontier.isEmpty()) {
                Search.Result result = expand(frontier.removeFirst());
                if (result != null) {
                    return result;
                }
            }
        }
        return result(null, List.of(), true);
    }

    private Search.@Nullable Result expand(Node node) {
        moves = false;
        String failure = search.expand(node.state, (state, via) -> {
            transitions++;
            moves |= !Search.external(via);
            long hash = StateSet.hash(node.hash, node.state, state);
            if (seen.add(hash)) {
                next.add(new Node(state.clone(), hash, trail.add(node.place, via)));
            }
        });
        List<Integer> way = failure != null || !moves ? trail.to(node.place) : List.of();
        if (failure != null) {
            way.add(search.lastVia);
            return result(failure, way, true);
        }
        String wrong = moves ? null : search.stuck(node.state);
        if (wrong != null) {
            return result(wrong, way, true);
        }
        return seen.size() > limit ? result(null, List.of(), false) : null;
    }

    private Search.Result result(@Nullable String failure, List<Integer> way, boolean complete) {
        return new Search.Result(failure, way, seen.size(), transitions, depth, complete);
    }
}
