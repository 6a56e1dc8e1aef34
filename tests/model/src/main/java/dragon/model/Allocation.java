package dragon.model;

import dragon.model.Code.Sub;

/** Section 4, alloc and fill, with blocks few enough that one is used again at once. */
final class Allocation {
    private Allocation() {}

    /** Emits the steps from label "allocate" on: a block in hand, holding the message in register {@code value}. */
    static void emit(Kit kit, Sub main, int value, String next) {
        World w = kit.w;
        Shared.Record me = kit.actor.record;
        int candidate = main.result();
        main.shared("allocate", m -> {
            for (Shared.Block block : w.blocks) {
                int word = m.peek(block.word);
                if (Words.blockState(word) == Words.FREE) {
                    m.set(candidate, word);
                    m.own(me.block, Words.blockGeneration(word) + 1 << 8 | block.number);
                    return "hold";
                }
            }
            return m.block();
        });
        main.shared("hold", m -> {
            int found = m.take(candidate);
            Shared.Block block = w.blocks.get((m.s[me.block] & 255) - 1);
            return m.cas(
                            block.word,
                            found,
                            Words.block(Words.blockGeneration(found) + 1, Words.HELD, kit.actor.owner()))
                    ? "fill"
                    : "allocate";
        });
        main.shared("fill", m -> {
            m.store(w.blocks.get((m.s[me.block] & 255) - 1).content, m.get(value));
            return next;
        });
    }
}
