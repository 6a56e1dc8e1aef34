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

/** A message is sent while a receiver is about to sleep: it gets the message, or is chosen. It never sleeps beside a message. */
@JCStressTest
@Outcome(id = "1", expect = ACCEPTABLE, desc = "received before it slept")
@Outcome(id = "2", expect = ACCEPTABLE, desc = "chosen, and the message is there")
@Outcome(expect = FORBIDDEN, desc = "a lost wake-up, or one for nothing")
@State
public class SleepOrSend {
    private static final Pool<Place> POOL = new Pool<>(Place::new);

    private static final class Place {
        final Pair pair = new Pair(3);
        final Sleeper sleeper = new Sleeper();

        boolean take() {
            return Pair.next(pair.b) == 1;
        }
    }

    private final Place place = POOL.take();

    /** Sends, and chooses who waits. */
    @Actor
    public void send() {
        place.pair.a.sendLong(1);
    }

    /** Waits. */
    @Actor
    public void receive() {
        place.sleeper.armAndTry(place.pair.b, place.pair.b.watchQueue(), place::take);
    }

    /** Looks how it stands. */
    @Arbiter
    public void look(I_Result r) {
        r.r1 = place.sleeper.outcome(place::take);
        if (r.r1 <= Sleeper.CHOSEN) {
            POOL.put(place);
        }
    }
}
