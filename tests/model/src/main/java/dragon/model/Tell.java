package dragon.model;

import dragon.model.Code.Sub;

/** Section 8, tell: everyone who waits on one of the objects is to look again; choices that the dead made and did not deliver are delivered. */
final class Tell {
    private Tell() {}

    /** Says it of a client, or of an object, by its number. */
    interface Test {
        boolean of(Machine m, int number);
    }

    /**
     * Adds the steps, of which "target" is the first, and begins the next time at the first record again.
     *
     * @param skips of the number of a client: whether it is told nothing
     * @param concerned of the number of an object: whether there is news of it
     */
    static void emit(World w, Sub sub, Test skips, Test concerned, Code.Step done) {
        int target = sub.result();
        sub.local("target", m -> {
            int next = m.get(target);
            while (next < w.records.size() && skips.of(m, w.records.get(next).client.number)) {
                next++;
            }
            if (next >= w.records.size()) {
                m.set(target, 0);
                return done.run(m);
            }
            m.set(target, next + 1);
            return "object";
        });
        sub.shared("object", m -> {
            int waits = m.load(w.records.get(m.get(target) - 1).waitObject);
            return waits == Words.SEVERAL || concerned.of(m, waits) ? "state" : "target";
        });
        sub.shared("state", m -> {
            int word = w.records.get(m.get(target) - 1).word;
            int found = m.load(word);
            switch (Words.waitState(found)) {
                case Words.PARKED:
                    m.cas(word, found, Words.record(Words.generation(found), 0, Words.NEWS));
                    return "wake";
                case Words.IDLE:
                    if (Words.queued(found) && !w.is(Mutation.TELL_LEAVES_IDLE)) {
                        m.cas(word, found, Words.record(Words.generation(found), 0, Words.IDLE));
                    }
                    return "target";
                default:
                    return w.is(Mutation.TELL_NO_WAKE_AGAIN) ? "target" : "wake";
            }
        });
        sub.shared("wake", m -> {
            Choose.wake(m, w.records.get(m.get(target) - 1));
            return "target";
        });
    }
}
