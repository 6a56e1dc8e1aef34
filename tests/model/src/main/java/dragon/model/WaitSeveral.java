package dragon.model;

import dragon.model.Code.Sub;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Section 7, several objects: one record, its reference in the receivers' queue of each channel; looks and does not take. */
final class WaitSeveral {
    private WaitSeveral() {}

    /** Waits {@code rounds} times until one of the channels has a message. */
    static Consumer<Actor> watch(int rounds, Channel... channels) {
        return actor -> {
            Kit kit = new Kit(actor);
            World w = kit.w;
            Shared.Record me = actor.record;
            List<Attempt> polls = new ArrayList<>();
            List<Enqueue> enqueues = new ArrayList<>();
            List<Choose> choosers = new ArrayList<>();
            for (Channel channel : channels) {
                polls.add(channel.new Poll(kit));
                enqueues.add(new Enqueue(actor, channel.receivers(), 0));
                choosers.add(kit.choose(channel.receivers()));
            }
            Sub main = actor.code.sub("several");
            int round = main.result();
            int i = main.result();
            int g = main.result();
            int armed = main.result();
            actor.start = actor.code.entries.size();
            main.local("first", m -> {
                m.own(me.op, Words.SEVERAL);
                return polls.get(m.get(i)).call(m, main, "polled");
            });
            main.local("polled", m -> {
                boolean ready = polls.get(m.get(i)).outcome(m) != Attempt.FAILED;
                m.set(i, m.get(i) + 1);
                if (ready) {
                    m.set(i, 0);
                    return m.get(armed) == 0 ? "done" : m.get(g) != 0 ? "disarm" : "pass on";
                }
                if (m.get(i) < channels.length) {
                    return "first";
                }
                m.set(i, 0);
                return m.get(g) != 0 ? "park" : "object";
            });
            main.shared("object", m -> {
                m.store(me.waitObject, Words.SEVERAL);
                m.own(me.waitQueue, 0);
                return "arm";
            });
            main.shared("arm", m -> {
                m.set(g, Words.generation(m.peek(me.word)) + 1);
                m.set(armed, 1);
                m.store(me.word, Words.record(m.get(g), Words.QUEUED, Words.PARKED));
                return "enqueue";
            });
            main.local("enqueue", m -> enqueues.get(m.get(i)).call(m, main, "enqueued"));
            main.local("enqueued", m -> {
                m.set(i, m.get(i) + 1);
                if (m.get(i) < channels.length) {
                    return "enqueue";
                }
                m.set(i, 0);
                return "fence";
            });
            kit.fence(main, "fence", "first", true);
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
                if (Words.waitState(m.load(me.word)) == Words.PARKED) {
                    return "park";
                }
                m.store(me.word, Words.record(m.take(g), 0, Words.IDLE));
                return "first";
            });
            main.shared("disarm", m -> {
                int word = m.load(me.word);
                m.cas(
                        me.word,
                        word,
                        Words.record(m.take(g), Words.waitState(word) == Words.PARKED ? Words.QUEUED : 0, Words.IDLE));
                return "pass on";
            });
            kit.fence(main, "pass on", "choose", true);
            main.local("choose", m -> {
                if (w.is(Mutation.NO_PASS_ON)
                        || m.get(i) == (w.is(Mutation.SEVERAL_PASSES_ONE) ? 1 : channels.length)) {
                    m.set(i, 0);
                    return "done";
                }
                m.set(i, m.get(i) + 1);
                return choosers.get(m.get(i) - 1).call(m, main, "choose");
            });
            main.own("done", m -> {
                m.own(me.op, 0);
                m.set(armed, 0);
                m.set(round, m.get(round) + 1);
                return m.get(round) == rounds ? m.end() : "first";
            });
        };
    }
}
