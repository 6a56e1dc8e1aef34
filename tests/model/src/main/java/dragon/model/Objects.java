package dragon.model;

import dragon.model.Code.Sub;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Section 9: semaphore, lock, event and condition, as attempts and as programs that use them. */
final class Objects {
    private Objects() {}

    /** Looks at the object's word and takes from it what it can in one step; {@code chain}: afterwards chooses the next waiter if the word is still not 0. */
    static final class Take implements Attempt {
        interface Change {
            /** The word after a successful attempt, or -1. */
            int to(Machine m, int value);
        }

        private final Sub sub;
        private final int result;

        Take(Kit kit, Shared.Thing object, boolean chain, Change change) {
            sub = kit.actor.code.sub("try " + object.name);
            result = sub.result();
            Choose choose = kit.choose(object.queues.get(0));
            sub.shared("look", m -> {
                int value = m.load(object.body);
                int to = change.to(m, value);
                if (to >= 0) {
                    m.set(result, to != value ? TOOK : LOOKED);
                    if (to != value) {
                        m.cas(object.body, value, to);
                    }
                }
                return to > 0 && chain ? "others" : sub.leave(m);
            });
            if (chain) {
                sub.local("others", m -> choose.call(m, sub, "leave"));
                sub.local("leave", m -> sub.leave(m));
            }
        }

        @Override
        public String call(Machine m, Sub caller, String back) {
            return sub.enter(m, caller, back, "look");
        }

        @Override
        public int outcome(Machine m) {
            return m.take(result);
        }
    }

    static Shared.Thing object(World w, String name, int value) {
        Shared.Thing object = new Shared.Thing(w, name).queue(w, "waiters", w.queueCapacity);
        w.initially(object.body, value);
        return object;
    }

    private static boolean lateOp(World w) {
        return w.is(Mutation.LATE_OP_OBJECT);
    }

    /** Acquires and releases the lock {@code rounds} times; {@code inside} counts who is in. */
    static Consumer<Actor> lock(Shared.Thing lock, int inside, int rounds, Wait.Manner... manners) {
        return actor -> {
            Kit kit = new Kit(actor);
            World w = kit.w;
            Wait wait = new Wait(kit, lock.queues.get(0), acquire(kit, lock, inside), 0, manners);
            Choose choose = kit.choose(lock.queues.get(0));
            Sub main = actor.code.sub("main");
            int round = main.result();
            actor.start = actor.code.entries.size();
            kit.begin(main, "begin", lock, "acquire");
            main.local("acquire", m -> wait.call(m, main, "acquired"));
            main.own("acquired", m -> {
                m.own(actor.record.op, 0);
                return wait.done(m) ? "release" : "next";
            });
            main.shared("release", m -> {
                m.fence();
                m.own(actor.record.op, lateOp(w) ? 0 : lock.id);
                m.own(inside, 0);
                if (!m.cas(lock.body, actor.owner(), 0)) {
                    return m.fail("the lock was taken from its living owner");
                }
                return lateOp(w) ? "late" : "choose";
            });
            main.own("late", m -> {
                m.own(actor.record.op, lock.id);
                return "choose";
            });
            main.local("choose", m -> choose.call(m, main, "finish"));
            main.own("finish", m -> {
                m.own(actor.record.op, 0);
                return "next";
            });
            main.local("next", m -> {
                m.set(round, m.get(round) + 1);
                return m.get(round) == rounds ? m.end() : "begin";
            });
        };
    }

    /** Acquires the lock and ends in order, without a release. */
    static Consumer<Actor> lockAndLeave(Shared.Thing lock, int inside) {
        return actor -> {
            Kit kit = new Kit(actor);
            Wait wait = new Wait(kit, lock.queues.get(0), acquire(kit, lock, inside), 0);
            Sub main = actor.code.sub("main");
            actor.start = actor.code.entries.size();
            kit.begin(main, "begin", lock, "acquire");
            main.local("acquire", m -> wait.call(m, main, "acquired"));
            main.local("acquired", m -> {
                wait.done(m);
                return "finish";
            });
            kit.end(main, "finish", "orderly");
            main.own("orderly", m -> {
                m.own(actor.client.orderly, 1);
                return "exit";
            });
            main.shared("exit", Machine::exit);
        };
    }

    /** Releases the lock for its owner, once that has ended in order. */
    static Consumer<Actor> releaseFor(Shared.Thing lock, int inside, Actor owner) {
        return actor -> {
            Kit kit = new Kit(actor);
            Choose choose = kit.choose(lock.queues.get(0));
            Sub main = actor.code.sub("main");
            actor.start = actor.code.entries.size();
            main.shared("release", m -> {
                if (m.s[owner.client.dead] == 0 || m.s[owner.client.orderly] == 0) {
                    return m.block();
                }
                m.own(actor.record.op, lock.id);
                m.own(inside, 0);
                boolean released = m.cas(lock.body, owner.owner(), 0);
                return released ? "choose" : m.fail("the lock of one that ended in order was passed on");
            });
            main.local("choose", m -> choose.call(m, main, "finish"));
            main.own("finish", m -> {
                m.own(actor.record.op, 0);
                return m.end();
            });
        };
    }

    /** One attempt to acquire the lock; {@code inside} is the witness that one alone is in. */
    static Attempt acquire(Kit kit, Shared.Thing lock, int inside) {
        return new Take(kit, lock, false, (m, v) -> {
            if (v != 0 && v != Words.DIED) {
                return -1;
            }
            entered(m, inside);
            return kit.actor.owner();
        });
    }

    private static void entered(Machine m, int inside) {
        int other = m.s[inside];
        if (other != 0 && !m.world.actors.get(other - 1).dead(m.s)) {
            m.fail(m.world.actors.get(other - 1).name + " is in the lock, too");
        }
        m.s[inside] = m.me.number + 1;
    }

    /** Acquires one unit of the semaphore {@code rounds} times. */
    static Consumer<Actor> acquire(Shared.Thing semaphore, int rounds, Wait.Manner... manners) {
        return actor -> {
            Kit kit = new Kit(actor);
            Attempt take = new Take(
                    kit,
                    semaphore,
                    !kit.w.is(Mutation.NO_CHAIN) && !kit.w.is(Mutation.FLAG),
                    (m, v) -> v > 0 ? v - 1 : -1);
            Script.loop(kit, semaphore, new Wait(kit, semaphore.queues.get(0), take, 0, manners), rounds, m -> false);
        };
    }

    /** Waits until the event is set. */
    static Consumer<Actor> await(Shared.Thing event) {
        return actor -> {
            Kit kit = new Kit(actor);
            Attempt look = new Take(kit, event, false, (m, v) -> v != 0 ? v : -1);
            Script.loop(kit, event, new Wait(kit, event.queues.get(0), look, 0), 1, m -> false);
        };
    }

    /** Sets the event by a plain store, and chooses {@code choices} waiters. */
    static Consumer<Actor> set(Shared.Thing event, int choices) {
        return actor -> {
            Kit kit = new Kit(actor);
            Choose choose = kit.choose(event.queues.get(0));
            Sub main = actor.code.sub("main");
            int chosen = main.result();
            actor.start = actor.code.entries.size();
            main.shared("set", m -> {
                m.own(actor.record.op, event.id);
                m.store(event.body, 1);
                return "fence";
            });
            kit.fence(main, "fence", "choose", !kit.w.is(Mutation.NO_FENCE_WAKER));
            main.local("choose", m -> {
                if (m.get(chosen) == choices) {
                    return "finish";
                }
                m.set(chosen, m.get(chosen) + 1);
                return choose.call(m, main, "choose");
            });
            main.own("finish", m -> {
                m.own(actor.record.op, 0);
                return m.end();
            });
        };
    }

    /** Adds {@code n} to the object's word and chooses {@code choices} waiters, {@code rounds} times. */
    static Consumer<Actor> release(Shared.Thing object, int n, int choices, int rounds) {
        return actor -> {
            Kit kit = new Kit(actor);
            World w = kit.w;
            Choose choose = kit.choose(object.queues.get(0));
            Sub main = actor.code.sub("main");
            int round = main.result();
            int chosen = main.result();
            actor.start = actor.code.entries.size();
            main.shared("release", m -> {
                m.own(actor.record.op, lateOp(w) ? 0 : object.id);
                m.add(object.body, n);
                return lateOp(w) ? "late" : "choose";
            });
            main.own("late", m -> {
                m.own(actor.record.op, object.id);
                return "choose";
            });
            main.local("choose", m -> {
                if (m.get(chosen) == choices) {
                    m.set(chosen, 0);
                    return "finish";
                }
                m.set(chosen, m.get(chosen) + 1);
                return choose.call(m, main, "choose");
            });
            main.own("finish", m -> {
                m.own(actor.record.op, 0);
                m.set(round, m.get(round) + 1);
                return m.get(round) == rounds ? m.end() : "release";
            });
        };
    }

    /** A sleeper on {@code object} while {@code ready} holds of its word. */
    static @Nullable String sleeper(World w, int[] s, Shared.Thing object, java.util.function.IntPredicate ready) {
        for (Actor actor : w.actors) {
            boolean waits =
                    !actor.isAgent() && !actor.dead(s) && !actor.ended(s) && s[actor.record.waitObject] == object.id;
            if (waits && ready.test(s[object.body])) {
                return actor.name + " sleeps while " + object.name + " is " + s[object.body] + ": lost wake-up";
            }
        }
        return null;
    }
}
