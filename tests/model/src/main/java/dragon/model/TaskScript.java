package dragon.model;

import dragon.model.Code.Sub;
import java.util.function.Consumer;

/** What the users of tasks do. */
final class TaskScript {
    private TaskScript() {}

    /** What a worker does with what it took. */
    enum Fate {
        DONE,
        KEPT,
        LEFT_IN_ORDER
    }

    /** Takes {@code rounds} messages, as long as there are any, and treats each as {@code fate} says. */
    static Consumer<Actor> work(Tasks t, int rounds, Fate fate) {
        return actor -> {
            Kit kit = new Kit(actor);
            TaskSteps steps = new TaskSteps(t);
            TaskSteps.Sum sum = steps.new Sum(actor);
            TaskSteps.Last last = steps.new Last(kit, sum);
            TaskSteps.Take take = steps.new Take(kit, last);
            TaskSteps.Done done = steps.new Done(kit, sum, last);
            Sub main = actor.code.sub("main");
            int round = main.result();
            actor.start = actor.code.entries.size();
            main.local("begin", m -> {
                m.own(actor.record.op, Words.SEVERAL);
                return take.call(m, main, "taken");
            });
            main.own("taken", m -> {
                m.own(actor.record.op, 0);
                m.set(round, m.get(round) + 1);
                if (take.outcome(m) == Attempt.FAILED) {
                    return m.end();
                }
                m.s[t.took] = fate == Fate.DONE ? m.s[t.took] : 1;
                return switch (fate) {
                    case DONE -> "done";
                    case KEPT -> m.get(round) == rounds ? m.end() : "begin";
                    case LEFT_IN_ORDER -> m.get(round) == rounds ? "leave" : "begin";
                };
            });
            main.local("done", m -> {
                m.own(actor.record.op, t.thing.id);
                return done.call(m, main, "finish");
            });
            main.own("finish", m -> {
                m.own(actor.record.op, 0);
                return m.get(round) == rounds ? m.end() : "begin";
            });
            main.shared("leave", m -> {
                m.s[t.hand(actor).orderly()] = 1;
                m.s[actor.client.dead] = 1;
                return m.end();
            });
        };
    }

    /** Says {@code times} times that a task is done that another took; {@code after}: once that one has it. */
    static Consumer<Actor> sayDone(Tasks t, int times, boolean after) {
        return actor -> {
            Kit kit = new Kit(actor);
            TaskSteps steps = new TaskSteps(t);
            TaskSteps.Sum sum = steps.new Sum(actor);
            TaskSteps.Done done = steps.new Done(kit, sum, steps.new Last(kit, sum));
            Sub main = actor.code.sub("main");
            int said = main.result();
            actor.start = actor.code.entries.size();
            main.shared("begin", m -> {
                if (after && m.s[t.took] == 0) {
                    return m.block();
                }
                m.own(actor.record.op, t.thing.id);
                return "done";
            });
            main.local("done", m -> done.call(m, main, "finish"));
            main.own("finish", m -> {
                m.own(actor.record.op, 0);
                m.set(said, m.get(said) + 1);
                return m.get(said) == times ? m.end() : "begin";
            });
        };
    }

    /** Waits until all are done. */
    static Consumer<Actor> join(Tasks t) {
        return actor -> {
            Kit kit = new Kit(actor);
            TaskSteps steps = new TaskSteps(t);
            TaskSteps.Sum sum = steps.new Sum(actor);
            int moment = t.moment(actor);
            Sub look = actor.code.sub("look");
            look.local("sum", m -> sum.call(m, look, "summed"));
            look.local("summed", m -> look.leave(m));
            Attempt all = new Attempt() {
                @Override
                public String call(Machine m, Sub caller, String back) {
                    return look.enter(m, caller, back, "sum");
                }

                @Override
                public int outcome(Machine m) {
                    if (sum.any(m)) {
                        return FAILED;
                    }
                    if (m.s[moment] != Tasks.SEEN) {
                        m.fail("join ends, though some were left all the time");
                    }
                    return LOOKED;
                }
            };
            Wait wait = new Wait(kit, t.thing.queues.get(0), all, 0);
            Sub main = actor.code.sub("main");
            actor.start = actor.code.entries.size();
            main.shared("begin", m -> {
                m.own(actor.record.op, t.thing.id);
                t.watch(m, moment);
                return "wait";
            });
            main.local("wait", m -> wait.call(m, main, "waited"));
            main.own("waited", m -> {
                m.own(actor.record.op, 0);
                m.s[moment] = Tasks.IDLE;
                return m.end();
            });
        };
    }
}
