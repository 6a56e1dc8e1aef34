package dragon.memory;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** The only block there is comes back while another process looks for one and clears the hints on its way: they never hide the block for good. */
@JCStressTest
@Outcome(id = "1", expect = ACCEPTABLE, desc = "found at once")
@Outcome(id = "2", expect = ACCEPTABLE, desc = "too early, found afterwards")
@Outcome(expect = FORBIDDEN, desc = "a free block that nobody can find")
@State
public class LastBlock {
    private static final int SIZE = 256 << 10;
    private static final Pool<Place> POOL = new Pool<>(Place::new);

    /** A memory of one block, which the holder has. */
    private static final class Place {
        final Ground ground = new Ground(SIZE, 8, 4);
        final ThreadRecord holder = ground.record();
        final ThreadRecord seeker = ground.record();
        final Blocks blocks = holder.client().blocks();

        Place() {
            blocks.alloc(holder, 0, SIZE);
        }

        boolean find(ThreadRecord record) {
            try {
                blocks.alloc(record, 0, SIZE);
                return true;
            } catch (MemoryExhaustedException tooEarly) {
                return false;
            }
        }
    }

    private final Place place = POOL.take();
    private boolean found;

    /** Gives it back. */
    @Actor
    public void free() {
        place.blocks.free(place.holder, 0);
    }

    /** Looks for it. */
    @Actor
    public void seek() {
        found = place.find(place.seeker);
    }

    /** Looks again. */
    @Arbiter
    public void look(I_Result r) {
        r.r1 = found ? 1 : place.find(place.seeker) ? 2 : 3;
        if (r.r1 != 3) {
            place.blocks.free(place.seeker, 0);
            place.blocks.alloc(place.holder, 0, SIZE);
            POOL.put(place);
        }
    }
}
