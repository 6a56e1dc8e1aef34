package dragon.model;

import dragon.model.Code.Sub;

/** Section 9, tasks: the routines of one actor, which takes messages as tasks, says that they are done, and asks whether any is left. */
final class TaskSteps {
    private final Tasks t;

    TaskSteps(Tasks tasks) {
        t = tasks;
    }

    /** Adds up what is not done with: channel, then hands, balance, and the word again; where it must not be too many, the sure ones of the hands before the channel, too. */
    final class Sum {
        private final Sub sub;
        private final int word;
        private final int most;
        private final int least;
        private final int exact;

        Sum(Actor actor) {
            sub = actor.code.sub("sum");
            word = sub.result();
            most = sub.result();
            least = sub.result();
            exact = sub.local();
            int p = sub.local();
            int i = sub.local();
            Shared.Ring ring = t.channel.object.data().first;
            boolean handsFirst = t.w.is(Mutation.TASKS_HANDS_FIRST);
            sub.shared("word", m -> {
                m.set(word, m.load(t.thing.body));
                m.set(most, (byte) m.get(word));
                if (m.get(most) < 0 && !t.w.is(Mutation.TASKS_JOIN_COUNTS_TWICE)) {
                    m.set(exact, 1);
                }
                m.set(least, m.get(exact) != 0 ? m.get(most) : 0);
                return enough(m) ? sub.leave(m) : m.get(exact) != 0 ? "sure hand" : handsFirst ? "hand" : "head";
            });
            sub.shared("sure hand", m -> {
                m.set(least, m.get(least) + t.sure(m, m.get(i)));
                return more(m, i) ? "sure hand" : "head";
            });
            sub.shared("head", m -> {
                m.set(p, m.load(ring.head()));
                return "slot";
            });
            sub.shared("slot", m -> {
                int pos = m.get(p);
                int slot = m.load(ring.word(pos));
                int ahead = Words.lap(slot) - Words.lapOf(pos);
                if (ahead > 0) {
                    m.set(p, ring.following(Words.position(Words.lap(slot) - 1, Words.index(pos))));
                    return "slot";
                }
                if (ahead < 0 || Words.slotState(slot) == Words.FREE || Words.slotState(slot) == Words.CLOSED) {
                    return handsFirst && m.get(exact) == 0 ? "again" : "hand";
                }
                count(m, Words.slotState(slot) == Words.READY ? 1 : 0);
                m.set(p, ring.following(pos));
                return enough(m) ? sub.leave(m) : "slot";
            });
            sub.shared("hand", m -> {
                m.set(most, m.get(most) + Tasks.tasks(m.load(t.hand(m.get(i)).reference())));
                if (more(m, i)) {
                    return "hand";
                }
                return enough(m) ? sub.leave(m) : handsFirst && m.get(exact) == 0 ? "head" : "again";
            });
            sub.shared("again", m -> {
                boolean same = m.load(t.thing.body) == m.get(word) || t.w.is(Mutation.TASKS_NO_SECOND_LOOK);
                boolean some = m.get(exact) != 0 && m.get(least) > 0;
                m.set(most, some ? m.get(least) : m.get(most));
                return some || same && m.get(most) <= 0 ? sub.leave(m) : same ? "unsure" : "word";
            });
            sub.shared("unsure", m -> {
                forget(m);
                return t.unsure(m.s) ? m.block() : "word";
            });
        }

        private boolean more(Machine m, int i) {
            m.set(i, m.get(i) + 1 < t.hands.size() ? m.get(i) + 1 : 0);
            return m.get(i) != 0;
        }

        private void count(Machine m, int n) {
            m.set(most, m.get(most) + n);
            m.set(least, m.get(exact) != 0 ? m.get(least) + n : 0);
        }

        private boolean enough(Machine m) {
            return m.get(exact) == 0 && m.get(most) > 0;
        }

        /** Whether any is left; what is on its way may count twice, unless the balance is negative. */
        String call(Machine m, Sub caller, String back) {
            return sub.enter(m, caller, back, "word");
        }

        /** As well, and nothing is counted twice. */
        String exact(Machine m, Sub caller, String back) {
            m.set(exact, 1);
            return call(m, caller, back);
        }

        void forget(Machine m) {
            m.set(word, 0);
            m.set(most, 0);
            m.set(least, 0);
        }

        /** Whether any is left; forgets it. */
        boolean any(Machine m) {
            boolean any = m.get(most) > 0;
            forget(m);
            return any;
        }
    }

    /** After a task left somebody's hands: wakes all who wait for the last one, if it was. */
    final class Last {
        private final Sub sub;

        Last(Kit kit, Sum sum) {
            Choose choose = kit.choose(t.thing.queues.get(0));
            sub = kit.actor.code.sub("last");
            int present = sub.local();
            sub.shared("waiting", m -> {
                m.set(present, m.load(t.thing.queues.get(0).waiting));
                return m.get(present) == 0 ? sub.leave(m) : "sum";
            });
            sub.local("sum", m -> sum.call(m, sub, "summed"));
            sub.local("summed", m -> sum.any(m) ? sub.leave(m) : "choose");
            sub.local("choose", m -> {
                m.set(present, m.get(present) - 1);
                return choose.call(m, sub, m.get(present) > 0 ? "choose" : "leave");
            });
            sub.local("leave", m -> sub.leave(m));
        }

        String call(Machine m, Sub caller, String back) {
            return sub.enter(m, caller, back, "waiting");
        }
    }

    /** One attempt to take a message as a task: in hand from before the claim, and for sure from after it. */
    final class Take implements Attempt {
        private final Sub sub;
        private final int result;

        Take(Kit kit, Last last) {
            Actor actor = kit.actor;
            Tasks.Hand hand = t.hand(actor);
            Channel.Poll peek = t.channel.new Poll(kit);
            Channel.Receive receive = t.channel.new Receive(kit);
            boolean late = t.w.is(Mutation.TASKS_IN_HAND_AFTER_CLAIM);
            int open = t.w.is(Mutation.TASKS_OF_TAKERS_ARE_SURE) ? 0 : 1;
            sub = actor.code.sub("take");
            result = sub.result();
            sub.local("peek", m -> peek.call(m, sub, "looked"));
            sub.local("looked", m -> peek.outcome(m) == FAILED ? sub.leave(m) : late ? "receive" : "in hand");
            sub.shared("in hand", m -> {
                m.add(hand.reference(), late ? Tasks.ONE : Tasks.ONE + open);
                return late ? sub.leave(m) : "receive";
            });
            sub.local("receive", m -> receive.call(m, sub, "received"));
            sub.local("received", m -> {
                m.set(result, receive.outcome(m));
                if (m.get(result) == TOOK) {
                    return late ? "in hand" : open == 0 ? sub.leave(m) : "sure";
                }
                return late ? sub.leave(m) : "give back";
            });
            sub.shared("sure", m -> {
                m.add(hand.reference(), -1);
                return sub.leave(m);
            });
            sub.shared("give back", m -> {
                m.add(hand.reference(), -Tasks.ONE - open);
                return t.w.is(Mutation.TASKS_LATE_IS_SILENT) ? sub.leave(m) : "last";
            });
            sub.local("last", m -> last.call(m, sub, "leave"));
            sub.local("leave", m -> sub.leave(m));
        }

        @Override
        public String call(Machine m, Sub caller, String back) {
            return sub.enter(m, caller, back, "peek");
        }

        @Override
        public int outcome(Machine m) {
            return m.take(result);
        }
    }

    /** Says that a task is done, its own or another's. */
    final class Done {
        private final Sub sub;

        Done(Kit kit, Sum sum, Last last) {
            Actor actor = kit.actor;
            Tasks.Hand hand = t.hand(actor);
            int moment = t.moment(actor);
            int open = t.w.is(Mutation.TASKS_OF_DOERS_ARE_SURE) ? 0 : 1;
            boolean handFirst = t.w.is(Mutation.TASKS_HAND_BEFORE_VERSION);
            sub = actor.code.sub("done");
            int word = sub.local();
            int own = sub.local();
            sub.shared("look", m -> {
                if (m.s[moment] == Tasks.IDLE) {
                    t.watch(m, moment);
                }
                m.set(word, m.load(t.thing.body));
                m.set(own, Tasks.tasks(m.peek(hand.reference())) > 0 ? 1 : 0);
                boolean sure = m.get(own) != 0 && (byte) m.get(word) >= 0;
                return sure ? start(m, own, open) : sum.exact(m, sub, "summed");
            });
            sub.local("summed", m -> {
                m.set(word, m.get(sum.word));
                return sum.any(m) ? start(m, own, open) : "lost";
            });
            sub.shared("hold", m -> {
                m.add(hand.reference(), open);
                return "commit";
            });
            sub.shared("commit", m -> {
                int to = Tasks.word(m.get(word), t.w.is(Mutation.TASKS_NO_VERSION) ? 0 : 1, m.get(own) - 1);
                if (!m.cas(t.thing.body, m.get(word), to)) {
                    return m.get(own) == 0 ? "look" : "let go";
                }
                committed(m, hand, m.get(own) != 0);
                return m.get(own) != 0 && !handFirst ? "drop" : "last";
            });
            sub.shared("let go", m -> {
                m.add(hand.reference(), -open + (handFirst ? Tasks.ONE : 0));
                return "look";
            });
            sub.shared("drop", m -> {
                m.add(hand.reference(), -Tasks.ONE - open);
                return handFirst ? "commit" : "last";
            });
            sub.shared("lost", m -> {
                if (m.load(t.lost) > 0) {
                    m.add(t.lost, -1);
                    return "leave";
                }
                return m.s[moment] == Tasks.SEEN
                        ? "leave"
                        : m.fail("done is refused, though some were left all the time");
            });
            sub.local("last", m -> last.call(m, sub, "leave"));
            sub.local("leave", m -> {
                m.s[moment] = Tasks.IDLE;
                return sub.leave(m);
            });
        }

        private String start(Machine m, int own, int open) {
            return m.get(own) == 0
                    ? "commit"
                    : t.w.is(Mutation.TASKS_HAND_BEFORE_VERSION) ? "drop" : open == 0 ? "commit" : "hold";
        }

        private void committed(Machine m, Tasks.Hand hand, boolean own) {
            if (m.s[t.left] == 0) {
                m.fail("more are done than there were");
                return;
            }
            m.s[own ? hand.really() : t.forOthers] += own ? -1 : 1;
            t.really(m, -1);
        }

        String call(Machine m, Sub caller, String back) {
            return sub.enter(m, caller, back, "look");
        }
    }
}
