package dragon.model;

import dragon.model.Code.Sub;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Section 9, tasks: which messages of a channel are not done with. What a client has in hand stands in its reference; the object's body is {@code version << 8 | balance}.
 *
 * <p>The judge counts what is really left, outside the protocol: each message counts from the step that publishes it to the step that makes it done, or to the sweep of who had it in hand.
 */
final class Tasks {
    static final int IDLE = 0;
    static final int WATCHING = 1;
    static final int SEEN = 2;

    /** One more in hand; below are those of which it is not sure yet: being claimed, or being done. */
    static final int ONE = 16;

    final World w;
    final Channel channel;
    final Shared.Thing thing;
    final int lost;
    final int left;
    final int forOthers;
    final int took;
    final Map<Shared.Client, Hand> hands = new LinkedHashMap<>();
    private final List<Integer> moments = new ArrayList<>();

    /** What a client has in hand: by its reference, and really; and whether it ended in order. */
    record Hand(int reference, int really, int orderly) {}

    /** {@code ready}: how many messages lie in the channel from the beginning; one more than there are senders' is the last one's. */
    Tasks(World w, Channel channel, int ready) {
        this.w = w;
        this.channel = channel;
        thing = new Shared.Thing(w, "tasks").queue(w, "joiners", w.queueCapacity);
        lost = w.word("lost");
        left = w.word("really left");
        forOthers = w.word("really done for others");
        took = w.word("took for others");
        w.initially(left, ready);
        channel.published = m -> really(m, 1);
        channel.claimed = m -> m.s[hand(m.me).really]++;
    }

    Hand hand(Actor actor) {
        return hands.computeIfAbsent(
                actor.client,
                c -> new Hand(
                        w.word(actor.name + ".in hand"),
                        w.word(actor.name + ".really in hand"),
                        w.word(actor.name + ".orderly")));
    }

    static int tasks(int reference) {
        return reference >> 4;
    }

    static int word(int word, int done, int change) {
        return (word >> 8) + done << 8 | (byte) word + change & 255;
    }

    void really(Machine m, int change) {
        m.s[left] += change;
        for (int moment : moments) {
            if (m.s[left] == 0 && m.s[moment] == WATCHING) {
                m.s[moment] = SEEN;
            }
        }
    }

    /** The judge watches an operation of the actor's: was there a moment in it at which nothing was left? */
    int moment(Actor actor) {
        int moment = w.word(actor.name + ".saw none left");
        moments.add(moment);
        return moment;
    }

    void watch(Machine m, int moment) {
        m.s[moment] = m.s[left] == 0 ? SEEN : WATCHING;
    }

    Hand hand(int i) {
        return List.copyOf(hands.values()).get(i);
    }

    /** Of what a client has in hand those that are not being claimed or done: none, where it is being swept. */
    int sure(Machine m, int i) {
        Shared.Client client = List.copyOf(hands.keySet()).get(i);
        boolean swept = m.s[client.state] == Shared.Client.SWEEPING && !w.is(Mutation.TASKS_OF_THE_SWEPT_ARE_SURE);
        return swept ? 0 : sure(m.load(hand(i).reference));
    }

    /** What the sweep does at the dead client's reference, from "next tasks" on; then it goes on at {@code tell} if somebody waits, else at {@code next}. */
    void sweep(Sub sub, Kit kit, int client, String tell, String next) {
        sub.local("next tasks", m -> m.peek(dead(m, client).reference) == 0 ? next : "leave tasks");
        sub.shared("leave tasks", m -> {
            Hand hand = dead(m, client);
            int inHand = sure(m.peek(hand.reference));
            int balance = (byte) m.s[thing.body];
            boolean orderly = m.s[hand.orderly] != 0;
            int change = orderly ? inHand : Math.min(inHand, Math.max(0, -balance));
            if (w.is(Mutation.TASKS_DEAD_ARE_NOT_DONE_FOR)) {
                change = orderly ? inHand : 0;
            }
            m.cas(thing.body, m.s[thing.body], word(m.s[thing.body], 1, change));
            judge(m, hand, orderly);
            return orderly ? "clear tasks" : "lose tasks";
        });
        sub.shared("lose tasks", m -> {
            m.add(lost, sure(m.peek(dead(m, client).reference)));
            return "clear tasks";
        });
        sub.shared("clear tasks", m -> {
            Hand hand = dead(m, client);
            m.store(hand.reference, 0);
            return w.is(Mutation.TASKS_SWEEP_IS_SILENT) ? next : "fence tasks";
        });
        kit.fence(sub, "fence tasks", "anyone joins", true);
        sub.shared("anyone joins", m -> m.load(thing.queues.get(0).waiting) == 0 ? next : tell);
    }

    private void judge(Machine m, Hand hand, boolean orderly) {
        int really = m.s[hand.really];
        m.s[hand.really] = 0;
        if (orderly) {
            m.s[forOthers] -= really;
        } else {
            int forIt = Math.min(sure(m.peek(hand.reference)), Math.max(0, m.s[forOthers]));
            m.s[forOthers] -= forIt;
            really(m, forIt - really);
        }
    }

    private static int sure(int reference) {
        return tasks(reference) - (reference & 15);
    }

    /** Whether it cannot be told from what stands in memory now whether any is left. */
    boolean unsure(int[] s) {
        int sum = (byte) s[thing.body] + (int) channel.messages.ready(s, channel.object.data());
        int unsure = 0;
        for (Map.Entry<Shared.Client, Hand> each : hands.entrySet()) {
            int reference = s[each.getValue().reference];
            sum += tasks(reference);
            unsure += s[each.getKey().state] == Shared.Client.SWEEPING ? tasks(reference) : reference & 15;
        }
        return sum > 0 && sum <= unsure;
    }

    private Hand dead(Machine m, int client) {
        return hands.getOrDefault(w.clients.get(m.get(client) - 2), NONE);
    }

    private static final Hand NONE = new Hand(0, 0, 0);

    @Nullable
    String check(int[] s) {
        if (s[left] < 0) {
            return "more are done than there were";
        }
        int sum = (byte) s[thing.body] + (int) channel.messages.ready(s, channel.object.data());
        for (Hand hand : hands.values()) {
            sum += tasks(s[hand.reference]);
        }
        for (Actor actor : w.actors) {
            boolean waits = !actor.isAgent() && !actor.dead(s) && !actor.ended(s);
            if (waits && s[actor.record.waitObject] == thing.id && s[left] == 0) {
                return actor.name + " waits for tasks, and none is left: lost wake-up";
            }
        }
        return sum == s[left] ? null : s[left] + " are left, and they add up to " + sum;
    }
}
