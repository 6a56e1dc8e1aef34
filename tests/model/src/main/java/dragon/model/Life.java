package dragon.model;

import dragon.model.Code.Sub;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Sections 8 and 10, the life of an object: references, a handle on its way with its pin, the letters in the mailbox, and the agent's audit. One object, one handle.
 *
 * <p>It is never freed while a handle of it is on its way or somebody is bound to it; it is freed in the end, unless the handle died in somebody's hands.
 */
final class Life {
    private static final int LETTERS = 8;
    private static final int FREE = 0;
    private static final int WRITING = 1;
    private static final int PIN = 2;
    private static final int UNPIN = 3;
    private static final int RELEASE = 4;
    private static final int ABANDONED = 5;

    private static final int DEAD = 0;
    private static final int LIVE = 1;
    private static final int DYING = 2;

    private final World w;
    private final int state;
    private final int handle;
    private final int tail;
    private final int pins;
    private @Nullable Actor giver;
    private final List<Integer> letters = new ArrayList<>();
    private final List<Integer> writers = new ArrayList<>();
    private final List<Integer> references = new ArrayList<>();
    private final List<Shared.Client> clients = new ArrayList<>();

    Life(World w) {
        this.w = w;
        state = w.word("state", s -> List.of("DEAD", "LIVE", "DYING").get(s));
        handle =
                w.word("handle", h -> List.of("not sent", "on its way", "taken").get(h));
        tail = w.word("mailbox.tail");
        pins = w.word("pins");
        for (int i = 0; i < LETTERS; i++) {
            letters.add(w.word(
                    "letter" + i,
                    l -> List.of("FREE", "WRITING", "PIN", "UNPIN", "RELEASE", "ABANDONED")
                            .get(l)));
            writers.add(w.word("letter" + i + ".writer"));
        }
        w.initially(state, LIVE);
    }

    private int reference(Actor actor, boolean bound) {
        int reference = w.word(actor.name + ".reference");
        w.initially(reference, bound ? 1 : 0);
        references.add(reference);
        clients.add(actor.client);
        return reference;
    }

    /** A letter: claimed, then published, then on at {@code next}. */
    private void mail(Actor actor, Sub sub, String label, int type, String next) {
        int at = sub.result();
        sub.shared(label, m -> {
            m.set(at, m.add(tail, 1));
            m.own(letters.get(m.get(at)), WRITING);
            m.own(writers.get(m.get(at)), actor.client.number);
            return label + " published";
        });
        sub.shared(label + " published", m -> {
            m.add(letters.get(m.take(at)), type - WRITING);
            return next;
        });
    }

    private void release(Actor actor, Sub sub, int reference) {
        sub.shared("clear", m -> {
            m.store(reference, 0);
            return "release";
        });
        mail(actor, sub, "release", RELEASE, "orderly");
        sub.own("orderly", m -> {
            m.own(actor.client.orderly, 1);
            return "exit";
        });
        sub.shared("exit", Machine::exit);
    }

    /** Whether the handle's maker was killed before it ended in order: then it dies with its maker. */
    private boolean killed(int[] s) {
        return giver != null && giver.dead(s) && s[giver.client.orderly] == 0;
    }

    /** Is bound, lets go, and ends in order. */
    Consumer<Actor> letGo() {
        return actor -> {
            Sub main = actor.code.sub("main");
            int reference = reference(actor, true);
            actor.start = actor.code.entries.size();
            release(actor, main, reference);
        };
    }

    /** Is bound, gives a handle away, lets go, and ends in order. */
    Consumer<Actor> give() {
        return actor -> {
            giver = actor;
            Sub main = actor.code.sub("main");
            int reference = reference(actor, true);
            boolean late = w.is(Mutation.PIN_AFTER_HANDLE);
            actor.start = actor.code.entries.size() + (late ? 2 : 0);
            mail(actor, main, "pin", PIN, late ? "clear" : "send");
            main.shared("send", m -> {
                m.store(handle, 1);
                return late ? "pin" : "clear";
            });
            release(actor, main, reference);
        };
    }

    /** Takes the handle, binds, says so, uses the object and lets go. */
    Consumer<Actor> take() {
        return actor -> {
            Sub main = actor.code.sub("main");
            int reference = reference(actor, false);
            boolean early = w.is(Mutation.UNPIN_BEFORE_REFERENCE);
            Kit kit = new Kit(actor);
            actor.start = actor.code.entries.size();
            main.shared("take", m -> {
                if (m.peek(handle) != 1) {
                    return m.block();
                }
                m.store(handle, 2);
                return early ? "unpin" : "refer";
            });
            main.shared("refer", m -> {
                m.store(reference, 1);
                return "fence";
            });
            kit.fence(main, "fence", "bind", true);
            main.shared("bind", m -> switch (m.load(state)) {
                case LIVE -> early ? "use" : "unpin";
                case DYING -> m.block();
                default -> killed(m.s) ? "clear" : m.fail("the object is gone, and its handle has just arrived");
            });
            mail(actor, main, "unpin", UNPIN, early ? "refer" : "use");
            main.shared("use", m -> m.load(state) != DEAD ? "clear" : m.fail("used an object that is gone"));
            release(actor, main, reference);
        };
    }

    /** Reads letters, audits, sweeps. */
    Actor agent() {
        return w.agent(actor -> {
            Kit kit = new Kit(actor);
            Sub sub = actor.code.sub("agent");
            int head = sub.result();
            int due = sub.result();
            int i = sub.result();
            int looking = sub.result(); // 0: no audit; 1: the first look; 2: the second
            int dead = sub.result();
            int forget = sub.result(); // the giver was killed: its pin goes when its letters are read
            actor.start = actor.code.entries.size();
            sub.shared("read", m -> {
                int letter = m.load(letters.get(m.get(head)));
                if (letter == FREE && m.take(forget) != 0) {
                    m.s[pins] = 0;
                    m.set(due, 1);
                }
                if (letter == WRITING || letter == FREE) {
                    return m.get(looking) != 0 ? judged(m, letter == FREE, due, looking) : begins(m, letter, due, dead);
                }
                m.s[pins] = Math.max(0, m.s[pins] + (letter == PIN ? 1 : letter == UNPIN ? -1 : 0));
                m.set(due, letter == UNPIN || letter == RELEASE ? 1 : m.get(due));
                m.set(head, m.get(head) + 1);
                return "read";
            });
            sub.local("first look", m -> {
                m.set(looking, 1);
                return "look";
            });
            sub.shared("look", m -> {
                boolean found = m.load(references.get(m.get(i))) != 0 || m.get(i) == 0 && m.s[pins] > 0;
                m.set(i, found ? 0 : (m.get(i) + 1) % references.size());
                if (found) {
                    return m.take(looking) == 2 ? "live again" : "read";
                }
                boolean blind = w.is(Mutation.AUDIT_READS_NO_LETTERS_AFTER_A_LOOK);
                return m.get(i) != 0 ? "look" : blind ? judged(m, true, due, looking) : "read";
            });
            sub.shared("dying", m -> {
                m.cas(state, LIVE, DYING);
                m.set(looking, 2);
                return "fence";
            });
            kit.fence(sub, "fence", "look", true);
            sub.shared("live again", m -> {
                m.store(state, LIVE);
                return "read";
            });
            sub.shared("dead", m -> {
                m.store(state, DEAD);
                return "read";
            });
            sub.shared("sweep letters", m -> {
                for (int l = 0; l < LETTERS; l++) {
                    if (m.s[letters.get(l)] == WRITING && m.s[writers.get(l)] == m.get(dead)) {
                        m.own(letters.get(l), ABANDONED);
                    }
                }
                return "sweep reference";
            });
            sub.shared("sweep reference", m -> {
                int swept = clients.indexOf(w.clients.get(m.take(dead) - 2));
                boolean forgets = giver != null && clients.get(swept) == giver.client;
                boolean orderly = m.s[clients.get(swept).orderly] != 0 && !w.is(Mutation.ORDERLY_PIN_FORGOTTEN);
                m.set(forget, forgets && !orderly && !w.is(Mutation.KILLED_PIN_KEPT) ? 1 : m.get(forget));
                m.store(references.get(swept), 0);
                m.own(clients.get(swept).state, Shared.Client.FREE);
                m.set(due, 1);
                return "read";
            });
        });
    }

    /** A look found nobody, and the letters that came meanwhile are read. */
    private String judged(Machine m, boolean drained, int due, int looking) {
        int look = m.take(looking);
        if (!drained || m.get(due) != 0 || m.s[pins] > 0) {
            m.set(due, 1);
            return look == 2 ? "live again" : "read";
        }
        return look == 2 ? "dead" : "dying";
    }

    private String begins(Machine m, int letter, int due, int dead) {
        for (Shared.Client client : clients) {
            boolean settled = w.actors.stream().noneMatch(a -> a.client == client && a.buffered(m.s));
            if (m.s[client.dead] != 0 && m.s[client.state] == Shared.Client.LIVE && settled) {
                m.own(client.state, Shared.Client.SWEEPING);
                m.set(dead, client.number);
                return "sweep letters";
            }
        }
        if (letter == WRITING || m.get(due) == 0) {
            return m.block();
        }
        m.set(due, 0);
        return m.peek(state) != LIVE ? "read" : "first look";
    }

    @Nullable
    String check(int[] s) {
        boolean used = references.stream().anyMatch(r -> s[r] != 0) || s[handle] == 1;
        boolean death = w.actors.stream().anyMatch(a -> a.dead(s));
        if (killed(s) && s[pins] > 0) {
            return "the pin of one who was killed stays";
        }
        if (s[pins] > 0 && !used && !death) {
            return "a pin stays, and nobody was killed";
        }
        return used || s[pins] > 0 || s[state] == DEAD ? null : "the object lives on, and nobody can reach it: a leak";
    }
}
