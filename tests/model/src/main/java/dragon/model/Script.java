package dragon.model;

import dragon.model.Code.Sub;
import java.util.function.Consumer;

/** The programs of the actors: what a user of the objects does. */
final class Script {
    private Script() {}

    /** Sends {@code count} messages, one after another. */
    static Consumer<Actor> send(Channel channel, int sender, int count, Wait.Manner... manners) {
        return actor -> {
            Kit kit = new Kit(actor);
            Sub main = actor.code.sub("main");
            int sent = main.result();
            int value = main.result();
            Attempt attempt = channel.new Send(kit, value);
            Wait wait = new Wait(kit, channel.senders(), attempt, 0, manners);
            actor.start = actor.code.entries.size();
            main.local("next", m -> {
                if (m.get(sent) == count) {
                    return m.end();
                }
                m.set(value, channel.messages.number(sender, m.get(sent)));
                return channel.inBlocks ? "allocate" : "begin";
            });
            if (channel.inBlocks) {
                Allocation.emit(kit, main, value, "begin");
            }
            kit.begin(main, "begin", channel.object, "send");
            main.local("send", m -> wait.call(m, main, "sent"));
            main.local("sent", m -> {
                wait.done(m);
                m.set(sent, m.get(sent) + 1);
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

    /** Waits {@code count} times until a message is ready. */
    static Consumer<Actor> watch(Channel channel, int count, int drops) {
        return actor -> {
            Kit kit = new Kit(actor);
            loop(
                    kit,
                    channel.object,
                    new Wait(kit, channel.receivers(), channel.new Poll(kit), drops, Wait.Manner.WATCHING),
                    count,
                    m -> false);
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
