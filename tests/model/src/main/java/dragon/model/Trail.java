package dragon.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** For each state met breadth first: the state before it and the transition between. */
final class Trail {
    private int[] before = new int[1024];
    private int[] via = new int[1024];
    private int size;

    int add(int from, int transition) {
        if (size == before.length) {
            before = Arrays.copyOf(before, 2 * size);
            via = Arrays.copyOf(via, 2 * size);
        }
        before[size] = from;
        via[size] = transition;
        return size++;
    }

    List<Integer> to(int place) {
        List<Integer> path = new ArrayList<>();
        for (int p = place; before[p] >= 0; p = before[p]) {
            path.add(via[p]);
        }
        Collections.reverse(path);
        return path;
    }
}
