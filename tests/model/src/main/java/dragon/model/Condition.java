package dragon.model;

import dragon.model.Code.Sub;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Section 9, the condition: a waiter that holds a lock arms, releases the lock, parks, acquires the lock again and looks at the predicate; a notifier makes the predicate true under the lock.
 *
 * <p>The predicate is the user's, outside the crash rule: it changes in the step in which notify begins, and is used up in the step in which wait returns.
 */
final class Condition {
    final Shared.Thing lock;
    final Shared.Thing condition;
    private final int inside;

    Condition(World w) {
        lock = Objects.object(w, "lock", 0);
        condition = Objects.object(w, "condition", 0);
        inside = w.word("inside");
    }

    /** Waits until the condition's word is not 0, and takes 1 from it. */
    Consumer<Actor> await() {
        return actor -> {
            Kit kit = new Kit(actor);
            World w = kit.w;
            Shared.Record me = actor.record;
            Shared.Queue queue = condition.queues.get(0);
            Wait acquire = new Wait(kit, lock.queues.get(0), Objects.acquire(kit, lock, inside), 0);
            Choose pass = kit.choose(lock.queues.get(0));
            Enqueue enqueue = new Enqueue(actor, queue, 0);
            Sub main = actor.code.sub("main");
            int g = main.result();
            int again = main.result();
            actor.start = actor.code.entries.size();
            kit.begin(main, "begin", lock, "acquire");
            main.local("acquire", m -> acquire.call(m, main, "acquired"));
            main.shared("acquired", m -> {
                acquire.done(m);
                m.set(again, 0);
                if (m.load(condition.body) == 0) {
                    return "object";
                }
                m.store(condition.body, m.peek(condition.body) - 1);
                m.own(me.op, 0);
                return "last release";
            });
            main.shared("object", m -> {
                m.own(me.op, condition.id);
                m.store(me.waitObject, condition.id);
                m.own(me.waitQueue, queue.waiting);
                return "arm";
            });
            main.shared("arm", m -> {
                m.set(g, Words.generation(m.peek(me.word)) + 1);
                m.store(me.word, Words.record(m.get(g), Words.QUEUED, Words.PARKED));
                return "enqueue";
            });
            main.local("enqueue", m -> enqueue.call(m, main, m.get(again) != 0 ? "park" : "release"));
            main.shared("release", m -> release(m, actor, "pass"));
            main.local("pass", m -> pass.call(m, main, "passed"));
            main.own("passed", m -> {
                m.own(me.op, condition.id);
                return "park";
            });
            main.shared("park", m -> {
                m.fence();
                if (Words.waitState(m.load(me.word)) != Words.PARKED) {
                    return "woken";
                }
                m.own(me.sleeping, 1);
                return "asleep";
            });
            main.shared("asleep", m -> m.s[me.sleeping] != 0 ? m.block() : "woken");
            main.shared("woken", m -> {
                int state = Words.waitState(m.load(me.word));
                if (state == Words.PARKED) {
                    return "park";
                }
                m.store(me.word, Words.record(m.take(g), 0, Words.IDLE));
                if (state == Words.NEWS && w.is(Mutation.CONDITION_REARMS_ON_NEWS)) {
                    m.set(again, 1);
                    return "object";
                }
                return "acquire";
            });
            main.shared("last release", m -> release(m, actor, "last pass"));
            main.local("last pass", m -> pass.call(m, main, "end"));
            main.own("end", Machine::end);
        };
    }

    /** Adds 1 to the condition's word and notifies one, under the lock. */
    Consumer<Actor> notifying() {
        return actor -> {
            Kit kit = new Kit(actor);
            Wait acquire = new Wait(kit, lock.queues.get(0), Objects.acquire(kit, lock, inside), 0);
            Choose pass = kit.choose(lock.queues.get(0));
            Choose choose = kit.choose(condition.queues.get(0));
            Sub main = actor.code.sub("main");
            actor.start = actor.code.entries.size();
            kit.begin(main, "begin", lock, "acquire");
            main.local("acquire", m -> acquire.call(m, main, "acquired"));
            main.shared("acquired", m -> {
                acquire.done(m);
                m.own(actor.record.op, condition.id);
                m.store(condition.body, m.peek(condition.body) + 1);
                return "fence";
            });
            kit.fence(main, "fence", "notify", true);
            main.local("notify", m -> choose.call(m, main, "release"));
            main.shared("release", m -> release(m, actor, "pass"));
            main.local("pass", m -> pass.call(m, main, "end"));
            main.own("end", Machine::end);
        };
    }

    private String release(Machine m, Actor actor, String next) {
        m.own(actor.record.op, lock.id);
        m.own(inside, 0);
        return m.cas(lock.body, actor.owner(), 0) ? next : m.fail("the lock was taken from its living owner");
    }

    @Nullable
    String check(World w, int[] s) {
        String wrong = Objects.sleeper(w, s, condition, v -> v > 0);
        return wrong != null ? wrong : Objects.sleeper(w, s, lock, v -> v == 0 || v == Words.DIED);
    }
}
