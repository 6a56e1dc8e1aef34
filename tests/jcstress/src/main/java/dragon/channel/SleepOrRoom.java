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

/** A full channel's message is received while a sender is about to sleep: it sends, or is chosen. It never sleeps beside a free slot. */
@JCStressTest
@Outcome(id = "1", expect = ACCEPTABLE, desc = "sent before it slept")
@Outcome(id = "2", expect = ACCEPTABLE, desc = "chosen, and there is room")
@Outcome(expect = FORBIDDEN, desc = "a lost wake-up, or one for nothing")
@State
public class SleepOrRoom {
    private static final byte[] MESSAGE = new byte[Long.BYTES];
    private static final Pool<Place> POOL = new Pool<>(Place::new);

    private static final class Place {
        final Pair pair = new Pair(1);
        final Sleeper sleeper = new Sleeper();

        boolean put() {
            return pair.b.trySend(MESSAGE);
        }
    }

    private final Place place = POOL.take();

    /** Fills the channel. */
    public SleepOrRoom() {
        place.pair.a.trySend(MESSAGE);
    }

    /** Receives, and chooses who waits for room. */
    @Actor
    public void receive() {
        Pair.next(place.pair.a);
    }

    /** Waits. */
    @Actor
    public void send() {
        place.sleeper.armAndTry(place.pair.b, place.pair.b.address() + ObjectLayout.QUEUE_1, place::put);
    }

    /** Looks how it stands. The channel is full again then, as at the start. */
    @Arbiter
    public void look(I_Result r) {
        r.r1 = place.sleeper.outcome(place::put);
        if (r.r1 <= Sleeper.CHOSEN) {
            POOL.put(place);
        }
    }
}
