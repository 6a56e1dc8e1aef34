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

/** A waiter whose time is up leaves while it is chosen: both agree on whether it was. A choice is never lost by one who left before. */
@JCStressTest
@Outcome(id = "true, true", expect = ACCEPTABLE, desc = "chosen, and it knows")
@Outcome(id = "false, false", expect = ACCEPTABLE, desc = "left, and the chooser knows")
@Outcome(expect = FORBIDDEN, desc = "they disagree")
@State
public class SleepOrChosen {
    private static final Pool<Place> POOL = new Pool<>(Place::new);

    private static final class Place {
        final Pair pair = new Pair(1);
        final Sleeper sleeper = new Sleeper();
        final long queue = pair.a.watchQueue();
    }

    private final Place place = POOL.take();

    /** Somebody waits. */
    public SleepOrChosen() {
        Waiter.arm(place.sleeper.record, place.pair.b, place.queue);
    }

    /** Chooses. */
    @Actor
    public void choose(ZZ_Result r) {
        r.r1 = WaitQueue.choose(Node.A.memory(), place.queue, Node.A.number());
    }

    /** Leaves. */
    @Actor
    public void leave(ZZ_Result r) {
        r.r2 = place.sleeper.record.disarm();
    }

    /** Nobody waits any more. */
    @Arbiter
    public void look() {
        place.sleeper.record.idle();
        POOL.put(place);
    }
}
