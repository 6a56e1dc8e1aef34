package dragon.model;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What became of each message: the judge of "none lost, none doubled, in order", outside the protocol. */
final class Messages {
    private static final int PUBLISHED = 1;
    private static final int RETURNED = 2;
    private static final int TAKEN = 8;

    private static final String[] FATE = {"not sent", "published", "received"};
    private final World w;
    private final List<Integer> fates = new ArrayList<>();
    private final int perSender;

    Messages(World w, int senders, int each) {
        this.w = w;
        perSender = each;
        for (int s = 0; s < senders; s++) {
            for (int i = 0; i < each; i++) {
                fates.add(w.word("message " + number(s, i) + " fate", f -> f >= TAKEN ? "taken" : FATE[f]));
            }
        }
    }

    /** Message {@code i} of sender {@code s}; never 0. */
    int number(int s, int i) {
        return s * 4 + i + 1;
    }

    private int fate(int message) {
        return fates.get((message - 1) / 4 * perSender + (message - 1) % 4);
    }

    void published(Machine m, int message) {
        m.s[fate(message)] = PUBLISHED;
    }

    /** A receiver won the claim of the slot that carries {@code message}. */
    void taken(Machine m, int message) {
        if (message == 0) {
            m.fail("a slot without a message was taken");
            return;
        }
        int fate = m.s[fate(message)];
        if (fate != PUBLISHED) {
            m.fail("message " + message + " was taken " + (fate == 0 ? "before it was published" : "twice"));
            return;
        }
        for (int earlier = message - (message - 1) % 4; earlier < message; earlier++) {
            if (m.s[fate(earlier)] == PUBLISHED) {
                m.fail("message " + earlier + " overtaken by " + message + " of the same sender");
                return;
            }
        }
        m.s[fate(message)] = TAKEN + m.me.number;
    }

    /** The receiver has its bytes. */
    void returned(Machine m, int expected, int message) {
        if (message != expected) {
            m.fail("took message " + expected + " and read " + message);
            return;
        }
        m.s[fate(message)] = RETURNED;
    }

    /** What was lost other than in dead hands; null if nothing. */
    @Nullable
    String lost(int[] s, Shared.Chain data) {
        for (int f : fates) {
            int fate = s[f];
            Actor taker = fate >= TAKEN ? w.actors.get(fate - TAKEN) : null;
            if (taker != null && !taker.dead(s) && !taker.stopped(s)) {
                return w.name(f) + ": taken by " + taker.name + ", which lives and never got it";
            }
        }
        long published = fates.stream().filter(f -> s[f] == PUBLISHED).count();
        long ready = ready(s, data);
        return published == ready ? null : published + " messages published and not taken, " + ready + " in the ring";
    }

    long ready(int[] s, Shared.Chain data) {
        long ready = 0;
        for (Shared.Ring ring : data.all(w, s)) {
            for (int i = 0; i < ring.capacity; i++) {
                if (Words.slotState(s[ring.word(i)]) == Words.READY) {
                    ready++;
                }
            }
        }
        return ready;
    }

    /** {@code message} lies ready from the beginning. */
    void initially(Shared.Ring ring, int position, int message) {
        w.initially(ring.word(position), Words.slot(Words.lapOf(position), Words.READY, 0));
        w.initially(ring.payload(position), message);
        w.initially(ring.tail(), ring.following(position));
        w.initially(fate(message), PUBLISHED);
    }
}
