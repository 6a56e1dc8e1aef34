package dragon.model;

import dragon.model.Code.Sub;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Section 8, the agent: for each dead client repairs its slots, frees its blocks, resets its records, tells the waiters, passes its locks on, and frees its number.
 *
 * <p>What only the dead process wrote can no longer change, so the sweep reads it without a step of its own; the same holds for the set of slots the dead process owns.
 */
final class Sweep {
    private final World w;
    private final Sub sub;
    private final int client;
    private final int record;
    private final int slot;
    private final int tell;

    /** {@code locks}: objects whose body is a lock's owner word. */
    static Actor agent(World w, Shared.Thing... locks) {
        return agent(w, Optional.empty(), Optional.empty(), Optional.empty(), locks);
    }

    /** {@code ending}: the channel whose end comes with its last sender. */
    static Actor agent(World w, Ends ending, Shared.Thing... locks) {
        return agent(w, Optional.of(ending), Optional.empty(), Optional.empty(), locks);
    }

    /** {@code tasks}: what the dead had in hand of a channel. */
    static Actor agent(World w, Tasks tasks) {
        return agent(w, Optional.empty(), Optional.of(tasks), Optional.empty());
    }

    /** {@code mailbox}: its reader tells, after the sweep. */
    static Actor agent(World w, Mailbox mailbox) {
        return agent(w, Optional.empty(), Optional.empty(), Optional.of(mailbox));
    }

    private static Actor agent(
            World w, Optional<Ends> ending, Optional<Tasks> tasks, Optional<Mailbox> mailbox, Shared.Thing... locks) {
        return w.agent(actor -> {
            Sweep sweep = new Sweep(actor, ending, tasks, mailbox, List.of(locks));
            actor.start = sweep.sub.pc("notice");
        });
    }

    /** The senders of a channel with the flag ENDS. */
    record Ends(Channel channel, List<Actor> senders) {
        /** Whether no live client has a reference with the role SENDER. */
        boolean over(int[] s) {
            return senders.stream()
                    .allMatch(a -> a.ended(s) && (!a.dead(s) || s[a.client.state] == Shared.Client.FREE));
        }
    }

    private final Optional<Ends> ending;
    private final Optional<Tasks> tasks;
    private final Optional<Mailbox> mailbox;

    private Sweep(
            Actor agent,
            Optional<Ends> ending,
            Optional<Tasks> tasks,
            Optional<Mailbox> mailbox,
            List<Shared.Thing> locks) {
        this.ending = ending;
        this.tasks = tasks;
        this.mailbox = mailbox;
        w = agent.world;
        Kit kit = new Kit(agent);
        sub = agent.code.sub("sweep");
        client = sub.result();
        record = sub.result();
        slot = sub.result();
        tell = sub.result();
        slots();
        blocks();
        record(kit);
        tell();
        locks(kit, locks);
        mailbox.ifPresent(box -> box.call(sub, kit, "call teller", "notice"));
        tasks.ifPresent(t -> t.sweep(sub, kit, client, "target", "free"));
    }

    private void slots() {
        sub.shared("notice", m -> {
            for (Shared.Client c : w.clients) {
                boolean settled = w.actors.stream().noneMatch(a -> a.client == c && a.buffered(m.s));
                if (m.s[c.dead] != 0 && m.peek(c.state) == Shared.Client.LIVE && settled) {
                    if (mailbox.isPresent() && !mailbox.get().lock(m)) {
                        return Code.ELSEWHERE;
                    }
                    m.set(client, c.number);
                    m.store(c.state, Shared.Client.SWEEPING);
                    return "next record";
                }
            }
            if (ending.isPresent()
                    && m.peek(ending.get().channel.object.body) == 0
                    && ending.get().over(m.s)) {
                m.store(ending.get().channel.object.body, Channel.NO_SENDERS);
                return w.is(Mutation.NO_TELL) ? "notice" : "fence";
            }
            return m.block();
        });
        sub.local("next record", m -> {
            int next = m.get(record);
            while (next < w.records.size() && w.records.get(next).client.number != m.get(client)) {
                next++;
            }
            m.set(record, next + 1);
            if (next == w.records.size()) {
                m.set(record, 0);
                return "next lock";
            }
            return "next slot";
        });
        sub.local("next slot", m -> {
            for (Shared.Thing object : objects(m)) {
                for (Shared.Ring ring : object.rings(w, m.s)) {
                    for (int i = 0; i < ring.capacity; i++) {
                        if (Words.owner(m.peek(ring.word(i))) == m.get(client)) {
                            m.set(slot, ring.word(i));
                            return carriesSent(m, object, ring, i) ? "free carried" : "repair";
                        }
                    }
                }
            }
            m.set(slot, 0);
            return barrier(m) ? "break" : w.blocks.isEmpty() ? "exchange" : "block";
        });
        sub.shared("break", m -> {
            int body = w.things.get(m.s[swept(m).op] - 1).body;
            m.cas(body, m.s[body], Barrier.broken(m.s[body]));
            return "exchange";
        });
        sub.shared("repair", m -> {
            int found = m.peek(m.get(slot));
            boolean abandon = Words.slotState(found) == Words.WRITING && !w.is(Mutation.FREE_NOT_ABANDONED);
            m.store(
                    m.get(slot),
                    abandon
                            ? Words.slot(Words.lap(found), Words.ABANDONED, 0)
                            : Words.slot(Words.lap(found) + 1, Words.FREE, 0));
            return "next slot";
        });
    }

    private void blocks() {
        sub.shared("free carried", m -> {
            int carried = m.peek(m.get(slot) + 1);
            m.cas(
                    w.blocks.get((carried & 255) - 1).word,
                    Words.block(carried >> 8, Words.SENT, 0),
                    Words.block(carried >> 8, Words.FREE, 0));
            return "repair";
        });
        sub.shared("block", m -> {
            // HELD by the dead stays so, whoever looks: look and store are one step.
            int reference = m.s[swept(m).block];
            if (reference != 0) {
                Shared.Block block = w.blocks.get((reference & 255) - 1);
                int found = m.load(block.word);
                boolean same = Words.blockGeneration(found) == reference >> 8;
                if (same && Words.blockState(found) == Words.HELD && Words.owner(found) == m.get(client)) {
                    m.store(block.word, Words.block(reference >> 8, Words.FREE, 0));
                }
                if (Words.blockState(found) == Words.SENT && w.is(Mutation.FREE_SENT_IN_HAND)) {
                    m.store(block.word, Words.block(Words.blockGeneration(found), Words.FREE, 0));
                }
            }
            return "exchange";
        });
    }

    private boolean barrier(Machine m) {
        int op = m.s[swept(m).op];
        return op > 0 && w.things.get(op - 1).barrier && !w.is(Mutation.BARRIER_SURVIVES_A_DEATH);
    }

    /** Whether the dead one's slot names a block that may still be SENT: read, or written and named in the record too. */
    private boolean carriesSent(Machine m, Shared.Thing object, Shared.Ring ring, int i) {
        if (w.blocks.isEmpty() || object.data == null || object.data.first != ring || m.peek(ring.payload(i)) == 0) {
            return false;
        }
        return Words.slotState(m.peek(ring.word(i))) == Words.READING || m.s[swept(m).block] == m.peek(ring.payload(i));
    }

    private void record(Kit kit) {
        sub.shared("exchange", m -> {
            int address = swept(m).word;
            int fresh = Words.record(Words.generation(m.s[address]) + 1, 0, Words.IDLE);
            int old = w.is(Mutation.NO_EXCHANGE) ? m.load(address) : m.swap(address, fresh);
            boolean told = w.is(Mutation.TELL_ONLY_CHOSEN) ? false : m.s[swept(m).op] != 0;
            m.set(tell, told || Words.waitState(old) == Words.CHOSEN ? 1 : 0);
            if (w.is(Mutation.NO_TELL)) {
                m.set(tell, 0);
            }
            if (m.get(tell) != 0 && mailbox.isPresent()) {
                objects(m).forEach(object -> mailbox.get().add(m, object));
                m.set(tell, 0);
            }
            return m.get(tell) != 0 ? "fence" : "told";
        });
        kit.fence(sub, "fence", "target", !w.is(Mutation.NO_FENCE_SWEEP));
        sub.local(
                "told",
                m -> m.get(record) == 0
                        ? m.get(client) == 0 ? "notice" : "free"
                        : w.is(Mutation.NO_EXCHANGE) ? "reset" : "forget");
        sub.shared("reset", m -> {
            int address = swept(m).word;
            m.store(address, Words.record(Words.generation(m.s[address]) + 1, 0, Words.IDLE));
            return "forget";
        });
        sub.own("forget", m -> {
            m.own(swept(m).op, 0);
            m.own(swept(m).block, 0);
            m.own(swept(m).waitObject, 0);
            m.own(swept(m).waitQueue, 0);
            return "next record";
        });
    }

    private void tell() {
        Tell.emit(
                w,
                sub,
                (m, number) -> number == m.get(client),
                (m, object) -> objects(m).stream().anyMatch(o -> o.id == object),
                m -> {
                    m.set(tell, 0);
                    return "told";
                });
    }

    private void locks(Kit kit, List<Shared.Thing> locks) {
        sub.local("next lock", m -> {
            boolean orderly =
                    m.s[w.clients.get(m.get(client) - 2).orderly] != 0 && !w.is(Mutation.ORDERLY_LOCK_PASSED_ON);
            for (Shared.Thing lock : locks) {
                if (m.peek(lock.body) == m.get(client) && !orderly) {
                    return "died " + lock.name;
                }
            }
            return tasks.isPresent() ? "next tasks" : "free";
        });
        for (Shared.Thing lock : locks) {
            Choose choose = kit.choose(lock.queues.get(0));
            sub.shared("died " + lock.name, m -> {
                m.store(lock.body, Words.DIED);
                return "fence " + lock.name;
            });
            kit.fence(sub, "fence " + lock.name, "pass on " + lock.name, true);
            sub.local(
                    "pass on " + lock.name,
                    m -> w.is(Mutation.NO_CHOOSE_AFTER_DEATH) ? "next lock" : choose.call(m, sub, "next lock"));
        }
        sub.shared("free", m -> {
            m.store(w.clients.get(m.take(client) - 2).state, Shared.Client.FREE);
            return mailbox.isPresent() ? "call teller" : "notice";
        });
    }

    /** The objects the record under the sweep worked on and waited for. */
    private List<Shared.Thing> objects(Machine m) {
        if (m.get(record) == 0) {
            return List.of(m.get(client) == 0 ? ending.orElseThrow().channel.object : tasks.orElseThrow().thing);
        }
        int op = m.s[swept(m).op];
        int waits = m.s[swept(m).waitObject];
        if (op == Words.SEVERAL || waits == Words.SEVERAL) {
            return w.is(Mutation.SEVERAL_TELLS_NONE) ? List.of() : w.things;
        }
        List<Shared.Thing> objects = new ArrayList<>();
        if (op != 0) {
            objects.add(w.things.get(op - 1));
        }
        if (waits != 0 && waits != op) {
            objects.add(w.things.get(waits - 1));
        }
        return objects;
    }

    private Shared.Record swept(Machine m) {
        return w.records.get(m.get(record) - 1);
    }
}
