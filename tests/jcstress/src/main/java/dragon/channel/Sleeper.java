package dragon.channel;

import dragon.memory.Raw;
import dragon.memory.ThreadRecord;
import java.util.function.BooleanSupplier;

/** Who waits as {@link Waiter} does, up to the point where it would sleep; so the race can be looked at from there. */
final class Sleeper {
    static final int TOOK = 1;
    static final int CHOSEN = 2;
    static final int LOST = 3;
    static final int FOR_NOTHING = 4;

    final ThreadRecord record = Node.GROUND.record();
    private boolean took;

    /** Arms, and tries again. */
    void armAndTry(SharedObject object, long queue, BooleanSupplier attempt) {
        record.begin(ThreadRecord.WAIT, object.offset());
        Waiter.arm(record, object, queue);
        Raw.fence();
        took = attempt.getAsBoolean();
        if (took && record.disarm()) {
            Waiter.passOn(record, queue);
        }
    }

    /** How that ended: it TOOK, or was CHOSEN and can take now; else it would sleep for ever (LOST), or was woken FOR_NOTHING. */
    int outcome(BooleanSupplier attempt) {
        int result = TOOK;
        if (!took) {
            boolean chosen = ThreadRecord.state(record.word()) == ThreadRecord.CHOSEN;
            result = !chosen ? LOST : attempt.getAsBoolean() ? CHOSEN : FOR_NOTHING;
            record.idle();
        }
        record.end();
        return result;
    }
}
