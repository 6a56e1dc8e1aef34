package dragon.model;

import dragon.model.Code.Sub;
import java.util.function.Consumer;

/** Section 5: claims, or looks for, the next READY slot along a chain of rings. */
final class ChainReceive {
    private final Sub sub;
    private final RingReceive claim;
    private final Shared.Ring first;
    private final int ring;
    private final int peek;

    ChainReceive(Code c, String name, Shared.Chain chain, World w, Consumer<Machine> taken) {
        first = chain.first;
        claim = new RingReceive(c, name, taken);
        sub = c.sub(name + ".chain");
        ring = sub.local();
        peek = sub.local();
        if (!chain.first.growable) {
            sub.local("start", m -> claim.call(m, chain.first.base, m.get(peek) != 0, sub, "only"));
            sub.local("only", m -> sub.leave(m));
            return;
        }
        sub.shared("start", m -> {
            m.set(ring, m.load(chain.headHint));
            return "claim";
        });
        sub.local("claim", m -> claim.call(m, m.get(ring), m.get(peek) != 0, sub, "claimed"));
        sub.local("claimed", m -> {
            if (claim.result(m) != RingReceive.MOVED) {
                return sub.leave(m);
            }
            claim.outcome(m);
            return "next";
        });
        sub.shared("next", m -> {
            m.set(ring, m.load(w.ring(m.get(ring)).next()));
            return m.get(peek) != 0 ? "claim" : "moved";
        });
        sub.shared("moved", m -> {
            m.store(chain.headHint, m.get(ring));
            return "claim";
        });
    }

    String call(Machine m, boolean look, Sub caller, String back) {
        m.set(peek, look ? 1 : 0);
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

    int payload(Machine m) {
        return word(m) + 1;
    }

    /** The word of the claimed slot once released. */
    int released(Machine m) {
        return Words.slot(Words.lapOf(m.get(claim.p)) + 1, Words.FREE, 0);
    }

    void forget(Machine m) {
        claim.forget(m);
    }
}
