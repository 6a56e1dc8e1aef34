package dragon.channel;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dragon.memory.Pool;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** A message in a block is received while it is sent: all of its bytes, or nothing yet. The block goes back, for the next message. */
@JCStressTest
@Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "received, whole")
@Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "too early; whole afterwards")
@Outcome(expect = FORBIDDEN, desc = "a message was lost, doubled or torn")
@State
public class WholeBlock {
    private static final int SIZE = 200;
    private static final int TORN = 2;
    private static final Pool<Pair> POOL = new Pool<>(() -> new Pair(3));

    private final Pair pair = POOL.take();
    private final byte[] message = new byte[SIZE];

    /** All its bytes are the same, and others than in the races before. */
    public WholeBlock() {
        Arrays.fill(message, pair.mark());
    }

    /** Sends. */
    @Actor
    public void send() {
        pair.a.send(message);
    }

    /** Receives. */
    @Actor
    public void receive(II_Result r) {
        r.r1 = verdict(pair.b.tryReceive());
    }

    /** Receives what is left. */
    @Arbiter
    public void look(II_Result r) {
        r.r2 = verdict(pair.b.tryReceive());
        POOL.put(pair);
    }

    private int verdict(byte @Nullable [] received) {
        if (received == null) {
            return 0;
        }
        return Arrays.equals(received, message) ? 1 : TORN;
    }
}
