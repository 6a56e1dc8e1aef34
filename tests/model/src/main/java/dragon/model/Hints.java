package dragon.model;

import dragon.model.Code.Sub;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Section 4, alloc and free with their hint bits on three levels, and what the sweep mends: slabs of one block each, one word of slab bits, one bit above. */
final class Hints {
    private final World w;
    private final int top;
    private final int low;
    private final List<Integer> free = new ArrayList<>();

    Hints(World w, int slabs) {
        this.w = w;
        top = w.word("top");
        low = w.word("low");
        w.initially(top, 1);
        w.initially(low, (1 << slabs) - 1);
        for (int i = 0; i < slabs; i++) {
            new Shared.Block(w, i + 1);
            free.add(w.word("free" + i));
            w.initially(free.getLast(), 1);
        }
    }

    /** Sets the bits from the block's slab upwards, each only where it is clear. */
    private void set(Sub sub, String label, int slab, String next) {
        setBit(sub, label, m -> free.get(m.get(slab)), m -> 1, label + " low");
        setBit(sub, label + " low", m -> low, m -> 1 << m.get(slab), label + " top");
        setBit(sub, label + " top", m -> top, m -> 1, next);
    }

    private interface Value {
        int of(Machine m);
    }

    private static void setBit(Sub sub, String label, Value word, Value bit, String next) {
        sub.shared(label, m -> (m.load(word.of(m)) & bit.of(m)) != 0 ? next : label + " set");
        sub.shared(label + " set", m -> {
            m.cas(word.of(m), m.s[word.of(m)], m.s[word.of(m)] | bit.of(m));
            return next;
        });
    }

    private static void clear(Machine m, int word, int bit) {
        m.cas(word, m.s[word], m.s[word] & ~bit);
    }

    /** Takes a block and frees it, {@code rounds} times; where it finds none it goes on. */
    Consumer<Actor> use(int rounds) {
        return actor -> {
            Sub main = actor.code.sub("main");
            int slab = main.result();
            int found = main.result();
            int round = main.result();
            actor.start = actor.code.entries.size();
            find(actor, main, slab);
            claim(actor, main, slab, found);
            main.shared("free", m -> {
                m.store(block(m, slab).word, Words.block(m.get(found) + 1, Words.FREE, 0));
                return w.is(Mutation.FREE_SETS_NO_HINT) ? "done" : "give back";
            });
            set(main, "give back", slab, "done");
            main.own("done", m -> {
                m.own(actor.record.block, 0);
                m.set(found, 0);
                m.set(slab, 0);
                m.set(round, m.get(round) + 1);
                return m.get(round) == rounds ? m.end() : "top";
            });
        };
    }

    private Shared.Block block(Machine m, int slab) {
        return w.blocks.get(m.get(slab));
    }

    private void find(Actor actor, Sub main, int slab) {
        boolean looks = !w.is(Mutation.NO_LOOK_AFTER_CLEAR);
        main.shared("top", m -> m.load(top) == 0 ? "done" : "low");
        main.shared("low", m -> {
            int bits = m.load(low);
            m.set(slab, bits == 0 ? 0 : Integer.numberOfTrailingZeros(bits));
            return bits == 0 ? "name class" : "slab";
        });
        main.own("name class", m -> name(m, actor, slab, "clear top"));
        main.shared("clear top", m -> {
            clear(m, top, 1);
            return looks ? "low again" : "top";
        });
        main.shared("low again", m -> m.load(low) == 0 ? "top" : "again top");
        main.shared("slab", m -> m.load(free.get(m.get(slab))) == 0 ? "name slab" : "look");
        main.own("name slab", m -> name(m, actor, slab, "clear low"));
        main.shared("clear low", m -> {
            clear(m, low, 1 << m.get(slab));
            return looks ? "slab again" : "top";
        });
        main.shared("slab again", m -> m.load(free.get(m.get(slab))) == 0 ? "top" : "again low");
        set(main, "again", slab, "top");
    }

    private String name(Machine m, Actor actor, int slab, String next) {
        if (!w.is(Mutation.CLEARS_UNNAMED)) {
            m.own(actor.record.block, m.get(slab) + 1);
        }
        return next;
    }

    private void claim(Actor actor, Sub main, int slab, int found) {
        main.shared("look", m -> {
            int word = m.load(block(m, slab).word);
            m.set(found, Words.blockGeneration(word));
            m.own(actor.record.block, m.get(found) + 1 << 8 | m.get(slab) + 1);
            return "claim";
        });
        main.shared("claim", m -> {
            int g = m.get(found);
            boolean won = m.cas(
                    block(m, slab).word, Words.block(g, Words.FREE, 0), Words.block(g + 1, Words.HELD, actor.owner()));
            return won ? "won" : "lost";
        });
        main.shared("won", m -> {
            clear(m, free.get(m.get(slab)), 1);
            return "free";
        });
        main.shared("lost", m -> {
            m.set(found, 0);
            clear(m, free.get(m.get(slab)), 1);
            return w.is(Mutation.NO_LOOK_AFTER_CLEAR) ? "top" : "look again";
        });
        main.shared("look again", m -> Words.blockState(m.load(block(m, slab).word)) == Words.FREE ? "again" : "top");
    }

    /** The agent: mends the hints the dead process may have been at, and frees the block it held. */
    Actor agent() {
        return w.agent(actor -> {
            Sub sub = actor.code.sub("sweep");
            int slab = sub.result();
            int record = sub.result();
            actor.start = actor.code.entries.size();
            sub.shared("notice", m -> {
                for (Shared.Record r : w.records) {
                    if (m.s[r.client.dead] != 0 && m.s[r.client.state] == Shared.Client.LIVE) {
                        m.own(r.client.state, m.s[r.block] == 0 ? Shared.Client.FREE : Shared.Client.SWEEPING);
                        m.set(record, r.index);
                        m.set(slab, Math.max(0, (m.s[r.block] & 255) - 1));
                        return m.s[r.block] == 0 ? "notice" : "word";
                    }
                }
                return m.block();
            });
            sub.shared("word", m -> {
                Shared.Record dead = w.records.get(m.get(record));
                int word = m.load(block(m, slab).word);
                boolean held = Words.blockState(word) == Words.HELD
                        && Words.owner(word) == dead.client.number
                        && Words.blockGeneration(word) == m.s[dead.block] >> 8;
                if (held) {
                    m.store(block(m, slab).word, Words.block(Words.blockGeneration(word), Words.FREE, 0));
                }
                return held || Words.blockState(word) == Words.FREE ? "mend" : "has free";
            });
            set(sub, "mend", slab, "has low");
            sub.shared("has free", m -> m.load(free.get(m.get(slab))) == 0 ? "has low" : "mend low");
            sub.shared("has low", m -> m.load(low) == 0 ? "swept" : "class");
            setBit(sub, "class", m -> top, m -> 1, "swept");
            sub.shared("swept", m -> {
                m.own(w.records.get(m.get(record)).client.state, Shared.Client.FREE);
                m.set(slab, 0);
                m.set(record, 0);
                return "notice";
            });
        });
    }

    /** Every free block can be found. */
    @Nullable
    String check(int[] s) {
        for (int i = 0; i < free.size(); i++) {
            boolean isFree = Words.blockState(s[w.blocks.get(i).word]) == Words.FREE;
            if (isFree && (s[free.get(i)] == 0 || (s[low] & 1 << i) == 0 || s[top] == 0)) {
                return "block " + (i + 1) + " is free and no hint leads to it";
            }
        }
        return null;
    }
}
