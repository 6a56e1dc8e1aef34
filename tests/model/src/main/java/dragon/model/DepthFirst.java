package dragon.model;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Visits every state once, holding only those on the way to the present one; finds cycles. */
final class DepthFirst {
    private final Search search;
    private final long limit;
    private final StateSet seen = new StateSet();
    private final StateSet onPath = new StateSet();
    private final ArrayList<Node> path = new ArrayList<>();
    private long transitions;
    private int depth;

    DepthFirst(Search search, long limit) {
        this.search = search;
        this.limit = limit;
    }

    /** A state, and those one step on that were new when it was expanded. */
    private static final class Node {
        final int[] state;
        final int via;
        final long hash;
        final ArrayList<Node> on = new ArrayList<>(8);
        boolean moves;
        int cycle = -1;

        Node(int[] state, int via, long hash) {
            this.state = state;
            this.via = via;
            this.hash = hash;
        }
    }

    Search.Result run(int[] first) {
        enter(new Node(first.clone(), -1, StateSet.hash(first)));
        Search.Result result = expand(path.getLast());
        while (result == null && !path.isEmpty()) {
            Node node = path.getLast();
            if (node.on.isEmpty()) {
                path.removeLast();
                onPath.remove(node.hash);
                continue;
            }
            Node to = node.on.removeLast();
            if (!seen.contains(to.hash)) {
                enter(to);
                result = seen.size() > limit ? result(null, -1, false) : expand(to);
            }
        }
        return result == null ? result(null, -1, true) : result;
    }

    private void enter(Node node) {
        seen.add(node.hash);
        onPath.add(node.hash);
        path.add(node);
        depth = Math.max(depth, path.size());
    }

    private Search.@Nullable Result expand(Node node) {
        String failure = search.expand(node.state, (state, via) -> {
            transitions++;
            node.moves |= !Search.external(via);
            long hash = StateSet.hash(node.hash, node.state, state);
            if (!seen.contains(hash)) {
                node.on.add(new Node(state.clone(), via, hash));
            } else if (onPath.contains(hash)) {
                node.cycle = via;
            }
        });
        if (failure != null) {
            return result(failure, search.lastVia, true);
        }
        if (node.cycle >= 0) {
            return result("a cycle: some schedule never ends", node.cycle, true);
        }
        String wrong = node.moves ? null : search.stuck(node.state);
        return wrong == null ? null : result(wrong, -1, true);
    }

    private Search.Result result(@Nullable String failure, int last, boolean complete) {
        List<Integer> way = new ArrayList<>();
        if (failure != null) {
            path.subList(1, path.size()).forEach(node -> way.add(node.via));
            if (last >= 0) {
                way.add(last);
            }
        }
        return new Search.Result(failure, way, seen.size(), transitions, depth, complete);
    }
}
