package dragon.channel;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dragon.memory.Pool;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZ_Result;

/** Two processes choose at once, and one waits: it is chosen, by one of them. */
@JCStressTest
@Outcome(
        id = {"true, false", "false, true"},
        expect = ACCEPTABLE,
        desc = "chosen once")
@Outcome(expect = FORBIDDEN, desc = "chosen twice, or by nobody")
@State
public class TwoChoosers {
    private static final Pool<Place> POOL = new Pool<>(Place::new);

    private static final class Place {
        final Pair pair = new Pair(1);
        final Sleeper sleeper = new Sleeper();
        final long queue = pair.a.watchQueue();
    }

    private final Place place = POOL.take();

    /** Somebody waits. */
    public TwoChoosers() {
        Waiter.arm(place.sleeper.record, place.pair.b, place.queue);
    }

    /** One. */
    @Actor
    public void first(ZZ_Result r) {
        r.r1 = WaitQueue.choose(Node.A.memory(), place.queue, Node.A.number());
    }

    /** The other. */
    @Actor
    public void second(ZZ_Result r) {
        r.r2 = WaitQueue.choose(Node.B.memory(), place.queue, Node.B.number());
    }

    /** Nobody waits any more. */
    @Arbiter
    public void look() {
        place.sleeper.record.idle();
        POOL.put(place);
    }
}
