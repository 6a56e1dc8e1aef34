package dragon.memory;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZ_Result;

/** Two processes take a block each. It is never the same one, nor one that a third still has: what each writes stays as it is. */
@JCStressTest
@Outcome(id = "true, true", expect = ACCEPTABLE, desc = "each has a block of its own")
@Outcome(expect = FORBIDDEN, desc = "a block was handed out twice")
@State
public class BlockForTwo {
    private static final Ground GROUND = new Ground(256 << 20, 16, 1024);
    private static final Client[] CLIENTS = {GROUND.client(), GROUND.client()};
    private static final int SIZE = 64;

    private final long[] refs = new long[2];

    /** One. */
    @Actor
    public void first() {
        take(0);
    }

    /** The other. */
    @Actor
    public void second() {
        take(1);
    }

    private void take(int i) {
        Client client = CLIENTS[i];
        ThreadRecord record = client.record();
        long ref = client.blocks().alloc(record, 0, SIZE);
        Raw.putLong(client.blocks().address(ref), mark(i));
        refs[i] = ref;
        record.block(0, 0);
    }

    private long mark(int i) {
        return (long) System.identityHashCode(this) << 1 | i;
    }

    /** Looks at both and gives them back. */
    @Arbiter
    public void look(ZZ_Result r) {
        r.r1 = isMine(0);
        r.r2 = isMine(1) && refs[0] != refs[1];
        Blocks.release(GROUND.memory(), refs[0]);
        Blocks.release(GROUND.memory(), refs[1]);
    }

    private boolean isMine(int i) {
        long word = Raw.getLongAcquire(Blocks.wordAt(GROUND.memory(), refs[i]));
        return Blocks.stateOf(word) == Blocks.HELD
                && Blocks.ownerOf(word) == CLIENTS[i].number()
                && Raw.getLong(CLIENTS[i].blocks().address(refs[i])) == mark(i);
    }
}
