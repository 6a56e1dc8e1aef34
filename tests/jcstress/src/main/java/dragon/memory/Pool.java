package dragon.memory;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;

/**
 * What a race needs in shared memory. It is used again for a later race, as an object of a run is: so its laps and generations go on counting, and its
 * memory holds what the last race left there.
 */
public final class Pool<T> {
    private final ConcurrentLinkedQueue<T> left = new ConcurrentLinkedQueue<>();
    private final Supplier<T> maker;

    /** An empty pool. */
    public Pool(Supplier<T> maker) {
        this.maker = maker;
    }

    /** One that is in no other race. */
    public T take() {
        T found = left.poll();
        return found != null ? found : maker.get();
    }

    /** Its race is over, and it is as {@code maker} makes it. */
    public void put(T item) {
        left.add(item);
    }
}
