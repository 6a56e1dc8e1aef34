package dragon.channel;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dragon.memory.Pool;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJ_Result;

/** A process sends and closes while another receives: it never meets the end before the last message. */
@JCStressTest
@Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "too early; received afterwards")
@Outcome(id = "1, -1", expect = ACCEPTABLE, desc = "received; then the end")
@Outcome(expect = FORBIDDEN, desc = "the end came first, or a message was lost")
@State
public class LastBeforeEnd {
    private static final Pool<Pair> POOL = new Pool<>(() -> new Pair(3));

    private final Pair pair = POOL.take();

    /** Sends and closes. */
    @Actor
    public void send() {
        pair.a.sendLong(1);
        pair.a.shut();
    }

    /** Receives. */
    @Actor
    public void receive(JJ_Result r) {
        r.r1 = Pair.next(pair.b);
    }

    /** Receives what is left. */
    @Arbiter
    public void look(JJ_Result r) {
        r.r2 = Pair.next(pair.b);
        pair.reopen();
        POOL.put(pair);
    }
}
