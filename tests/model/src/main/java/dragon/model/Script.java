package dragon.model;

import dragon.model.Code.Sub;
import java.util.function.Consumer;

/** The programs of the actors: what a user of the objects does. */
final class Script {
    private Script() {}

    /** Sends {@code count} messages, one after another. */
    static Consumer<Actor> send(Channel channel, int sender, int count, Wait.Manner... manners) {
        return send(channel, sender, count, false, manners);
    }

    /** Sends {@code count} messages, two at a time where there is room. */
    static Consumer<Actor> sendTogether(Channel channel, int sender, int count) {
        return send(channel, sender, count, true);
    }

    private static Consumer<Actor> send(
            Channel channel, int sender, int count, boolean together, Wait.Manner... manners) {
        return actor -> {
            Kit kit = new Kit(actor);
            Sub main = actor.code.sub("main");
            int sent = main.result();
            int value = main.result();
            int more = main.result();
            Attempt attempt = channel.new Send(kit, value, together ? more : Channel.Send.ALONE);
            Wait wait = new Wait(kit, channel.senders(), attempt, 0, manners);
            actor.start = actor.code.entries.size();
            main.local("next", m -> {
                if (m.get(sent) == count) {
                    return m.end();
                }
                m.set(value, channel.messages.number(sender, m.get(sent)));
                if (together && m.get(sent) + 1 < count) {
                    m.set(more, channel.messages.number(sender, m.get(sent) + 1));
                }
                return channel.inBlocks ? "allocate" : "begin";
            });
            if (channel.inBlocks) {
                Allocation.emit(kit, main, value, "begin");
            }
            kit.begin(main, "begin", channel.object, "send");
            main.local("send", m -> wait.call(m, main, "sent"));
            main.local("sent", m -> {
                wait.done(m);
                boolean both = m.get(value) != channel.messages.number(sender, m.get(sent));
                m.set(sent, m.get(sent) + (both ? 2 : 1));
                m.set(more, 0);
                return "finish";
            });
            main.own("finish", m -> {
                m.own(actor.record.op, 0);
                return channel.inBlocks ? "clear" : "next";
            });
            if (channel.inBlocks) {
                main.own("clear", m -> {
                    m.own(actor.record.block, 0);
                    return "next";
                });
            }
        };
    }

    /** Receives {@code count} messages; a receive that gives up counts too. */
    static Consumer<Actor> receive(Channel channel, int count, int drops, Wait.Manner... manners) {
        return actor -> {
            Kit kit = new Kit(actor);
            Channel.Receive attempt = channel.new Receive(kit);
            loop(
                    kit,
                    channel.object,
                    new Wait(kit, channel.receivers(), attempt, drops, manners),
                    count,
                    m -> channel.ends && attempt.ended(m));
        };
    }

    /** Receives {@code count} messages, as many at a time as are ready. */
    static Consumer<Actor> receiveTogether(Channel channel, int count) {
        return actor -> {
            Kit kit = new Kit(actor);
            Channel.Receive attempt = channel.new Receive(kit, count);
            loop(
                    kit,
                    channel.object,
                    new Wait(kit, channel.receivers(), attempt, 0),
                    count,
                    m -> attempt.taken(m) == count);
        };
    }

    /** Waits {@code count} times until a message is ready. */
    static Consumer<Actor> watch(Channel channel, int count, int drops) {
        return actor -> {
            Kit kit = new Kit(actor);
            loop(
                    kit,
                    channel.object,
                    new Wait(kit, channel.receivers(), channel.new Poll(kit), drops),
                    count,
                    m -> false);
        };
    }

    /** Closes the channel, and chooses at most {@code most} waiters of each queue. */
    static Consumer<Actor> close(Channel channel, int most) {
        return actor -> {
            Kit kit = new Kit(actor);
            Choose receivers = kit.choose(channel.receivers());
            Choose senders = kit.choose(channel.senders());
            Sub main = actor.code.sub("main");
            int chosen = main.result();
            actor.start = actor.code.entries.size();
            main.shared("close", m -> {
                m.own(actor.record.op, channel.object.id);
                m.add(channel.object.body, Channel.CLOSED_BY_CALL);
                return "choose";
            });
            main.local("choose", m -> {
                int n = m.get(chosen);
                m.set(chosen, n + 1);
                return n == 2 * most ? "finish" : (n < most ? receivers : senders).call(m, main, "choose");
            });
            main.own("finish", m -> {
                m.own(actor.record.op, 0);
                return m.end();
            });
        };
    }

    /** Ends the run: stores its state, and gives the news to every record. */
    static Consumer<Actor> endOfRun() {
        return actor -> {
            World w = actor.world;
            Kit kit = new Kit(actor);
            Sub main = actor.code.sub("main");
            int target = main.result();
            actor.start = actor.code.entries.size();
            main.shared("over", m -> {
                m.store(w.runState, World.OVER);
                return "fence";
            });
            kit.fence(main, "fence", "next", !w.is(Mutation.NO_FENCE_AT_END));
            main.local("next", m -> {
                m.set(target, m.get(target) + 1);
                return m.get(target) > w.records.size() ? m.end() : "record";
            });
            main.shared("record", m -> {
                Shared.Record record = w.records.get(m.get(target) - 1);
                int word = m.load(record.word);
                if (Words.waitState(word) == Words.PARKED) {
                    m.cas(record.word, word, Words.record(Words.generation(word), 0, Words.NEWS));
                }
                return Words.waitState(word) == Words.IDLE ? "next" : "wake";
            });
            main.shared("wake", m -> {
                Choose.wake(m, w.records.get(m.get(target) - 1));
                return "next";
            });
        };
    }

    /** As {@code then}, by a new process that gets the client number of a dead one, once that was swept. */
    static Consumer<Actor> heir(Consumer<Actor> then) {
        return actor -> {
            Sub born = actor.code.sub("born");
            actor.heir = true;
            born.shared("born", m -> {
                if (m.peek(actor.client.state) != Shared.Client.FREE) {
                    return m.block();
                }
                m.own(actor.client.state, Shared.Client.LIVE);
                m.own(actor.client.dead, 0);
                m.jump(actor.inherits);
                return Code.ELSEWHERE;
            });
            then.accept(actor);
            actor.inherits = actor.start;
            actor.start = born.pc("born");
        };
    }

    interface Last {
        boolean test(Machine m);
    }

    static void loop(Kit kit, Shared.Thing object, Wait wait, int count, Last last) {
        Actor actor = kit.actor;
        Sub main = actor.code.sub("main");
        int done = main.result();
        actor.start = actor.code.entries.size();
        kit.begin(main, "begin", object, "wait");
        main.local("wait", m -> wait.call(m, main, "waited"));
        main.local("waited", m -> {
            wait.done(m);
            m.set(done, last.test(m) ? count : m.get(done) + 1);
            return "finish";
        });
        main.own("finish", m -> {
            m.own(actor.record.op, 0);
            return m.get(done) == count ? m.end() : "begin";
        });
    }
}
