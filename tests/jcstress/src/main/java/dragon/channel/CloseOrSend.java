package dragon.channel;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dragon.memory.Pool;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZJJ_Result;

/** A channel is closed while a message is sent. Who has met the end meets no message behind it, and what was sent is received. */
@JCStressTest
@Outcome(id = "true, 1, -1", expect = ACCEPTABLE, desc = "sent before the end")
@Outcome(id = "true, 0, 1", expect = ACCEPTABLE, desc = "on its way when the channel was closed; received afterwards")
@Outcome(id = "false, -1, -1", expect = ACCEPTABLE, desc = "refused")
@Outcome(id = "false, 0, -1", expect = ACCEPTABLE, desc = "refused after the claim")
@Outcome(expect = FORBIDDEN, desc = "a message behind the end, a lost one, or a refused one received")
@State
public class CloseOrSend {
    private static final Pool<Pair> POOL = new Pool<>(() -> new Pair(3));

    private final Pair pair = POOL.take();

    /** Sends. */
    @Actor
    public void send(ZJJ_Result r) {
        try {
            pair.a.sendLong(1);
            r.r1 = true;
        } catch (ChannelClosedException refused) {
            r.r1 = false;
        }
    }

    /** Closes, and receives. */
    @Actor
    public void close(ZJJ_Result r) {
        pair.b.shut();
        r.r2 = Pair.next(pair.b);
    }

    /** Receives what is left. */
    @Arbiter
    public void look(ZJJ_Result r) {
        r.r3 = Pair.next(pair.b);
        pair.reopen();
        POOL.put(pair);
    }
}
