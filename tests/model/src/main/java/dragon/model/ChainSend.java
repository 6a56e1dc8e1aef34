package dragon.model;

import dragon.model.Code.Sub;

/** Section 5, growing: claims a slot in the last ring of a chain, and adds a ring where that one is full. */
final class ChainSend {
    private final Sub sub;
    private final RingSend claim;
    private final Shared.Ring first;
    private final int ring;
    private final int fresh;

    ChainSend(Code c, String name, Shared.Chain chain, World w) {
        this(c, name, chain, w, true);
    }

    /** {@code grows}: whether a full chain grows, or the claim fails. */
    ChainSend(Code c, String name, Shared.Chain chain, World w, boolean grows) {
        first = chain.first;
        claim = new RingSend(c, name);
        sub = c.sub(name + ".chain");
        ring = sub.local();
        fresh = sub.local();
        if (!chain.first.growable) {
            sub.local("start", m -> claim.call(m, chain.first.base, false, sub, "only"));
            sub.local("only", m -> sub.leave(m));
            return;
        }
        sub.shared("start", m -> {
            m.set(ring, m.load(chain.tailHint));
            return w.is(Mutation.NO_FOLLOW) ? "claim" : "follow";
        });
        sub.shared("follow", m -> {
            int next = m.load(w.ring(m.get(ring)).next());
            if (next == 0) {
                return "claim";
            }
            m.set(ring, next);
            return "followed";
        });
        sub.shared("followed", m -> {
            m.store(chain.tailHint, m.get(ring));
            return "follow";
        });
        sub.local("claim", m -> claim.call(m, m.get(ring), false, sub, "claimed"));
        sub.local("claimed", m -> switch (m.get(claim.result)) {
            case RingSend.CLAIMED -> sub.leave(m);
            case RingSend.MOVED -> again(m, "follow");
            default -> grows ? again(m, "grow") : sub.leave(m);
        });
        sub.shared("grow", m -> {
            m.fence();
            for (Shared.Ring spare : w.spares) {
                int used = m.s[spareUse(w, spare)];
                if (used == 0) {
                    m.s[spareUse(w, spare)] = m.me.owner();
                    m.set(fresh, spare.base);
                    return "link";
                }
            }
            return m.fail("the configuration has too few spare rings");
        });
        sub.shared("link", m -> {
            if (m.cas(w.ring(m.get(ring)).next(), 0, m.get(fresh))) {
                m.set(ring, m.take(fresh));
                return "linked";
            }
            return "free";
        });
        sub.shared("linked", m -> {
            m.store(chain.tailHint, m.get(ring));
            return "follow";
        });
        sub.own("free", m -> {
            m.own(spareUse(w, w.ring(m.take(fresh))), 0);
            return "follow";
        });
    }

    /** The word that says who took a spare ring. */
    static int spareUse(World w, Shared.Ring spare) {
        return spare.base - 1;
    }

    String call(Machine m, Sub caller, String back) {
        return sub.enter(m, caller, back, "start");
    }

    /** Enters and takes the first step of the claim in the step of the caller; for rings that do not grow. */
    String now(Machine m, Sub caller, String back) {
        sub.enter(m, caller, back, "start");
        return claim.now(m, first.base, sub, "only");
    }

    int outcome(Machine m) {
        return claim.outcome(m);
    }

    int word(Machine m) {
        return claim.word(m);
    }

    /** Publishes the claimed slot and forgets the claim. */
    void publish(Machine m) {
        m.store(word(m), Words.slot(Words.lapOf(m.get(claim.p)), Words.READY, 0));
        claim.forget(m);
    }

    /** Gives the claimed slot up. */
    void abandon(Machine m) {
        m.store(word(m), Words.slot(Words.lapOf(m.get(claim.p)), Words.ABANDONED, 0));
        claim.forget(m);
    }

    private String again(Machine m, String label) {
        claim.outcome(m);
        return label;
    }
}
