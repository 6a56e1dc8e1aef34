package dragon.model;

import dragon.model.Code.Sub;

/** Section 5, send claim: finds the next free slot from the tail hint and makes it WRITING. Mode ROOM looks only. */
final class RingSend {
    static final int FULL = 0;
    static final int CLAIMED = 1;
    static final int MOVED = 2;

    final int ring;
    final int p;
    final int result;
    private final int room;
    private final Sub sub;

    RingSend(Code c, String name) {
        sub = c.sub(name);
        ring = sub.result();
        p = sub.result();
        result = sub.result();
        room = sub.local();
        sub.shared("tail", this::hint);
        sub.shared("look", this::look);
        sub.shared("hint", m -> {
            m.store(at(m).tail(), at(m).following(m.get(p)));
            return result(m, CLAIMED);
        });
    }

    private String hint(Machine m) {
        m.set(p, m.load(at(m).tail()));
        return at(m).fine ? "look" : look(m);
    }

    /** A look at one slot, and the CAS if it can be claimed: one step, since the CAS holds only if the word is still the one looked at. */
    private String look(Machine m) {
        Shared.Ring r = at(m);
        int pos = m.get(p);
        int lap = Words.lapOf(pos);
        int word = m.load(r.word(pos));
        int behind = lap - Words.lap(word);
        boolean looking = m.get(room) != 0;
        if (behind < 0) {
            m.set(p, r.following(Words.position(Words.lap(word) - 1, Words.index(pos))));
            return "look";
        }
        if (behind > 0) {
            if (behind != 1 || Words.slotState(word) != Words.ABANDONED || m.world.is(Mutation.NO_RECLAIM)) {
                return result(m, FULL);
            }
            if (looking) {
                return result(m, CLAIMED);
            }
            m.cas(r.word(pos), word, Words.slot(lap, Words.FREE, 0));
            return "look";
        }
        if (Words.slotState(word) == Words.CLOSED) {
            return result(m, MOVED);
        }
        if (Words.slotState(word) != Words.FREE) {
            m.set(p, r.following(pos));
            return "look";
        }
        if (looking) {
            return result(m, CLAIMED);
        }
        m.cas(r.word(pos), word, Words.slot(lap, Words.WRITING, m.me.owner()));
        if (r.fine) {
            return "hint";
        }
        m.own(r.tail(), r.following(pos));
        return result(m, CLAIMED);
    }

    String call(Machine m, int ringAddress, boolean look, Sub caller, String back) {
        m.set(ring, ringAddress);
        m.set(room, look ? 1 : 0);
        return sub.enter(m, caller, back, "tail");
    }

    String now(Machine m, int ringAddress, Sub caller, String back) {
        sub.enter(m, caller, back, "tail");
        m.set(ring, ringAddress);
        String label = hint(m);
        if (!label.equals(Code.ELSEWHERE)) {
            m.jump(sub.pc(label));
        }
        return Code.ELSEWHERE;
    }

    int word(Machine m) {
        return at(m).word(m.get(p));
    }

    /** The outcome; everything else of the claim is forgotten unless it is CLAIMED. */
    int outcome(Machine m) {
        int outcome = m.take(result);
        if (outcome != CLAIMED) {
            forget(m);
        }
        return outcome;
    }

    void forget(Machine m) {
        m.set(ring, 0);
        m.set(p, 0);
    }

    private Shared.Ring at(Machine m) {
        return m.world.ring(m.get(ring));
    }

    private String result(Machine m, int value) {
        m.set(result, value);
        return sub.leave(m);
    }
}
