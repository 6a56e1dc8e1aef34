package dragon.model;

import java.util.List;

/** For each mutation the scenarios that must find it. */
record Faults(Mutation mutation, String scenario) {
    static List<Faults> all() {
        return List.of(
                new Faults(Mutation.NO_FENCE_WAKER, "store buffers: sender and receiver"),
                new Faults(Mutation.NO_FENCE_WAKER, "sent and received together, store buffers"),
                new Faults(Mutation.NO_FENCE_WAITER, "store buffers: sender and receiver"),
                new Faults(Mutation.NO_FENCE_WAKER, "event set by a plain store, store buffers"),
                new Faults(Mutation.NO_FENCE_WAKER, "a slow reader before the next ring, store buffers"),
                new Faults(Mutation.NO_FENCE_SWEEP, "end of stream, store buffers"),
                new Faults(Mutation.NO_SECOND_TRY, "two senders, two receivers"),
                new Faults(Mutation.NO_PASS_ON, "interrupted after being chosen"),
                new Faults(Mutation.NO_PASS_ON, "watcher and taker"),
                new Faults(Mutation.WATCHER_PASSES_ONLY_CHOSEN, "watcher and taker"),
                new Faults(Mutation.NO_CHAIN, "two senders, two receivers"),
                new Faults(Mutation.NO_SENDER_CHAIN, "slots freed out of order, two senders wait"),
                new Faults(Mutation.FLAG, "two senders, two receivers"),
                new Faults(Mutation.NO_TELL, "one sender, two receivers, a death"),
                new Faults(Mutation.TELL_ONLY_CHOSEN, "one sender, two receivers, a death"),
                new Faults(Mutation.NO_EXCHANGE, "one sender, two receivers, a death"),
                new Faults(Mutation.TELL_NO_WAKE_AGAIN, "one sender, two receivers, a death"),
                new Faults(Mutation.TELL_LEAVES_IDLE, "reference in a dead hand"),
                new Faults(Mutation.LATE_OP_OBJECT, "lock, three contenders, a death"),
                new Faults(Mutation.LATE_OP_OBJECT, "semaphore, two units, three acquirers, a death"),
                new Faults(Mutation.NO_OP_OBJECT_IN_WAIT, "one message, two receivers, a death"),
                new Faults(Mutation.RELEASE_BEFORE_BLOCK, "blocks, a death"),
                new Faults(Mutation.FREE_SENT_IN_HAND, "blocks, a death"),
                new Faults(Mutation.FREE_NOT_ABANDONED, "a second death in an abandoned slot"),
                new Faults(Mutation.NO_RECLAIM, "two senders, one receiver, capacity 1, a death"),
                new Faults(Mutation.STALE_DROP_BY_RECEIVE, "time limits"),
                new Faults(Mutation.NO_FOLLOW, "late hint, three rings"),
                new Faults(Mutation.NO_CLOSE, "growing ring with a late sender, a death"),
                new Faults(Mutation.CLOSED_KEEPS, "closed by a call, receivers wait"),
                new Faults(Mutation.CLOSED_KEEPS, "closed by a call, senders wait"),
                new Faults(Mutation.CHAIN_IGNORES_END, "closed by a call, receivers wait"),
                new Faults(Mutation.NO_LOOK_AT_RUN, "end of the run, store buffers"),
                new Faults(Mutation.NO_FENCE_AT_END, "end of the run, store buffers"),
                new Faults(Mutation.NO_SECOND_TRY, "a full wait queue is rotated, a death"),
                new Faults(Mutation.FREE_SETS_NO_HINT, "hints, two users"),
                new Faults(Mutation.NO_LOOK_AFTER_CLEAR, "hints, two users"),
                new Faults(Mutation.CLEARS_UNNAMED, "hints, two users, a death"),
                new Faults(Mutation.ID_BEFORE_STATE, "binding against the audit, store buffers"),
                new Faults(Mutation.NO_FENCE_IN_BIND, "binding against the audit, store buffers"),
                new Faults(Mutation.NO_SECOND_LOOK_AT_REFERENCES, "binding against the audit, store buffers"),
                new Faults(Mutation.NO_SECOND_LOOK_AT_CLOSED, "closed by a call, receivers wait"),
                new Faults(Mutation.WRITING_IS_END, "closed by a call, receivers wait"),
                new Faults(Mutation.BEHIND_IS_END, "end of stream in a ring that grew"),
                new Faults(Mutation.CLOSED_AFTER_EMPTY, "end of stream, a death"),
                new Faults(Mutation.SEVERAL_TELLS_NONE, "wait on several, a death"),
                new Faults(Mutation.SEVERAL_PASSES_ONE, "wait on several, a death"),
                new Faults(Mutation.CONDITION_REARMS_ON_NEWS, "condition, a waiter dies"),
                new Faults(Mutation.NO_CHOOSE_AFTER_DEATH, "lock, three contenders, a death"),
                new Faults(Mutation.NO_GENERATION, "client number used again"));
    }
}
