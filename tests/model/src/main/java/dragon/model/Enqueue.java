package dragon.model;

import dragon.model.Code.Sub;

/** Section 6, enqueue: drops stale references at the head, counts, and puts the caller's reference at the tail. */
final class Enqueue {
    private final Sub sub;
    private final String first;

    /** {@code drops}: how many stale references one enqueue drops at most. */
    Enqueue(Actor actor, Shared.Queue queue, int drops) {
        World w = actor.world;
        Code c = actor.code;
        Shared.Record me = actor.record;
        ChainSend send = new ChainSend(c, "enqueue " + queue.name, queue.chain, w);
        sub = c.sub("enqueue " + queue.name);
        int dropped = sub.local();
        int reference = sub.local();
        if (drops > 0) {
            ChainReceive head = new ChainReceive(c, "stale " + queue.name, queue.chain, w, m -> {});
            sub.local(
                    "peek",
                    m -> m.get(dropped) < drops
                            ? head.call(
                                    m, !w.is(Mutation.STALE_DROP_BY_RECEIVE) || m.get(reference) == 0, sub, "peeked")
                            : "count");
            sub.local("peeked", m -> {
                if (head.outcome(m) != RingReceive.CLAIMED) {
                    m.set(reference, 0);
                    return "count";
                }
                return m.get(reference) == 0 ? "read" : "release";
            });
            sub.shared("read", m -> {
                m.set(reference, 1 << 16 | m.load(head.payload(m)));
                return "check";
            });
            sub.shared("check", m -> {
                int r = m.get(reference) & 0xffff;
                if (!Choose.stale(m, r, m.load(Choose.record(m, r).word))) {
                    head.forget(m);
                    return "count";
                }
                if (w.is(Mutation.STALE_DROP_BY_RECEIVE)) {
                    head.forget(m);
                    return "peek";
                }
                return "claim";
            });
            sub.shared("claim", m -> {
                int lap = Words.lap(head.released(m)) - 1;
                if (m.cas(
                        head.word(m), Words.slot(lap, Words.READY, 0), Words.slot(lap, Words.READING, actor.owner()))) {
                    return "release";
                }
                head.forget(m);
                return "count";
            });
            sub.shared("release", m -> {
                m.store(head.word(m), head.released(m));
                head.forget(m);
                m.set(reference, 0);
                m.set(dropped, m.get(dropped) + 1);
                return "less";
            });
            sub.shared("less", m -> {
                m.add(queue.waiting, -1);
                return "peek";
            });
        }
        sub.shared("count", m -> {
            if (w.is(Mutation.FLAG)) {
                m.store(queue.waiting, 1);
            } else {
                m.count(queue.waiting, 1, queue.fine);
            }
            return queue.fine ? "send" : send.now(m, sub, "sent");
        });
        sub.local("send", m -> send.call(m, sub, "sent"));
        sub.local("sent", m -> {
            return send.outcome(m) == RingSend.CLAIMED
                    ? "publish"
                    : m.fail("the configuration has too short a wait queue");
        });
        sub.shared("publish", m -> {
            // The payload is seen by others only behind READY, so both stores are one step.
            m.own(send.word(m) + 1, Words.reference(me.index, Words.generation(m.s[me.word])));
            send.publish(m);
            return sub.leave(m);
        });
        first = drops > 0 ? "peek" : "count";
    }

    String call(Machine m, Sub caller, String back) {
        return sub.enter(m, caller, back, first);
    }
}
