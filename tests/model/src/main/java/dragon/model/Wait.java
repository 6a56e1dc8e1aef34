package dragon.model;

import dragon.model.Code.Sub;

/** Section 7, wait: try, arm, try again, park, until the attempt succeeds or the waiter gives up. */
final class Wait {
    /** How a wait may differ from the plain one. */
    enum Manner {
        /** It may give up at any moment of its sleep, after one last try. */
        TIMED,
        /** A signal may end its sleep: it leaves without another try. */
        INTERRUPTED,
        /** A reference that is still queued serves again. */
        REUSING
    }

    /** 1 done, 0 given up. */
    final int result;

    private final Sub sub;

    Wait(Kit kit, Shared.Queue queue, Attempt attempt, int drops, Manner... manners) {
        Actor actor = kit.actor;
        World w = actor.world;
        Code c = actor.code;
        Shared.Record me = actor.record;
        var manner = java.util.Set.of(manners);
        boolean timed = manner.contains(Manner.TIMED);
        boolean interrupted = manner.contains(Manner.INTERRUPTED);
        Enqueue enqueue = new Enqueue(actor, queue, drops);
        Choose choose = kit.choose(queue);
        sub = c.sub("wait " + queue.name);
        result = sub.result();
        int g = sub.local();
        int armed = sub.local();
        int last = sub.local();
        int queueNumber = queue.waiting;

        sub.local("first", m -> attempt.call(m, sub, "tried"));
        sub.local("tried", m -> {
            int outcome = attempt.outcome(m);
            if (outcome != Attempt.FAILED) {
                m.set(result, 1);
                boolean passes = outcome == Attempt.LOOKED && m.get(armed) != 0;
                return passes && !w.is(Mutation.NO_PASS_ON) ? "pass on" : sub.leave(m);
            }
            return m.get(last) != 0 ? sub.leave(m) : "read";
        });
        if (manner.contains(Manner.REUSING)) {
            sub.shared("read", m -> {
                int word = m.load(me.word);
                m.set(g, Words.generation(word));
                boolean same = Words.queued(word) && m.s[me.waitQueue] == queueNumber;
                return same && m.cas(me.word, word, word(m, g, Words.QUEUED, Words.PARKED)) ? "fence" : "object";
            });
        } else {
            sub.local("read", m -> {
                m.set(g, Words.generation(m.peek(me.word)));
                return "object";
            });
        }
        sub.shared("object", m -> {
            m.store(me.waitObject, queue.object.id);
            return "queue";
        });
        sub.local("queue", m -> {
            m.own(me.waitQueue, queueNumber);
            return "arm";
        });
        sub.shared("arm", m -> {
            m.set(g, m.get(g) + 1);
            m.store(me.word, word(m, g, Words.QUEUED, Words.PARKED));
            return "enqueue";
        });
        sub.local("enqueue", m -> enqueue.call(m, sub, "fence"));
        kit.fence(sub, "fence", "again", !w.is(Mutation.NO_FENCE_WAITER));
        sub.local("again", m -> {
            m.set(armed, 1);
            return w.is(Mutation.NO_SECOND_TRY) ? "park" : attempt.call(m, sub, "tried again");
        });
        boolean looksAtRun = w.runState != 0 && !w.is(Mutation.NO_LOOK_AT_RUN);
        sub.shared("running", m -> {
            if (m.load(w.runState) == World.RUNNING) {
                return "park";
            }
            m.set(result, Attempt.LOOKED);
            return "disarm";
        });
        sub.local("tried again", m -> {
            m.set(result, attempt.outcome(m));
            return m.get(result) != Attempt.FAILED ? "disarm" : looksAtRun ? "running" : "park";
        });
        sub.shared("disarm", m -> {
            // CHOSEN and NEWS stay until the owner resets them, so that CAS, look and reset are one step.
            boolean looked = m.take(result) == Attempt.LOOKED;
            m.set(result, 1);
            if (m.cas(me.word, word(m, g, Words.QUEUED, Words.PARKED), word(m, g, Words.QUEUED, Words.IDLE))) {
                return looked && !w.is(Mutation.WATCHER_PASSES_ONLY_CHOSEN) && !w.is(Mutation.NO_PASS_ON)
                        ? "pass on"
                        : sub.leave(m);
            }
            boolean chosen = Words.waitState(m.load(me.word)) == Words.CHOSEN;
            m.store(me.word, word(m, g, 0, Words.IDLE));
            return (chosen || looked) && !w.is(Mutation.NO_PASS_ON) ? "pass on" : sub.leave(m);
        });
        sub.local("leave", m -> sub.leave(m));
        kit.fence(sub, "pass on", "choose", !w.is(Mutation.NO_FENCE_WAKER));
        sub.local("choose", m -> choose.call(m, sub, "leave"));

        boolean forgets = w.is(Mutation.NO_OP_OBJECT_IN_WAIT);
        sub.shared("park", m -> {
            m.fence();
            if (m.load(me.word) != word(m, g, Words.QUEUED, Words.PARKED)) {
                return "woken";
            }
            m.own(me.sleeping, 1);
            if (forgets) {
                m.own(me.op, 0);
            }
            return "asleep";
        });
        sub.shared("asleep", m -> {
            boolean sleeping = m.s[me.sleeping] != 0;
            boolean mayLeave = timed || interrupted;
            int way = mayLeave ? m.choose(2) : 0;
            if (way == 0 && sleeping) {
                return m.block();
            }
            m.own(me.sleeping, 0);
            m.note(way == 0 ? "woken" : "leaves its sleep");
            return way == 0 ? "woken" : "timeout";
        });
        sub.shared("woken", m -> {
            if (Words.waitState(m.load(me.word)) == Words.PARKED) {
                return "park";
            }
            m.store(me.word, word(m, g, 0, Words.IDLE));
            return forgets ? "remember" : "first";
        });
        sub.own("remember", m -> {
            m.own(me.op, queue.object.id);
            return "first";
        });
        sub.shared("timeout", m -> {
            if (m.cas(me.word, word(m, g, Words.QUEUED, Words.PARKED), word(m, g, Words.QUEUED, Words.IDLE))) {
                return sub.leave(m);
            }
            boolean chosen = Words.waitState(m.load(me.word)) == Words.CHOSEN;
            m.store(me.word, word(m, g, 0, Words.IDLE));
            if (interrupted) {
                return chosen && !w.is(Mutation.NO_PASS_ON) ? "pass on" : sub.leave(m);
            }
            m.set(last, 1);
            return "first";
        });
    }

    private static int word(Machine m, int g, int queued, int state) {
        return Words.record(m.get(g), queued, state);
    }

    String call(Machine m, Sub caller, String back) {
        return sub.enter(m, caller, back, "first");
    }

    boolean done(Machine m) {
        return m.take(result) == 1;
    }
}
