package dragon.model;

import dragon.model.Code.Sub;

/** Section 6, choose: takes references from a wait queue until one of them leads to a parked record, and wakes that. */
final class Choose {
    private final Sub sub;

    Choose(Actor actor, Shared.Queue queue) {
        World w = actor.world;
        Code c = actor.code;
        ChainReceive take = new ChainReceive(c, "choose " + queue.name, queue.chain, w, m -> {});
        sub = c.sub("choose " + queue.name);
        int reference = sub.local();
        sub.shared("waiting", m -> {
            if (m.load(queue.waiting) == 0) {
                return sub.leave(m);
            }
            return w.is(Mutation.FLAG) ? "flag" : queue.fine ? "take" : take.now(m, sub, "taken");
        });
        sub.shared("flag", m -> {
            m.store(queue.waiting, 0);
            return "take";
        });
        sub.local("take", m -> take.call(m, false, sub, "taken"));
        sub.local("taken", m -> take.outcome(m) == RingReceive.CLAIMED ? "release" : sub.leave(m));
        sub.shared("release", m -> {
            m.set(reference, m.load(take.payload(m)));
            m.store(take.word(m), take.released(m));
            take.forget(m);
            if (w.is(Mutation.FLAG)) {
                return "record";
            }
            return queue.fine ? "count" : count(m, queue);
        });
        sub.shared("count", m -> count(m, queue));
        sub.shared("record", m -> one(m, m.get(reference)) ? "wake" : "waiting");
        sub.shared("wake", m -> {
            wake(m, record(m, m.get(reference)));
            return sub.leave(m);
        });
    }

    private static String count(Machine m, Shared.Queue queue) {
        m.count(queue.waiting, -1, queue.fine);
        return "record";
    }

    String call(Machine m, Sub caller, String back) {
        return sub.enter(m, caller, back, "waiting");
    }

    /** PARKED to CHOSEN: true; IDLE loses its QUEUED; anything else is stale. A lost CAS looks again, so that look and CAS are one step. */
    static boolean one(Machine m, int reference) {
        Shared.Record target = record(m, reference);
        int word = m.load(target.word);
        if (stale(m, reference, word)) {
            return false;
        }
        int g = Words.generation(word);
        boolean parked = Words.waitState(word) == Words.PARKED;
        if (parked || Words.waitState(word) == Words.IDLE) {
            m.cas(target.word, word, Words.record(g, 0, parked ? Words.CHOSEN : Words.IDLE));
        }
        return parked;
    }

    static void wake(Machine m, Shared.Record record) {
        m.note("futex wake %s", record.name);
        m.s[record.sleeping] = 0;
    }

    static Shared.Record record(Machine m, int reference) {
        return m.world.records.get(reference >> 8);
    }

    /** Whether this reference can never choose its record again. */
    static boolean stale(Machine m, int reference, int word) {
        return !Words.queued(word)
                || Words.generation(word) != (reference & 255) && !m.world.is(Mutation.NO_GENERATION);
    }
}
