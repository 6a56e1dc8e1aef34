package dragon.model;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The configurations that are explored. */
final class Scenarios {
    private final List<Scenario> all = new ArrayList<>();

    private Scenarios() {
        channels();
        rings();
        objects();
        memory();
        tasks();
        barriers();
        mailbox();
        stopped();
    }

    static List<Scenario> all() {
        return new Scenarios().all;
    }

    static Scenario named(String name) {
        return all().stream().filter(s -> s.name().equals(name)).findFirst().orElseThrow();
    }

    private interface Fill {
        void in(World w);
    }

    private void add(String name, int deaths, boolean big, boolean storeBuffers, Fill fill) {
        all.add(new Scenario(name, deaths, big, mutations -> {
            World w = new World(storeBuffers, mutations);
            w.checks.add(state -> leftovers(w, state));
            fill.in(w);
            return w;
        }));
    }

    /** What a dead client has left behind once its sweep is over. */
    private static @Nullable String leftovers(World w, int[] s) {
        for (Shared.Client client : w.clients) {
            if (s[client.dead] == 0) {
                continue;
            }
            if (s[client.state] != Shared.Client.FREE) {
                return client.name + " is dead and was not swept";
            }
            for (Shared.Ring ring : w.rings) {
                for (int i = 0; i < ring.capacity; i++) {
                    if (Words.owner(s[ring.word(i)]) == client.number) {
                        return w.name(ring.word(i)) + " still belongs to the dead " + client.name;
                    }
                }
            }
        }
        for (Shared.Block block : w.blocks) {
            int owner = Words.owner(s[block.word]);
            if (Words.blockState(s[block.word]) == Words.HELD) {
                return "block " + block.number + " is held by client " + owner + " for ever";
            }
        }
        return null;
    }

    private static Channel channel(World w, int capacity, int senders, int each) {
        Channel channel = new Channel(w, "channel", capacity, true, new Messages(w, senders, each), false, false);
        w.checks.add(s -> channel.check(w, s));
        return channel;
    }

    private void channels() {
        add("two senders, two receivers", 0, false, false, w -> {
            Channel c = channel(w, 2, 2, 1);
            w.process("S1", Script.send(c, 0, 1));
            w.process("S2", Script.send(c, 1, 1));
            w.process("R1", Script.receive(c, 1, 0));
            w.process("R2", Script.receive(c, 1, 0));
        });
        add("three senders, one receiver, two deaths", 2, true, false, w -> {
            Channel c = channel(w, 2, 3, 1);
            w.process("S1", Script.send(c, 0, 1)).mortal();
            w.process("S2", Script.send(c, 1, 1)).mortal();
            w.process("S3", Script.send(c, 2, 1));
            w.process("R", Script.receive(c, 1, 0));
            Sweep.agent(w);
        });
        add("two senders, two receivers, a death", 1, false, false, w -> {
            Channel c = channel(w, 2, 2, 1);
            w.process("S1", Script.send(c, 0, 1)).mortal();
            w.process("S2", Script.send(c, 1, 1));
            w.process("R1", Script.receive(c, 1, 0)).mortal();
            w.process("R2", Script.receive(c, 1, 0));
            Sweep.agent(w);
        });
        add("one sender, two receivers, a death", 1, false, false, w -> {
            Channel c = channel(w, 2, 1, 2);
            w.process("S", Script.send(c, 0, 2)).mortal();
            w.process("R1", Script.receive(c, 1, 0)).mortal();
            w.process("R2", Script.receive(c, 1, 0));
            Sweep.agent(w);
        });
        add("two senders, one receiver, capacity 1, a death", 1, false, false, w -> {
            Channel c = channel(w, 1, 2, 1);
            w.process("S1", Script.send(c, 0, 1)).mortal();
            w.process("S2", Script.send(c, 1, 1));
            w.process("R", Script.receive(c, 2, 0)).mortal();
            Sweep.agent(w);
        });
        add("two senders, two receivers, three messages", 0, true, false, w -> {
            Channel c = channel(w, 2, 2, 2);
            w.process("S1", Script.send(c, 0, 2));
            w.process("S2", Script.send(c, 1, 1));
            w.process("R1", Script.receive(c, 2, 0));
            w.process("R2", Script.receive(c, 1, 0));
        });
        add("store buffers: sender and receiver", 0, false, true, w -> {
            Channel c = channel(w, 1, 1, 2);
            w.process("S", Script.send(c, 0, 2));
            w.process("R", Script.receive(c, 2, 0));
        });
        add("store buffers: sender and receiver, a death", 1, false, true, w -> {
            Channel c = channel(w, 1, 1, 1);
            w.process("S", Script.send(c, 0, 1)).mortal();
            w.process("R1", Script.receive(c, 1, 0)).mortal();
            w.process("R2", Script.receive(c, 1, 0));
            Sweep.agent(w);
        });
        add("sent together, two receivers, a death", 1, false, false, w -> {
            Channel c = channel(w, 2, 1, 2);
            w.process("S", Script.sendTogether(c, 0, 2)).mortal();
            w.process("R1", Script.receive(c, 1, 0)).mortal();
            w.process("R2", Script.receive(c, 1, 0));
            Sweep.agent(w);
        });
        add("received together, two senders, capacity 1, a death", 1, false, false, w -> {
            Channel c = channel(w, 1, 2, 1);
            w.process("S1", Script.send(c, 0, 1)).mortal();
            w.process("S2", Script.send(c, 1, 1));
            w.process("R", Script.receiveTogether(c, 2)).mortal();
            Sweep.agent(w);
        });
        add("sent and received together, store buffers", 0, false, true, w -> {
            Channel c = channel(w, 2, 1, 3);
            w.process("S", Script.sendTogether(c, 0, 3));
            w.process("R", Script.receiveTogether(c, 3));
        });
        add("watcher and taker", 1, false, false, w -> {
            Channel c = channel(w, 2, 1, 1);
            w.process("S", Script.send(c, 0, 1)).mortal();
            w.process("watcher", Script.watch(c, 1, 0)).mortal();
            w.process("taker", Script.receive(c, 1, 0)).mortal();
            Sweep.agent(w);
        });
        add("time limits", 0, false, false, w -> {
            Channel c = channel(w, 2, 1, 2);
            w.process("S", Script.send(c, 0, 2));
            w.process("timed", Script.receive(c, 2, 1, Wait.Manner.TIMED, Wait.Manner.REUSING));
            w.process("R", Script.receive(c, 2, 1));
        });
        add("interrupted after being chosen", 0, false, false, w -> {
            Channel c = channel(w, 2, 2, 1);
            w.process("S1", Script.send(c, 0, 1));
            w.process("S2", Script.send(c, 1, 1));
            w.process("hasty", Script.receive(c, 1, 0, Wait.Manner.INTERRUPTED));
            w.process("R", Script.receive(c, 2, 0));
        });
    }

    private void rings() {
        add("hints of their own: two senders, two receivers", 0, false, false, w -> {
            w.fineRings = true;
            Channel c = channel(w, 2, 2, 1);
            w.process("S1", Script.send(c, 0, 1));
            w.process("S2", Script.send(c, 1, 1));
            w.process("R", Script.receive(c, 2, 0));
        });
        add("growing ring with a late sender, a death", 1, false, false, w -> {
            w.spare(2);
            w.spare(2);
            Channel c = new Channel(w, "channel", 1, false, new Messages(w, 2, 2), false, false);
            w.checks.add(s -> c.check(w, s));
            w.process("S1", Script.send(c, 0, 2)).mortal();
            w.process("S2", Script.send(c, 1, 1));
            w.process("R", Script.receive(c, 3, 0));
            Sweep.agent(w);
        });
        add("growing wait queue, a death", 1, false, false, w -> {
            w.growingQueues = true;
            w.queueCapacity = 1;
            for (int i = 0; i < 3; i++) {
                w.spare(2);
            }
            Channel c = channel(w, 2, 1, 1);
            w.process("S", Script.send(c, 0, 1)).mortal();
            w.process("R1", Script.receive(c, 1, 0)).mortal();
            w.process("R2", Script.receive(c, 1, 0));
            Sweep.agent(w);
        });
        add("slots freed out of order, two senders wait", 0, false, false, w -> {
            Messages messages = new Messages(w, 3, 2);
            Channel c = new Channel(w, "channel", 2, true, messages, false, false);
            messages.initially(c.object.data().first, Words.position(0, 0), messages.number(2, 0));
            messages.initially(c.object.data().first, Words.position(0, 1), messages.number(2, 1));
            w.checks.add(s -> c.check(w, s));
            w.process("S1", Script.send(c, 0, 1));
            w.process("S2", Script.send(c, 1, 1));
            w.process("R1", Script.receive(c, 1, 0));
            w.process("R2", Script.receive(c, 1, 0));
        });
        add("blocks, a death", 1, false, false, w -> {
            Messages messages = new Messages(w, 1, 2);
            new Shared.Block(w, 1);
            new Shared.Block(w, 2);
            Channel c = new Channel(w, "channel", 2, true, messages, true, false);
            w.checks.add(s -> c.check(w, s));
            w.process("S", Script.send(c, 0, 2)).mortal();
            w.process("R1", Script.receive(c, 1, 0)).mortal();
            w.process("R2", Script.receive(c, 1, 0));
            Sweep.agent(w);
        });
        add("end of stream, a death", 1, false, false, w -> {
            Channel c = new Channel(w, "channel", 2, true, new Messages(w, 2, 1), false, true);
            w.checks.add(s -> c.check(w, s));
            Actor s1 = w.process("S1", Script.send(c, 0, 1)).mortal();
            Actor s2 = w.process("S2", Script.send(c, 1, 1));
            w.process("R", Script.receive(c, 3, 0));
            Sweep.agent(w, new Sweep.Ends(c, List.of(s1, s2)));
        });
        add("closed by a call, receivers wait", 0, false, false, w -> closed(w));
        add("closed by a call, receivers wait, a death", 1, true, false, w -> {
            closed(w);
            w.actors.forEach(Actor::mortal);
            Sweep.agent(w);
        });
        add("closed by a call, senders wait", 0, false, false, w -> {
            Messages messages = new Messages(w, 3, 1);
            Channel c = new Channel(w, "channel", 1, true, messages, false, true);
            messages.initially(c.object.data().first, Words.position(0, 0), messages.number(2, 0));
            c.closable = true;
            w.checks.add(s -> c.check(w, s));
            w.process("S1", Script.send(c, 0, 1));
            w.process("S2", Script.send(c, 1, 1));
            w.process("R", Script.receive(c, 1, 0));
            w.process("closer", Script.close(c, 2));
        });
        add("end of stream in a ring that grew", 0, false, false, w -> {
            w.spare(2);
            w.spare(2);
            Messages messages = new Messages(w, 2, 1);
            Channel c = new Channel(w, "channel", 1, false, messages, false, true);
            messages.initially(c.object.data().first, Words.position(0, 0), messages.number(1, 0));
            w.checks.add(s -> c.check(w, s));
            Actor s1 = w.process("S", Script.send(c, 0, 1));
            w.process("R1", Script.receive(c, 3, 0));
            w.process("R2", Script.receive(c, 3, 0));
            Sweep.agent(w, new Sweep.Ends(c, List.of(s1)));
        });
        add("a slow reader before the next ring, store buffers", 0, false, true, w -> {
            w.spare(2);
            w.spare(2);
            Messages messages = new Messages(w, 2, 1);
            Channel c = new Channel(w, "channel", 1, false, messages, false, false);
            messages.initially(c.object.data().first, Words.position(0, 0), messages.number(1, 0));
            w.checks.add(s -> c.check(w, s));
            w.process("S", Script.send(c, 0, 1));
            w.process("R1", Script.receive(c, 1, 0));
            w.process("R2", Script.receive(c, 1, 0));
        });
        add("end of the run, store buffers", 0, false, true, w -> {
            w.runState = w.word("run_state");
            w.initially(w.runState, World.RUNNING);
            Channel c = channel(w, 1, 1, 1);
            w.process("R1", Script.receive(c, 1, 0));
            w.process("R2", Script.receive(c, 1, 0));
            w.process("keeper", Script.endOfRun());
            w.checks.add(s ->
                    w.actors.stream().allMatch(a -> a.ended(s)) ? null : "somebody sleeps after the end of the run");
        });
        add("a process of two threads dies", 1, false, false, w -> {
            Channel c = channel(w, 2, 1, 1);
            w.process("S", Script.send(c, 0, 1));
            Actor first = w.process("R1", Script.receive(c, 1, 0)).mortal();
            w.secondThread("R1b", first, Script.receive(c, 1, 0)).mortal();
            w.process("R2", Script.receive(c, 1, 0));
            Sweep.agent(w);
        });
        add("a full wait queue is rotated, a death", 1, false, false, w -> {
            w.growingQueues = true;
            w.rotatingQueues = true;
            w.queueCapacity = 2;
            for (int i = 0; i < 3; i++) {
                w.spare(4);
            }
            Channel c = channel(w, 2, 1, 1);
            w.process("S", Script.send(c, 0, 1)).mortal();
            Actor first = w.process("R1", Script.receive(c, 1, 0)).mortal();
            w.process("R2", Script.receive(c, 1, 0));
            Shared.Ring ring = c.receivers().chain.first;
            int head = Words.position(0, 0);
            w.initially(first.record.word, Words.record(1, 0, Words.IDLE));
            w.initially(ring.word(head), Words.slot(0, Words.READY, 0));
            w.initially(ring.payload(head), Words.reference(first.record.index, 0));
            w.initially(ring.tail(), ring.following(head));
            w.initially(c.receivers().waiting, 1);
            Sweep.agent(w);
        });
        add("end of stream, store buffers", 0, false, true, w -> {
            Channel c = new Channel(w, "channel", 1, true, new Messages(w, 1, 1), false, true);
            w.checks.add(s -> c.check(w, s));
            Actor s1 = w.process("S", Script.send(c, 0, 1));
            w.process("R", Script.receive(c, 2, 0));
            Sweep.agent(w, new Sweep.Ends(c, List.of(s1)));
        });
        add("client number used again", 1, false, false, w -> {
            Channel c = channel(w, 2, 1, 1);
            Channel other = channel(w, 1, 1, 1);
            w.process("S", Script.send(c, 0, 1));
            Actor first = w.process("R1", Script.receive(c, 1, 0)).mortal();
            w.process("R2", Script.receive(c, 1, 0));
            w.thread("heir", first.client, first.record, Script.heir(Script.receive(other, 1, 0)));
            Sweep.agent(w);
        });
        add("wait on several, a death", 1, false, false, w -> {
            Channel a = channel(w, 1, 1, 1);
            Channel b = channel(w, 1, 1, 1);
            w.process("SA", Script.send(a, 0, 1)).mortal();
            w.process("SB", Script.send(b, 0, 1));
            w.process("both", WaitSeveral.watch(1, a, b)).mortal();
            w.process("RB", Script.receive(b, 1, 0));
            Sweep.agent(w);
        });
        add("one message, two receivers, a death", 1, false, false, w -> {
            Channel c = channel(w, 2, 1, 1);
            w.process("S", Script.send(c, 0, 1)).mortal();
            w.process("R1", Script.receive(c, 1, 0)).mortal();
            w.process("R2", Script.receive(c, 1, 0));
            Sweep.agent(w);
        });
        add("a second death in an abandoned slot", 1, false, false, w -> {
            Messages messages = new Messages(w, 3, 1);
            Channel c = new Channel(w, "channel", 2, true, messages, false, false);
            Shared.Ring ring = c.object.data().first;
            int first = Words.position(0, 0);
            w.initially(
                    ring.word(first),
                    w.is(Mutation.FREE_NOT_ABANDONED)
                            ? Words.slot(1, Words.FREE, 0)
                            : Words.slot(0, Words.ABANDONED, 0));
            messages.initially(ring, Words.position(0, 1), messages.number(2, 0));
            w.checks.add(s -> c.check(w, s));
            w.process("S1", Script.send(c, 0, 1)).mortal();
            w.process("S2", Script.send(c, 1, 1));
            w.process("R", Script.receive(c, 1, 0));
            Sweep.agent(w);
        });
        add("late hint, three rings", 0, true, false, w -> {
            for (int i = 0; i < 6; i++) {
                w.spare(1);
            }
            Messages messages = new Messages(w, 3, 3);
            Channel c = new Channel(w, "channel", 1, false, messages, false, false);
            messages.initially(c.object.data().first, Words.position(0, 0), messages.number(2, 0));
            w.checks.add(s -> c.check(w, s));
            w.process("S1", Script.send(c, 0, 3));
            w.process("S2", Script.send(c, 1, 1));
            w.process("R", Script.receive(c, 3, 0));
        });
        add("reference in a dead hand", 1, false, false, w -> {
            Channel c = channel(w, 2, 2, 1);
            w.process("S1", Script.send(c, 0, 1)).mortal();
            w.process("S2", Script.send(c, 1, 1));
            w.process("timed", Script.receive(c, 3, 0, Wait.Manner.TIMED, Wait.Manner.REUSING));
            Sweep.agent(w);
        });
        add("time limits, a death", 1, false, false, w -> {
            Channel c = channel(w, 2, 1, 1);
            w.process("S", Script.send(c, 0, 1)).mortal();
            w.process("timed", Script.receive(c, 2, 1, Wait.Manner.TIMED, Wait.Manner.REUSING));
            w.process("R", Script.receive(c, 1, 1, Wait.Manner.REUSING));
            Sweep.agent(w);
        });
    }

    private void objects() {
        add("lock, three contenders, a death", 1, false, false, w -> {
            Shared.Thing lock = Objects.object(w, "lock", 0);
            int inside = w.word("inside");
            w.process("A", Objects.lock(lock, inside, 1)).mortal();
            w.process("B", Objects.lock(lock, inside, 1));
            w.process("C", Objects.lock(lock, inside, 1));
            Sweep.agent(w, lock);
            w.checks.add(s -> Objects.sleeper(w, s, lock, v -> v == 0 || v == Words.DIED));
        });
        add("lock, its owner ends in order, a death", 1, false, false, w -> {
            Shared.Thing lock = Objects.object(w, "lock", 0);
            int inside = w.word("inside");
            Actor owner = w.process("A", Objects.lockAndLeave(lock, inside)).mortal();
            w.process("B", Objects.lock(lock, inside, 1));
            w.process("C", Objects.releaseFor(lock, inside, owner));
            Sweep.agent(w, lock);
            w.checks.add(s -> Objects.sleeper(w, s, lock, v -> v == 0 || v == Words.DIED));
        });
        add("semaphore, two units, three acquirers, a death", 1, false, false, w -> {
            Shared.Thing semaphore = Objects.object(w, "semaphore", 0);
            w.process("releaser", Objects.release(semaphore, 2, 2, 1)).mortal();
            w.process("A", Objects.acquire(semaphore, 1)).mortal();
            w.process("B", Objects.acquire(semaphore, 1));
            Sweep.agent(w);
            w.checks.add(s -> Objects.sleeper(w, s, semaphore, v -> v > 0));
        });
        add("event, two waiters, a death", 1, false, false, w -> {
            Shared.Thing event = Objects.object(w, "event", 0);
            w.process("setter", Objects.release(event, 1, 2, 1)).mortal();
            w.process("A", Objects.await(event)).mortal();
            w.process("B", Objects.await(event));
            Sweep.agent(w);
            w.checks.add(s -> Objects.sleeper(w, s, event, v -> v > 0));
        });
        add("condition, a waiter dies", 1, false, false, w -> condition(w, true, false));
        add("condition, a waiter or the notifier dies", 1, true, false, w -> condition(w, true, true));
        add("event set by a plain store, store buffers", 0, false, true, w -> {
            Shared.Thing event = Objects.object(w, "event", 0);
            w.process("setter", Objects.set(event, 2));
            w.process("A", Objects.await(event));
            w.process("B", Objects.await(event));
            w.checks.add(s -> Objects.sleeper(w, s, event, v -> v > 0));
        });
    }

    private void memory() {
        add("binding against the audit, store buffers", 0, false, true, w -> {
            Binding binding = new Binding(w);
            w.process("holder", binding.letGo());
            w.process("binder", binding.bind());
            w.process("second", binding.bind());
            w.process("creator", binding.create());
            binding.agent();
            w.checks.add(binding::check);
        });
        add("a handle on its way", 0, false, false, w -> life(w, false));
        add("a handle on its way, a death", 1, false, false, w -> life(w, true));
        add("a handle on its way, store buffers", 0, false, true, w -> life(w, false));
        add("ends: given, taken twice", 0, false, false, w -> ends(w, false));
        add("ends: given, taken twice, a death", 1, false, false, w -> ends(w, true));
        add("ends: given, taken twice, two deaths", 2, false, false, w -> ends(w, true));
        add("hints, three users", 0, true, false, w -> hints(w, 3, 2, false));
        add("hints, two users", 0, false, false, w -> hints(w, 2, 3, false));
        add("hints, two users, a death", 1, false, false, w -> hints(w, 2, 2, true));
    }

    private void mailbox() {
        add("mailbox: two letters, a death", 1, false, false, w -> {
            Mailbox box = new Mailbox(w, 2);
            w.process("S1", Script.send(box.channel, 0, 1)).mortal();
            w.process("S2", Script.send(box.channel, 1, 1));
            box.teller();
            Sweep.agent(w, box);
        });
        add("mailbox: a letter, store buffers, a death", 1, false, true, w -> {
            Mailbox box = new Mailbox(w, 1);
            w.process("S", Script.send(box.channel, 0, 1)).mortal();
            box.teller();
            Sweep.agent(w, box);
        });
        add("mailbox: another channel's waiter is told, a death", 1, false, false, w -> {
            Mailbox box = new Mailbox(w, 0);
            Channel c = channel(w, 2, 1, 1);
            w.process("S", Script.send(c, 0, 1)).mortal();
            w.process("R1", Script.receive(c, 1, 0)).mortal();
            w.process("R2", Script.receive(c, 1, 0));
            box.teller();
            Sweep.agent(w, box);
        });
        add("mailbox: one is stopped in a letter, another dies", 1, false, false, w -> {
            Mailbox box = new Mailbox(w, 1);
            Channel c = channel(w, 2, 1, 1);
            w.process("stopped", Script.send(box.channel, 0, 1)).stoppable();
            w.process("S", Script.send(c, 0, 1)).mortal();
            w.process("R", Script.receive(c, 1, 0));
            box.teller();
            Sweep.agent(w, box);
        });
    }

    private void stopped() {
        add("stopped: one of two senders, two receivers", 0, true, false, w -> {
            Stopped s = new Stopped(w, new Channel(w, "channel", 3, true, new Messages(w, 3, 1), false, false));
            w.process("S", Script.send(s.channel, 1, 1));
            w.process("R1", Script.receive(s.channel, 1, 0));
            w.process("R2", Script.receive(s.channel, 1, 0));
            s.stands(w.process("stopped", Script.send(s.channel, 0, 1)), 2);
        });
    }

    private void barriers() {
        add("barrier: two generations of two, a death", 1, false, false, w -> barrier(w, 2, 2, true, false));
        add("barrier: three parties, a death", 1, false, false, w -> barrier(w, 3, 1, true, false));
        add("barrier: the last one acts, a death", 1, false, false, w -> barrier(w, 2, 2, true, true));
        add("barrier: three generations of two", 0, false, false, w -> barrier(w, 2, 3, false, false));
        add("barrier: two generations of three, a death", 1, true, false, w -> barrier(w, 3, 2, true, false));
        add("barrier: a time limit", 0, false, false, w -> {
            Barrier b = new Barrier(w, 2, 2);
            w.process("A", b.pass(2, false, Wait.Manner.TIMED));
            w.process("B", b.pass(2, false));
            w.checks.add(s -> b.check(s, true));
        });
        add("barrier: the last one acts, a time limit", 0, false, false, w -> {
            Barrier b = new Barrier(w, 2, 2);
            w.process("A", b.pass(2, true, Wait.Manner.TIMED));
            w.process("B", b.pass(2, true));
            w.checks.add(s -> b.check(s, true));
        });
        add("barrier: reset", 0, false, false, w -> {
            Barrier b = new Barrier(w, 2, 4);
            w.process("A", b.pass(2, true));
            w.process("B", b.pass(2, true));
            w.process("R", b.reset());
            w.checks.add(s -> b.check(s, false));
        });
    }

    private static void barrier(World w, int parties, int rounds, boolean mortal, boolean acts) {
        Barrier b = new Barrier(w, parties, rounds);
        for (int i = 0; i < parties; i++) {
            w.process(String.valueOf((char) ('A' + i)), b.pass(rounds, acts)).mortal = mortal;
        }
        Sweep.agent(w);
        w.checks.add(s -> b.check(s, true));
    }

    private void tasks() {
        add("tasks: two workers, a joiner, a death", 1, false, false, w -> {
            Tasks t = tasks(w, 2);
            w.process("W1", TaskScript.work(t, 1, TaskScript.Fate.DONE)).mortal();
            w.process("W2", TaskScript.work(t, 1, TaskScript.Fate.DONE)).mortal();
            w.process("J", TaskScript.join(t));
            Sweep.agent(w, t);
        });
        add("tasks: one message for two workers, a death", 1, false, false, w -> {
            Tasks t = tasks(w, 1);
            w.process("W1", TaskScript.work(t, 1, TaskScript.Fate.DONE)).mortal();
            w.process("W2", TaskScript.work(t, 1, TaskScript.Fate.DONE)).mortal();
            w.process("J", TaskScript.join(t));
            Sweep.agent(w, t);
        });
        add("tasks: put meanwhile", 0, false, false, w -> {
            Tasks t = tasks(w, 1, 1);
            w.process("S", Script.send(t.channel, 0, 1));
            w.process("W1", TaskScript.work(t, 1, TaskScript.Fate.DONE));
            w.process("W2", TaskScript.work(t, 1, TaskScript.Fate.DONE));
            w.process("J", TaskScript.join(t));
        });
        add("tasks: done for another, a death", 1, true, false, w -> {
            Tasks t = tasks(w, 2);
            w.process("W1", TaskScript.work(t, 1, TaskScript.Fate.KEPT)).mortal();
            w.process("W2", TaskScript.work(t, 1, TaskScript.Fate.DONE)).mortal();
            w.process("P", TaskScript.sayDone(t, 1, true)).mortal();
            w.process("J", TaskScript.join(t));
            Sweep.agent(w, t);
        });
        add("tasks: too often done", 0, false, false, w -> {
            Tasks t = tasks(w, 1);
            w.process("W", TaskScript.work(t, 1, TaskScript.Fate.DONE));
            w.process("P", TaskScript.sayDone(t, 2, false));
            w.process("J", TaskScript.join(t));
        });
        add("tasks: left in order, a death", 1, false, false, w -> {
            Tasks t = tasks(w, 1);
            w.process("W", TaskScript.work(t, 1, TaskScript.Fate.LEFT_IN_ORDER)).mortal();
            w.process("P", TaskScript.sayDone(t, 1, true)).mortal();
            w.process("J", TaskScript.join(t));
            Sweep.agent(w, t);
        });
    }

    /** A channel in which {@code ready} messages lie, of 2 slots. */
    private static Tasks tasks(World w, int ready, int senders) {
        Messages messages = new Messages(w, senders + 1, 2);
        Channel c = new Channel(w, "channel", 2, true, messages, false, false);
        for (int i = 0; i < ready; i++) {
            messages.initially(c.object.data().first, Words.position(0, i), messages.number(senders, i));
        }
        Tasks t = new Tasks(w, c, ready);
        w.checks.add(s -> c.check(w, s));
        w.checks.add(t::check);
        return t;
    }

    private static Tasks tasks(World w, int ready) {
        return tasks(w, ready, 0);
    }

    private static void life(World w, boolean mortal) {
        Life life = new Life(w);
        w.process("giver", life.give()).mortal = mortal;
        w.process("taker", life.take()).mortal = mortal;
        w.process("holder", life.letGo()).mortal = mortal;
        life.agent();
        w.checks.add(life::check);
    }

    private static void ends(World w, boolean mortal) {
        EndCount ends = new EndCount(w);
        w.process("giver", ends.give()).mortal = mortal;
        w.process("taker", ends.take()).mortal = mortal;
        w.process("other taker", ends.take()).mortal = mortal;
        w.process("holder", ends.letGo()).mortal = mortal;
        ends.agent();
        w.checks.add(ends::check);
    }

    private static void hints(World w, int users, int rounds, boolean mortal) {
        Hints hints = new Hints(w, 2);
        for (int i = 0; i < users; i++) {
            w.process("user" + i, hints.use(rounds)).mortal = mortal;
        }
        hints.agent();
        w.checks.add(hints::check);
    }

    private static void closed(World w) {
        Channel c = new Channel(w, "channel", 2, true, new Messages(w, 1, 1), false, true);
        c.closable = true;
        w.checks.add(s -> c.check(w, s));
        w.process("S", Script.send(c, 0, 1));
        w.process("R1", Script.receive(c, 1, 0));
        w.process("R2", Script.receive(c, 1, 0));
        w.process("closer", Script.close(c, 2));
    }

    private static void condition(World w, boolean waiterDies, boolean notifierDies) {
        Condition c = new Condition(w);
        w.process("W1", c.await()).mortal = waiterDies;
        w.process("W2", c.await());
        w.process("N", c.notifying()).mortal = notifierDies;
        Sweep.agent(w, c.lock);
        w.checks.add(s -> c.check(w, s));
    }
}
