package dragon.channel;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dragon.memory.Pool;
import java.time.Duration;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** A lock is released while another process is about to sleep: it has the lock, or is chosen. It never sleeps beside a free lock. */
@JCStressTest
@Outcome(id = "1", expect = ACCEPTABLE, desc = "acquired before it slept")
@Outcome(id = "2", expect = ACCEPTABLE, desc = "chosen, and the lock is free")
@Outcome(expect = FORBIDDEN, desc = "a lost wake-up, or one for nothing")
@State
public class SleepOrUnlock {
    private static final Pool<Place> POOL = new Pool<>(Place::new);

    private static final class Place {
        final Lock a = Lock.create(Node.A, false);
        final Lock b = Lock.bind(Node.B, a.handle(), false);
        final Sleeper sleeper = new Sleeper();

        Place() {
            a.acquire();
        }

        boolean take() {
            return b.acquire(Duration.ZERO) == Lock.Outcome.ACQUIRED;
        }
    }

    private final Place place = POOL.take();

    /** Hands it over: a plain lock may be released by anyone. */
    @Actor
    public void unlock() {
        place.a.release();
    }

    /** Waits. */
    @Actor
    public void lock() {
        place.sleeper.armAndTry(place.b, place.b.address() + ObjectLayout.QUEUE_0, place::take);
    }

    /** Looks how it stands. The lock is held again then, as at the start. */
    @Arbiter
    public void look(I_Result r) {
        r.r1 = place.sleeper.outcome(place::take);
        if (r.r1 <= Sleeper.CHOSEN) {
            POOL.put(place);
        }
    }
}
