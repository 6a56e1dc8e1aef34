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

/** Two processes find a ring full and append a larger one: one of them does, and both messages arrive behind those that were there. */
@JCStressTest
@Outcome(
        id = {"1234, 5, 6", "1234, 6, 5"},
        expect = ACCEPTABLE,
        desc = "all arrive")
@Outcome(expect = FORBIDDEN, desc = "a message was lost, doubled or out of turn")
@State
public class TwoGrow {
    private static final Pool<Rings> POOL = new Pool<>(Rings::new);

    private final Rings rings = POOL.take();

    /** One. */
    @Actor
    public void first() {
        rings.send(Node.A, 5);
    }

    /** The other. */
    @Actor
    public void second() {
        rings.send(Node.B, 6);
    }

    /** Receives all. */
    @Arbiter
    public void look(JJJ_Result r) {
        for (int i = 0; i < Rings.FULL; i++) {
            r.r1 = r.r1 * 10 + rings.next(Node.A);
        }
        r.r2 = rings.next(Node.A);
        r.r3 = rings.next(Node.A);
        rings.reset();
        POOL.put(rings);
    }
}
