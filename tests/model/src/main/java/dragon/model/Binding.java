package dragon.model;

import dragon.model.Code.Sub;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Section 8, binding against the agent's audit: one object that dies with its last reference, and whose memory becomes another object at once. */
final class Binding {
    private static final int DEAD = 0;
    private static final int LIVE = 1;
    private static final int DYING = 2;
    private static final int OLD = 7;
    private static final int NEW = 8;

    private final World w;
    private final int id;
    private final int state;
    private final int mailbox;
    private final List<Integer> references = new ArrayList<>();

    Binding(World w) {
        this.w = w;
        id = w.word("id");
        state = w.word("state", s -> List.of("DEAD", "LIVE", "DYING").get(s));
        mailbox = w.word("releases in the mailbox");
        w.initially(id, OLD);
        w.initially(state, LIVE);
    }

    /** A client with one place for a reference, bound from the beginning or not. */
    private int reference(Actor actor, boolean bound) {
        int reference = w.word(actor.name + ".reference");
        w.initially(reference, bound ? 1 : 0);
        references.add(reference);
        return reference;
    }

    /** Is bound, and lets go. */
    Consumer<Actor> letGo() {
        return actor -> {
            int reference = reference(actor, true);
            Sub main = actor.code.sub("main");
            actor.start = actor.code.entries.size();
            release(main, reference);
        };
    }

    private void release(Sub main, int reference) {
        main.shared("clear", m -> {
            m.store(reference, 0);
            return "tell the agent";
        });
        main.shared("tell the agent", m -> {
            m.add(mailbox, 1);
            return m.end();
        });
    }

    /** Binds to the old object by its handle; if that succeeds, uses it and lets go. */
    Consumer<Actor> bind() {
        return actor -> {
            int reference = reference(actor, false);
            Kit kit = new Kit(actor);
            boolean idFirst = w.is(Mutation.ID_BEFORE_STATE);
            Sub main = actor.code.sub("main");
            actor.start = actor.code.entries.size();
            main.shared("refer", m -> {
                m.store(reference, 1);
                return "fence";
            });
            kit.fence(main, "fence", idFirst ? "id" : "state", !w.is(Mutation.NO_FENCE_IN_BIND));
            main.shared("state", m -> switch (m.load(state)) {
                case LIVE -> idFirst ? "bound" : "id";
                case DYING -> m.peek(id) == OLD ? m.block() : "clear";
                default -> "clear";
            });
            main.shared("id", m -> m.load(id) != OLD ? "clear" : idFirst ? "state" : "bound");
            main.shared("bound", m -> m.load(id) == OLD ? "use" : m.fail("bound to an object that is another by now"));
            main.shared(
                    "use",
                    m -> m.load(id) == OLD && m.s[state] != DEAD ? "clear" : m.fail("used an object that is gone"));
            release(main, reference);
        };
    }

    /** Makes another object of the old one's memory, as soon as that is free, and keeps it. */
    Consumer<Actor> create() {
        return actor -> {
            int reference = reference(actor, false);
            Sub main = actor.code.sub("main");
            actor.start = actor.code.entries.size();
            main.shared("take", m -> {
                if (m.peek(state) != DEAD || m.peek(id) != 0) {
                    return m.block();
                }
                m.store(reference, 1);
                return "live";
            });
            main.shared("live", m -> {
                m.store(state, LIVE);
                return "name";
            });
            main.shared("name", m -> {
                m.store(id, NEW);
                return m.end();
            });
        };
    }

    Actor agent() {
        return w.agent(actor -> {
            Kit kit = new Kit(actor);
            Sub sub = actor.code.sub("audit");
            int i = sub.result();
            int second = sub.result();
            actor.start = actor.code.entries.size();
            sub.shared("mailbox", m -> {
                if (m.peek(mailbox) == 0) {
                    return m.block();
                }
                m.add(mailbox, -1);
                return "look";
            });
            sub.shared("look", m -> {
                boolean found = m.load(references.get(m.get(i))) != 0;
                m.set(i, m.get(i) + 1);
                if (!found && m.get(i) < references.size()) {
                    return "look";
                }
                m.set(i, 0);
                int look = m.take(second);
                return found ? look == 0 ? "mailbox" : "live again" : look == 0 ? "dying" : "no id";
            });
            sub.shared("dying", m -> {
                if (m.s[state] != LIVE || m.s[id] == 0) {
                    return "mailbox";
                }
                m.cas(state, LIVE, DYING);
                m.set(second, 1);
                return w.is(Mutation.NO_SECOND_LOOK_AT_REFERENCES) ? "no id" : "fence";
            });
            kit.fence(sub, "fence", "look", true);
            sub.shared("live again", m -> {
                m.store(state, LIVE);
                return "mailbox";
            });
            sub.shared("no id", m -> {
                m.set(second, 0);
                m.store(id, 0);
                return "dead";
            });
            sub.shared("dead", m -> {
                m.store(state, DEAD);
                return "mailbox";
            });
        });
    }

    /** Nothing lives without a reference. */
    @Nullable
    String check(int[] s) {
        boolean used = references.stream().anyMatch(r -> s[r] != 0);
        return used || s[id] == 0 ? null : "the object lives on with no reference: a leak";
    }
}
