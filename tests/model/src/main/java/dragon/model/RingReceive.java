package dragon.model;

import dragon.model.Code.Sub;
import java.util.function.Consumer;

/** Section 5, receive claim: finds the next READY slot from the head hint and makes it READING. Mode PEEK looks only. */
final class RingReceive {
    static final int EMPTY = 0;
    static final int CLAIMED = 1;
    static final int MOVED = 2;

    /** Empty for now: a slot is being written, or the readers of the lap before have yet to free the slots behind which the next ring begins. */
    static final int PENDING = 3;

    final int ring;
    final int p;
    private final int result;
    private final Consumer<Machine> taken;
    private final int peek;
    private final Sub sub;

    /** {@code taken} looks at the claim in the moment it is won. */
    RingReceive(Code c, String name, Consumer<Machine> taken) {
        sub = c.sub(name);
        ring = sub.result();
        p = sub.result();
        result = sub.result();
        peek = sub.local();
        this.taken = taken;
        sub.shared("head", this::hint);
        sub.shared("look", this::look);
        sub.shared("hint", m -> {
            m.store(at(m).head(), at(m).following(m.get(p)));
            return result(m, CLAIMED);
        });
        sub.shared("skipped", m -> {
            m.store(at(m).head(), m.get(p));
            return "look";
        });
        sub.shared("next", m -> {
            if (m.load(at(m).next()) == 0) {
                return result(m, EMPTY);
            }
            return m.get(peek) != 0 || m.world.is(Mutation.NO_CLOSE) ? result(m, MOVED) : "close";
        });
        sub.shared("behind", m -> {
            boolean last = m.load(at(m).next()) == 0 || m.world.is(Mutation.BEHIND_IS_END);
            return result(m, last ? EMPTY : PENDING);
        });
        sub.shared("close", m -> {
            int lap = Words.lapOf(m.get(p));
            m.cas(word(m), Words.slot(lap, Words.FREE, 0), Words.slot(lap, Words.CLOSED, 0));
            return "look";
        });
    }

    private String hint(Machine m) {
        m.set(p, m.load(at(m).head()));
        return at(m).fine ? "look" : look(m);
    }

    /** A look at one slot, and the CAS if it calls for one: one step, since the CAS holds only if the word is still the one looked at. */
    private String look(Machine m) {
        Shared.Ring r = at(m);
        int pos = m.get(p);
        int lap = Words.lapOf(pos);
        int word = m.load(r.word(pos));
        int behind = lap - Words.lap(word);
        if (behind < 0) {
            m.set(p, r.following(Words.position(Words.lap(word) - 1, Words.index(pos))));
            return "look";
        }
        if (behind > 0) {
            return r.growable ? "behind" : result(m, EMPTY);
        }
        boolean looking = m.get(peek) != 0;
        switch (Words.slotState(word)) {
            case Words.READY:
                return looking ? result(m, CLAIMED) : claim(m, r, word);
            case Words.ABANDONED:
                if (!looking) {
                    m.cas(r.word(pos), word, Words.slot(lap + 1, Words.FREE, 0));
                    if (!r.fine) {
                        m.own(r.head(), r.following(pos));
                    }
                }
                m.set(p, r.following(pos));
                return looking || !r.fine ? "look" : "skipped";
            case Words.READING:
                m.set(p, r.following(pos));
                return "look";
            case Words.WRITING:
                return result(m, PENDING);
            case Words.CLOSED:
                return result(m, MOVED);
            default:
                return r.growable ? "next" : result(m, EMPTY);
        }
    }

    private String claim(Machine m, Shared.Ring r, int word) {
        if (!m.cas(word(m), word, Words.slot(Words.lap(word), Words.READING, m.me.owner()))) {
            return "look";
        }
        taken.accept(m);
        if (r.fine) {
            return "hint";
        }
        m.own(r.head(), r.following(m.get(p)));
        return result(m, CLAIMED);
    }

    String call(Machine m, int ringAddress, boolean look, Sub caller, String back) {
        m.set(ring, ringAddress);
        m.set(peek, look ? 1 : 0);
        return sub.enter(m, caller, back, "head");
    }

    String now(Machine m, int ringAddress, Sub caller, String back) {
        sub.enter(m, caller, back, "head");
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

    int result(Machine m) {
        return m.get(result);
    }

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
