package dragon.model;

import dragon.model.Code.Sub;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Section 9, the barrier: its body is {@code generation << 12 | history << 8 | state << 4 | count}.
 *
 * <p>The judge knows for each generation who has come, and holds that all pass or none, that none passes before all have come, and that at the end nobody waits.
 */
final class Barrier {
    private static final int FILLING = 0;
    private static final int ACTING = 1;
    private static final int BROKEN = 2;
    private static final int REMEMBERED = 4;

    /** How a party's generation ended; {@link Attempt#FAILED}: not yet. */
    private static final int PASSED = 1;

    private static final int ENDED = 2;

    final World w;
    final Shared.Thing thing;
    private final int parties;
    private final List<Integer> came = new ArrayList<>();
    private final List<Integer> ends = new ArrayList<>();

    Barrier(World w, int parties, int generations) {
        this.w = w;
        this.parties = parties;
        thing = new Shared.Thing(w, "barrier").queue(w, "parties", w.queueCapacity);
        thing.barrier = true;
        for (int g = 0; g < generations; g++) {
            came.add(w.word("came to " + g));
            ends.add(w.word(
                    "end of " + g, e -> List.of("open", "passed", "broken").get(e)));
        }
    }

    private static int state(int word) {
        return word >> 4 & 15;
    }

    private static int generation(int word) {
        return word >> 12;
    }

    private static int with(int word, int state, int count) {
        return word & ~0xff | state << 4 | count;
    }

    static int broken(int word) {
        return with(word, BROKEN, word & 15);
    }

    private int next(int word, boolean reset) {
        int history = (word >> 8 & 15) << 1 & 15 | (reset && !w.is(Mutation.BARRIER_FORGETS_RESETS) ? 1 : 0);
        return generation(word) + 1 << 12 | history << 8;
    }

    private static int outcome(int word, int generation) {
        int since = generation(word) - generation;
        if (since == 0) {
            return state(word) == BROKEN ? ENDED : Attempt.FAILED;
        }
        return since <= REMEMBERED && (word >> 8 + since - 1 & 1) != 0 ? ENDED : PASSED;
    }

    /** A party of {@code generation} leaves it: as all others did. */
    private void judge(Machine m, int generation, int outcome) {
        int end = ends.get(generation);
        if (m.s[end] != 0 && m.s[end] != outcome) {
            m.fail("generation " + generation + " is passed by one, and broken for another");
        } else if (outcome == PASSED && Integer.bitCount(m.s[came.get(generation)]) < parties) {
            m.fail("generation " + generation + " is passed, and not all have come");
        }
        m.s[end] = outcome;
    }

    /** One look at the word by {@code look}, which may change it. */
    private static final class Look implements Attempt {
        private final Sub sub;
        private final int result;

        /** {@code look} leaves what came of it in {@code result}. */
        Look(Actor actor, String name, int result, Consumer<Machine> look) {
            sub = actor.code.sub(name);
            this.result = result;
            sub.shared("look", m -> {
                m.set(result, FAILED);
                look.accept(m);
                return sub.leave(m);
            });
        }

        @Override
        public String call(Machine m, Sub caller, String back) {
            return sub.enter(m, caller, back, "look");
        }

        @Override
        public int outcome(Machine m) {
            return m.get(result) == FAILED ? FAILED : LOOKED;
        }
    }

    private void came(Machine m, int generation, boolean last) {
        m.s[came.get(generation)] |= 1 << m.me.number;
        for (Actor actor : w.actors) {
            boolean counted = (m.s[came.get(generation)] >> actor.number & 1) != 0;
            if (last && counted && actor.dead(m.s) && m.s[actor.client.state] == Shared.Client.FREE) {
                m.fail(actor.name + " was swept, and counts");
            }
        }
    }

    private int entered(int word, boolean acts) {
        if ((word & 15) + 1 < parties) {
            return with(word, FILLING, (word & 15) + 1);
        }
        return acts ? with(word, ACTING, parties) : next(word, false);
    }

    /** From "present" on: wakes all who wait. */
    private void wakeAll(Kit kit, Sub sub, String next) {
        Choose choose = kit.choose(thing.queues.get(0));
        int present = sub.result();
        sub.shared("present", m -> {
            m.set(present, m.load(thing.queues.get(0).waiting));
            m.set(present, w.is(Mutation.BARRIER_WAKES_NONE) ? 0 : m.get(present));
            if (w.is(Mutation.BARRIER_OP_ENDS_BEFORE_WAKE)) {
                m.own(kit.actor.record.op, 0);
            }
            return "choose";
        });
        sub.local("choose", m -> {
            if (m.get(present) == 0) {
                return next;
            }
            m.set(present, m.get(present) - 1);
            return choose.call(m, sub, "choose");
        });
    }

    /** Comes and passes {@code rounds} times, until it is broken; {@code acts}: whoever is last does something before the others pass. */
    Consumer<Actor> pass(int rounds, boolean acts, Wait.Manner... manners) {
        return actor -> {
            Kit kit = new Kit(actor);
            Sub main = actor.code.sub("main");
            int round = main.result();
            int generation = main.result();
            int last = main.result();
            int came = main.result();
            int passed = main.result();
            Look enter = new Look(actor, "enter", came, m -> {
                int word = m.load(thing.body);
                if (state(word) == FILLING) {
                    m.set(generation, generation(word));
                    m.set(last, (word & 15) + 1 == parties ? 1 : 0);
                    m.cas(thing.body, word, entered(word, acts));
                    came(m, generation(word), m.get(last) != 0);
                    m.set(came, PASSED);
                } else if (state(word) == BROKEN) {
                    m.set(came, ENDED);
                }
            });
            Look look = new Look(
                    actor, "passed", passed, m -> m.set(passed, outcome(m.load(thing.body), m.get(generation))));
            Wait come = new Wait(kit, thing.queues.get(0), enter, 0);
            Wait await = new Wait(kit, thing.queues.get(0), look, 0, manners);
            actor.start = actor.code.entries.size();
            kit.begin(main, "begin", thing, "come");
            main.local("come", m -> come.call(m, main, "came"));
            main.local("came", m -> {
                come.done(m);
                int how = m.take(came);
                return how == ENDED ? "leave" : m.get(last) == 0 ? "await" : acts ? "act" : "present";
            });
            wakeAll(kit, main, "wake done");
            main.local("await", m -> await.call(m, main, "awaited"));
            main.local("awaited", m -> await.done(m) ? "passed" : "break");
            main.local("passed", m -> {
                judge(m, m.get(generation), m.get(passed));
                return m.failure != null ? Code.ELSEWHERE : m.take(passed) == PASSED ? "again" : "leave";
            });
            main.shared("break", m -> {
                int word = m.load(thing.body);
                m.set(passed, outcome(word, m.get(generation)));
                if (m.get(passed) != Attempt.FAILED) {
                    return "passed";
                }
                m.cas(thing.body, word, broken(word));
                m.set(passed, ENDED);
                return "present";
            });
            main.shared("act", m -> "advance");
            main.shared("advance", m -> {
                int word = m.load(thing.body);
                int outcome = outcome(word, m.get(generation));
                if (outcome != Attempt.FAILED && !w.is(Mutation.BARRIER_ADVANCES_ANY)) {
                    m.set(passed, outcome);
                    m.set(last, 0);
                    return "passed";
                }
                m.cas(thing.body, word, next(word, false));
                return "present";
            });
            main.local("wake done", m -> {
                if (m.take(last) != 0) {
                    m.set(passed, PASSED);
                }
                return "passed";
            });
            main.own("again", m -> {
                m.own(actor.record.op, 0);
                m.set(generation, 0);
                m.set(round, m.get(round) + 1);
                return m.get(round) == rounds ? m.end() : "begin";
            });
            main.own("leave", m -> {
                m.own(actor.record.op, 0);
                return m.end();
            });
        };
    }

    /** Makes the barrier as new: who waits gives up. */
    Consumer<Actor> reset() {
        return actor -> {
            Kit kit = new Kit(actor);
            Sub main = actor.code.sub("main");
            actor.start = actor.code.entries.size();
            kit.begin(main, "begin", thing, "reset");
            main.shared("reset", m -> {
                int word = m.load(thing.body);
                m.cas(thing.body, word, next(word, true));
                return "present";
            });
            wakeAll(kit, main, "finish");
            main.own("finish", m -> {
                m.own(actor.record.op, 0);
                return m.end();
            });
        };
    }

    /** Whoever waits is counted, nobody else is, and the barrier is not broken. {@code all}: as many come as are needed, unless one is killed. */
    @Nullable
    String check(int[] s, boolean all) {
        int waiting = 0;
        boolean death = false;
        for (Actor actor : w.actors) {
            death |= actor.dead(s);
            waiting += actor.isAgent() || actor.dead(s) || actor.ended(s) ? 0 : 1;
        }
        int word = s[thing.body];
        if (waiting == 0) {
            return null;
        }
        if (state(word) != FILLING || waiting != (word & 15) || all && !death) {
            return waiting + " wait, and the barrier is "
                    + List.of("FILLING", "ACTING", "BROKEN").get(state(word)) + " with " + (word & 15);
        }
        return null;
    }
}
