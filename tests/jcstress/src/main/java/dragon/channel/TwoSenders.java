package dragon.channel;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dragon.memory.Pool;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJJ_Result;

/** Two processes send at once: no slot is claimed twice, and both messages arrive, once. */
@JCStressTest
@Outcome(
        id = {"1, 2, 0", "2, 1, 0"},
        expect = ACCEPTABLE,
        desc = "both arrive")
@Outcome(expect = FORBIDDEN, desc = "a message was lost, doubled or torn")
@State
public class TwoSenders {
    /** Three slots: the races meet each of them first, in lap after lap. */
    private static final Pool<Pair> POOL = new Pool<>(() -> new Pair(3));

    private final Pair pair = POOL.take();

    /** One. */
    @Actor
    public void first() {
        pair.a.sendLong(1);
    }

    /** The other. */
    @Actor
    public void second() {
        pair.b.sendLong(2);
    }

    /** Receives all. */
    @Arbiter
    public void look(JJJ_Result r) {
        r.r1 = Pair.next(pair.a);
        r.r2 = Pair.next(pair.a);
        r.r3 = Pair.next(pair.a);
        POOL.put(pair);
    }
}
