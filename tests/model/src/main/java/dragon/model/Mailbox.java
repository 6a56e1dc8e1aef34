package dragon.model;

import dragon.model.Code.Sub;
import org.jspecify.annotations.Nullable;

/**
 * Sections 8 and 10, the agent's two threads: one sweeps, the other reads the mailbox and tells everyone of what the sweeps left, after the dead ones' numbers are free. The second is called by a flag and its record,
 * under the lock that both hold while they work.
 */
final class Mailbox {
    private static final int LETTERS = 4;

    final Channel channel;
    private final World w;
    private final int called;
    private final int news;
    private final int lock;
    private final int letters; // of the agent's own: only a mutation writes such
    private final Shared.Client agent;
    private final Shared.Record reader;

    /** {@code senders}: who write one letter each. */
    Mailbox(World w, int senders) {
        this.w = w;
        channel = new Channel(w, "mailbox", LETTERS, false, new Messages(w, senders + 1, 2), false, false);
        letters = senders;
        called = w.word("called");
        news = w.word("news", Integer::toBinaryString);
        lock = w.word("agent's lock");
        agent = new Shared.Client(w, World.AGENT, "agent");
        reader = new Shared.Record(w, agent, "teller", w.records.size());
        w.records.add(reader);
        w.checks.add(this::check);
    }

    /** The thread that sweeps holds the lock now, or cannot go on yet. */
    boolean lock(Machine m) {
        m.fence();
        if (m.s[lock] != 0) {
            m.block();
            return false;
        }
        m.own(lock, 1);
        return true;
    }

    /** There is news of that object, for the other thread to tell. */
    void add(Machine m, Shared.Thing object) {
        m.own(news, m.s[news] | 1 << object.id);
    }

    /** The end of a sweep: adds the steps that call the thread that tells, if it has something to do, and let the lock go. */
    void call(Sub sub, Kit kit, String label, String next) {
        boolean byLetter = w.is(Mutation.TELLER_CALLED_BY_A_LETTER);
        sub.shared(label, m -> {
            if (m.s[news] == 0 || m.load(called) != 0) {
                return "unlock";
            }
            m.store(called, 1);
            return byLetter ? "letter" : "call fence";
        });
        if (byLetter) {
            int value = sub.result();
            int count = sub.result();
            Attempt send = channel.new Send(kit, value);
            sub.local("letter", m -> {
                m.set(value, channel.messages.number(letters, m.get(count)));
                m.set(count, m.get(count) + 1);
                return send.call(m, sub, "letter sent");
            });
            sub.local("letter sent", m -> {
                send.outcome(m);
                return "unlock";
            });
        }
        kit.fence(sub, "call fence", "call", !w.is(Mutation.TELLER_CALLED_WITHOUT_FENCE));
        sub.shared("call", m -> {
            int word = m.load(reader.word);
            if (Words.waitState(word) == Words.PARKED) {
                m.cas(reader.word, word, Words.record(Words.generation(word), 0, Words.NEWS));
                return "call wake";
            }
            return Words.waitState(word) == Words.IDLE || w.is(Mutation.TELLER_WOKEN_IF_PARKED_ONLY)
                    ? "unlock"
                    : "call wake";
        });
        sub.shared("call wake", m -> {
            Choose.wake(m, reader);
            return "unlock";
        });
        sub.shared("unlock", m -> {
            m.store(lock, 0);
            return next;
        });
    }

    /** The thread that reads and tells. */
    Actor teller() {
        return w.thread("teller", agent, reader, actor -> {
            Kit kit = new Kit(actor);
            Wait wait = new Wait(kit, channel.receivers(), new LetterOrCall(kit), 0);
            Attempt receive = channel.new Receive(kit);
            Sub main = actor.code.sub("main");
            int told = main.result();
            actor.start = actor.code.entries.size();
            main.local("wait", m -> wait.call(m, main, "waited"));
            main.local("waited", m -> {
                wait.done(m);
                return "lock";
            });
            main.shared("lock", m -> lock(m) ? "clear" : Code.ELSEWHERE);
            main.shared("clear", m -> {
                m.store(called, 0);
                return "read";
            });
            main.local("read", m -> receive.call(m, main, "one read"));
            main.local("one read", m -> receive.outcome(m) != Attempt.FAILED ? "read" : "news");
            main.shared("news", m -> {
                m.set(told, m.s[news]);
                m.own(news, 0);
                return m.get(told) != 0 ? "target" : "unlock";
            });
            Tell.emit(w, main, (m, client) -> false, (m, object) -> (m.get(told) >> object & 1) != 0, m -> {
                m.set(told, 0);
                return "unlock";
            });
            main.shared("unlock", m -> {
                m.store(lock, 0);
                return "wait";
            });
        });
    }

    /** Looks whether a letter is ready, or the flag is set. */
    private final class LetterOrCall implements Attempt {
        private final Sub sub;
        private final int result;
        private final Channel.Poll poll;

        LetterOrCall(Kit kit) {
            poll = channel.new Poll(kit);
            sub = kit.actor.code.sub("letter or call");
            result = sub.result();
            sub.shared("flag", m -> {
                if (m.load(called) == 0 || w.is(Mutation.TELLER_IGNORES_ITS_FLAG)) {
                    return poll.call(m, sub, "looked");
                }
                m.set(result, LOOKED);
                return sub.leave(m);
            });
            sub.local("looked", m -> {
                m.set(result, poll.outcome(m));
                return sub.leave(m);
            });
        }

        @Override
        public String call(Machine m, Sub caller, String back) {
            return sub.enter(m, caller, back, "flag");
        }

        @Override
        public int outcome(Machine m) {
            return m.take(result);
        }
    }

    /** All news is told; all letters are read, unless one is stopped with what would have called their reader. */
    private @Nullable String check(int[] s) {
        if (s[news] != 0 || s[called] != 0) {
            return "who tells sleeps, and has something to tell";
        }
        boolean stopped = w.actors.stream().anyMatch(a -> a.stopped(s) && !a.dead(s));
        if (!stopped && channel.messages.ready(s, channel.object.data()) > 0) {
            return "the mailbox's reader sleeps before a letter: lost wake-up";
        }
        return channel.messages.lost(s, channel.object.data());
    }
}
