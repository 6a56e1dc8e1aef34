package dragon.model;

import dragon.model.Code.Sub;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What still goes on at a channel when one of its senders stands still for ever, and is not dead. Nothing is lost. Where it has no slot of the channel in hand, which would hide what lies behind it, whoever
 * sends next makes good for the wakes that it owes: one waiter at most sleeps on before a message, the one whose reference or choice is in its hands.
 *
 * <p>That its death gives everything back need not be explored with the stop: until then it is a process that the system does not run.
 */
final class Stopped {
    final Channel channel;
    private final World w;

    Stopped(World w, Channel channel) {
        this.w = w;
        this.channel = channel;
        w.checks.add(this::check);
    }

    /** The actor may be stopped; {@code sender} sends a message when it is, or when it has ended. */
    void stands(Actor actor, int sender) {
        actor.stoppable();
        w.process("later", after(actor, Script.send(channel, sender, 1)));
    }

    private static Consumer<Actor> after(Actor stopped, Consumer<Actor> then) {
        return actor -> {
            Sub later = actor.code.sub("later");
            later.shared("later", m -> {
                if (!stopped.stopped(m.s) && !stopped.ended(m.s)) {
                    return m.block();
                }
                m.jump(actor.inherits);
                return Code.ELSEWHERE;
            });
            then.accept(actor);
            actor.inherits = actor.start;
            actor.start = later.pc("later");
        };
    }

    private @Nullable String check(int[] s) {
        for (Actor actor : w.actors) {
            if (actor.stopped(s)) {
                String lost = channel.messages.lost(s, channel.object.data());
                return lost != null || hasSlot(actor, s) ? lost : sleepers(actor, s);
            }
        }
        return channel.check(w, s);
    }

    private @Nullable String sleepers(Actor stopped, int[] s) {
        long ready = channel.messages.ready(s, channel.object.data());
        long asleep = w.actors.stream()
                .filter(a -> s[a.record.sleeping] != 0 && a != stopped)
                .count();
        return Math.min(ready, asleep) > 1 ? asleep + " sleep before " + ready + " messages: lost wake-ups" : null;
    }

    private boolean hasSlot(Actor actor, int[] s) {
        for (Shared.Ring ring : channel.object.rings(w, s)) {
            for (int i = 0; i < ring.capacity; i++) {
                if (Words.owner(s[ring.word(i)]) == actor.client.number) {
                    return true;
                }
            }
        }
        return false;
    }
}
