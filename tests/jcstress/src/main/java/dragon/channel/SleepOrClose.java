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

/** A channel is closed while a receiver is about to sleep: it meets the end, or is chosen. It never sleeps on a closed channel. */
@JCStressTest
@Outcome(id = "1", expect = ACCEPTABLE, desc = "met the end before it slept")
@Outcome(id = "2", expect = ACCEPTABLE, desc = "chosen, and the end is there")
@Outcome(expect = FORBIDDEN, desc = "a lost wake-up, or one for nothing")
@State
public class SleepOrClose {
    private static final Pool<Place> POOL = new Pool<>(Place::new);

    private static final class Place {
        final Pair pair = new Pair(1);
        final Sleeper sleeper = new Sleeper();

        boolean ended() {
            return Pair.next(pair.b) == Pair.END;
        }
    }

    private final Place place = POOL.take();

    /** Closes, and chooses all who wait. */
    @Actor
    public void close() {
        place.pair.a.shut();
    }

    /** Waits. */
    @Actor
    public void receive() {
        place.sleeper.armAndTry(place.pair.b, place.pair.b.watchQueue(), place::ended);
    }

    /** Looks how it stands. */
    @Arbiter
    public void look(I_Result r) {
        r.r1 = place.sleeper.outcome(place::ended);
        if (r.r1 <= Sleeper.CHOSEN) {
            place.pair.reopen();
            POOL.put(place);
        }
    }
}
