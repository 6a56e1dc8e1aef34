package dragon.model;

import dragon.model.Code.Sub;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Section 9, the ends of a channel: how many handles of one end there are, counted by those who bind, give away, take and let go, and by the sweep. One handle is on its way, which two may take.
 *
 * <p>The count is never too low: whoever brings it to zero closes the end, and then nobody has one that counts. It may be too high only if somebody was killed.
 */
final class EndCount {
    private static final int PLAIN = 1;
    private static final int COUNTED = 2;

    private final World w;
    private final int count;
    private final int closed;
    private final int handle;
    private final int token;
    private final int unpinned;
    private final List<Integer> references = new ArrayList<>();
    private final List<Shared.Client> clients = new ArrayList<>();
    private final List<Actor> takers = new ArrayList<>();
    private final List<Actor> givers = new ArrayList<>();
    private int bound;

    EndCount(World w) {
        this.w = w;
        count = w.word("count");
        closed = w.word("closed");
        handle =
                w.word("handle", h -> List.of("not sent", "on its way", "taken").get(h));
        token = w.word("token in the table of pins");
        unpinned = w.word("UNPIN in the mailbox");
    }

    private int reference(Actor actor, boolean isBound) {
        int reference = w.word(
                actor.name + ".reference",
                r -> List.of("none", "PLAIN", "COUNTED").get(r));
        w.initially(reference, isBound ? COUNTED : 0);
        references.add(reference);
        clients.add(actor.client);
        bound += isBound ? 1 : 0;
        w.initially(count, bound);
        return reference;
    }

    /** One handle fewer; the last closes the end. */
    private void drop(Sub sub, String label, String next) {
        sub.shared(label, m -> {
            int left = m.add(count, -1) - 1;
            String wrong = left > 0 ? null : tooLow(m, left);
            return wrong != null ? m.fail(wrong) : left > 0 ? next : label + ": close";
        });
        sub.shared(label + ": close", m -> {
            m.store(closed, 1);
            return next;
        });
    }

    private @Nullable String tooLow(Machine m, int left) {
        for (int i = 0; i < references.size(); i++) {
            if (m.s[references.get(i)] == COUNTED && clients.get(i) != m.me.client) {
                return clients.get(i).name + " has the end, and the count is " + left;
            }
        }
        if (m.s[token] != 0 || m.s[handle] == 1) {
            return "a handle is on its way, and the count is " + left;
        }
        return left < 0 ? "the count is negative" : null;
    }

    private void letGo(Sub sub, int reference) {
        boolean late = w.is(Mutation.ENDS_UNMARKED_AFTER_DROP);
        sub.shared("unmark", m -> {
            m.store(reference, PLAIN);
            return late ? "clear" : "drop";
        });
        drop(sub, "drop", late ? "unmark" : "clear");
        sub.shared("clear", m -> {
            m.store(reference, 0);
            return m.end();
        });
    }

    private String lettingGo() {
        return w.is(Mutation.ENDS_UNMARKED_AFTER_DROP) ? "drop" : "unmark";
    }

    /** Is bound, and lets go. */
    Consumer<Actor> letGo() {
        return actor -> {
            Sub main = actor.code.sub("main");
            int reference = reference(actor, true);
            letGo(main, reference);
            actor.start = main.pc(lettingGo());
        };
    }

    /** Is bound, gives a handle away, and lets go. */
    Consumer<Actor> give() {
        return actor -> {
            Sub main = actor.code.sub("main");
            int reference = reference(actor, true);
            givers.add(actor);
            boolean late = w.is(Mutation.ENDS_PIN_COUNTED_LATE);
            main.shared("count", m -> {
                m.add(count, 1);
                return "pin";
            });
            main.shared("pin", m -> {
                m.cas(token, 0, 1);
                return late ? lettingGo() : "send";
            });
            main.shared("send", m -> {
                m.store(handle, 1);
                return late ? "count" : lettingGo();
            });
            letGo(main, reference);
            actor.start = main.pc(late ? "send" : "count");
        };
    }

    /** Takes the handle, perhaps as the second who does, binds, and lets go. */
    Consumer<Actor> take() {
        return actor -> {
            Sub main = actor.code.sub("main");
            takers.add(actor);
            int reference = reference(actor, false);
            boolean early = w.is(Mutation.ENDS_MARKED_BEFORE_COUNT);
            actor.start = actor.code.entries.size();
            main.shared("take", m -> {
                if (m.peek(handle) == 0) {
                    return m.block();
                }
                m.store(handle, 2);
                return "refer";
            });
            main.shared("refer", m -> {
                m.store(reference, PLAIN);
                return early ? "mark" : "count";
            });
            main.shared("count", m -> {
                m.add(count, 1);
                return early ? "claim" : "mark";
            });
            main.shared("mark", m -> {
                m.store(reference, COUNTED);
                return early ? "count" : "claim";
            });
            main.shared("claim", m -> m.cas(token, 1, 0) || w.is(Mutation.ENDS_PIN_DROPPED_UNCLAIMED) ? "pin" : "tell");
            drop(main, "pin", "tell");
            main.shared("tell", m -> {
                m.store(unpinned, 1);
                return lettingGo();
            });
            letGo(main, reference);
        };
    }

    /** Sweeps, and lets go of the pin when its handle has arrived or nobody is left who could take it. */
    Actor agent() {
        return w.agent(actor -> {
            Sub sub = actor.code.sub("agent");
            int dead = sub.result();
            int forgotten = sub.result();
            actor.start = actor.code.entries.size();
            sub.shared("look", m -> {
                for (Shared.Client client : clients) {
                    if (m.s[client.dead] != 0 && m.s[client.state] == Shared.Client.LIVE) {
                        m.own(client.state, Shared.Client.SWEEPING);
                        m.set(dead, client.number);
                        return "sweep";
                    }
                }
                boolean unsent = m.s[handle] == 0 && givers.stream().allMatch(a -> a.dead(m.s));
                boolean lost = unsent || m.s[handle] != 0 && takers.stream().allMatch(a -> a.ended(m.s));
                if (m.get(forgotten) == 0 && (m.s[unpinned] != 0 || lost)) {
                    m.set(forgotten, 1);
                    return "claim";
                }
                return m.block();
            });
            sub.shared("sweep", m -> {
                int swept = clients.indexOf(w.clients.get(m.take(dead) - 2));
                boolean counted = m.s[references.get(swept)] == COUNTED;
                m.store(references.get(swept), 0);
                m.own(clients.get(swept).state, Shared.Client.FREE);
                return counted ? "drop" : "look";
            });
            drop(sub, "drop", "look");
            sub.shared("claim", m -> {
                if (m.s[handle] == 1) {
                    m.store(handle, 2);
                }
                return m.cas(token, 1, 0) ? "pin" : "look";
            });
            drop(sub, "pin", "look");
        });
    }

    /** In the end nobody has it: it is closed, unless who was to do so was killed. Then the audit does. */
    @Nullable
    String check(int[] s) {
        boolean death = w.actors.stream().anyMatch(a -> a.dead(s));
        return death || s[closed] != 0 ? null : "nobody has the end, and it is open";
    }
}
