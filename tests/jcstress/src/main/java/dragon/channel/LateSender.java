package dragon.channel;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dragon.memory.Client;
import dragon.memory.Pool;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJ_Result;

/**
 * A sender that saw no second ring yet claims in the first, while a receiver takes all that is there, closes the first ring and leaves it. The late
 * message arrives whichever ring it came into.
 */
@JCStressTest
@Outcome(id = "12345, 6", expect = ACCEPTABLE, desc = "sent behind all others")
@Outcome(id = "12346, 5", expect = ACCEPTABLE, desc = "sent in the first ring")
@Outcome(id = "1234, 65", expect = ACCEPTABLE, desc = "claimed in the first ring, and received after the race")
@Outcome(id = "123456, 0", expect = ACCEPTABLE, desc = "received in the race")
@Outcome(id = "123465, 0", expect = ACCEPTABLE, desc = "received in the race, from the first ring")
@Outcome(expect = FORBIDDEN, desc = "a message was lost, doubled or out of turn")
@State
public class LateSender {
    private static final int MOST = 6;
    private static final Pool<Rings> POOL = new Pool<>(Rings::new);

    private final Rings rings = POOL.take();

    /** The fifth message lies in a second ring. */
    public LateSender() {
        rings.send(Node.A, 5);
    }

    /** Tries the first ring first. */
    @Actor
    public void send() {
        long slot = Ring.claimSend(rings.first(), Node.A.number());
        if (slot > 0) {
            Rings.write(slot, 6);
        } else {
            rings.send(Node.A, 6);
        }
    }

    /** Receives what it can. */
    @Actor
    public void receive(JJ_Result r) {
        r.r1 = drain(Node.B);
    }

    private long drain(Client client) {
        long all = 0;
        for (int i = 0; i < MOST; i++) {
            long message = rings.next(client);
            all = message == 0 ? all : all * 10 + message;
        }
        return all;
    }

    /** Receives what is left. */
    @Arbiter
    public void look(JJ_Result r) {
        r.r2 = drain(Node.B);
        rings.reset();
        POOL.put(rings);
    }
}
