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

/** Two processes receive at once, and there is one message: one gets it. */
@JCStressTest
@Outcome(
        id = {"1, 0, 0", "0, 1, 0"},
        expect = ACCEPTABLE,
        desc = "one has it")
@Outcome(expect = FORBIDDEN, desc = "the message was lost or received twice")
@State
public class LastMessage {
    private static final Pool<Pair> POOL = new Pool<>(() -> new Pair(3));

    private final Pair pair = Pair.with(POOL.take(), 1);

    /** One. */
    @Actor
    public void first(JJJ_Result r) {
        r.r1 = Pair.next(pair.a);
    }

    /** The other. */
    @Actor
    public void second(JJJ_Result r) {
        r.r2 = Pair.next(pair.b);
    }

    /** Receives what is left. */
    @Arbiter
    public void look(JJJ_Result r) {
        r.r3 = Pair.next(pair.a);
        POOL.put(pair);
    }
}
