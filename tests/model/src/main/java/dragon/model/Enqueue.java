package dragon.model;

import dragon.model.Code.Sub;

/**
 * Section 6, enqueue: drops stale references at the head, counts, and puts the caller's reference at the tail; a full ring is rotated once where the world says so, and grows.
 */
final class Enqueue {
    private final World w;
    private final Actor actor;
    private final Shared.Queue queue;
    private final Sub sub;
    private final String first;
    private final int reference;

    /** {@code drops}: how many stale references one enqueue drops at most. */
    Enqueue(Actor actor, Shared.Queue queue, int drops) {
        w = actor.world;
        this.actor = actor;
        this.queue = queue;
        Code c = actor.code;
        sub = c.sub("enqueue " + queue.name);
        reference = sub.local();
        if (drops > 0) {
            drop(new ChainReceive(c, "stale " + queue.name, queue.chain, w, m -> {}), drops);
        }
        if (w.rotatingQueues) {
            rotate(
                    new ChainReceive(c, "rotate " + queue.name, queue.chain, w, m -> {}),
                    new ChainSend(c, "back " + queue.name, queue.chain, w, false));
        }
        put(new ChainSend(c, "enqueue " + queue.name, queue.chain, w, !w.rotatingQueues));
        first = drops > 0 ? "peek" : "count";
    }

    String call(Machine m, Sub caller, String back) {
        return sub.enter(m, caller, back, first);
    }

    private void drop(ChainReceive head, int drops) {
        int dropped = sub.local();
        sub.local("peek", m -> {
            if (m.get(dropped) == drops) {
                return "count";
            }
            boolean look = !w.is(Mutation.STALE_DROP_BY_RECEIVE) || m.get(reference) == 0;
            return head.call(m, look, sub, "peeked");
        });
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
            boolean stale = Choose.stale(m, r, m.load(Choose.record(m, r).word));
            if (stale && !w.is(Mutation.STALE_DROP_BY_RECEIVE)) {
                return "claim";
            }
            head.forget(m);
            return stale ? "peek" : "count";
        });
        sub.shared("claim", m -> {
            // From READY of the lap at which the walk met it.
            int lap = Words.lap(head.released(m)) - 1;
            int reading = Words.slot(lap, Words.READING, actor.owner());
            if (m.cas(head.word(m), Words.slot(lap, Words.READY, 0), reading)) {
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

    private void put(ChainSend send) {
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
            if (send.outcome(m) == RingSend.CLAIMED) {
                return "publish";
            }
            return w.rotatingQueues ? "rotate" : m.fail("the configuration has too short a wait queue");
        });
        sub.shared("publish", m -> {
            // The payload is seen by others only behind READY, so both stores are one step.
            Shared.Record me = actor.record;
            m.own(send.word(m) + 1, Words.reference(me.index, Words.generation(m.s[me.word])));
            send.publish(m);
            return sub.leave(m);
        });
    }

    /** Receives all references and sends the live ones back; one that finds no room is chosen. */
    private void rotate(ChainReceive take, ChainSend back) {
        int turn = sub.local();
        ChainSend grow = new ChainSend(actor.code, "grow " + queue.name, queue.chain, w, true);
        sub.local("rotate", m -> {
            m.set(reference, 0);
            m.set(turn, m.get(turn) + 1);
            return m.get(turn) > queue.chain.first.capacity ? "grow" : take.call(m, false, sub, "taken");
        });
        sub.local("taken", m -> take.outcome(m) == RingReceive.CLAIMED ? "unload" : "grow");
        sub.shared("unload", m -> {
            m.set(reference, m.load(take.payload(m)));
            m.store(take.word(m), take.released(m));
            take.forget(m);
            m.count(queue.waiting, -1, false);
            return "live";
        });
        sub.shared("live", m -> {
            boolean stale = Choose.stale(m, m.get(reference), m.load(Choose.record(m, m.get(reference)).word));
            return stale ? "rotate" : "back";
        });
        sub.shared("back", m -> {
            m.count(queue.waiting, 1, false);
            return back.call(m, sub, "sent back");
        });
        sub.local("sent back", m -> back.outcome(m) == RingSend.CLAIMED ? "publish back" : "choose");
        sub.shared("publish back", m -> {
            m.own(back.word(m) + 1, m.get(reference));
            back.publish(m);
            return "rotate";
        });
        sub.shared("choose", m -> Choose.one(m, m.get(reference)) ? "wake" : "rotate");
        sub.shared("wake", m -> {
            Choose.wake(m, Choose.record(m, m.get(reference)));
            return "rotate";
        });
        sub.local("grow", m -> grow.call(m, sub, "grown"));
        sub.local("grown", m -> {
            grow.outcome(m);
            return "publish grown";
        });
        sub.shared("publish grown", m -> {
            Shared.Record me = actor.record;
            m.own(grow.word(m) + 1, Words.reference(me.index, Words.generation(m.s[me.word])));
            grow.publish(m);
            return sub.leave(m);
        });
    }
}
