package dragon.channel;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dragon.memory.Pool;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** Two processes count under a lock, and wait for it: one at a time, each sees what the other did, and neither waits for ever. */
@JCStressTest
@Outcome(id = "2", expect = ACCEPTABLE, desc = "one after the other")
@Outcome(expect = FORBIDDEN, desc = "both at once")
@State
public class OneAtATime {
    private static final Pool<Place> POOL = new Pool<>(Place::new);

    private static final class Place {
        final Lock a = Lock.create(Node.A, false);
        final Lock b = Lock.bind(Node.B, a.handle(), false);
    }

    private final Place place = POOL.take();

    /** Plain on purpose: the lock orders it. */
    private int count;

    /** One. */
    @Actor
    public void first() {
        countUnder(place.a);
    }

    /** The other. */
    @Actor
    public void second() {
        countUnder(place.b);
    }

    private void countUnder(Lock lock) {
        lock.acquire();
        count++;
        lock.release();
    }

    /** Looks at the sum. */
    @Arbiter
    public void look(I_Result r) {
        r.r1 = count;
        POOL.put(place);
    }
}
