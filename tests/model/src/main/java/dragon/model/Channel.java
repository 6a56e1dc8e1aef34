package dragon.model;

import dragon.model.Code.Sub;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Section 9, the channel: the two attempts of a send and a receive, with their wakes and chains. */
final class Channel {
    final Shared.Thing object;
    final Messages messages;
    final boolean bounded;
    final boolean inBlocks;
    final boolean ends;

    /** Witness: a receiver was told of the end. */
    private final int endReported;

    /** Whether senders look whether it was closed by a call. */
    boolean closable;

    /** Told of each message in the step that publishes it, and in the one that claims it. */
    Consumer<Machine> published = m -> {};

    Consumer<Machine> claimed = m -> {};

    static final int NO_SENDERS = 1;
    static final int CLOSED_BY_CALL = 2;

    /** {@code inBlocks}: messages travel in blocks; {@code ends}: the channel ends with its last sender. */
    Channel(World w, String name, int capacity, boolean bounded, Messages messages, boolean inBlocks, boolean ends) {
        this.messages = messages;
        this.bounded = bounded;
        this.inBlocks = inBlocks;
        this.ends = ends;
        endReported = w.word(name + " end reported");
        object = new Shared.Thing(w, name);
        object.data = new Shared.Chain(w, name, capacity, !bounded);
        object.queue(w, "receivers", w.queueCapacity).queue(w, "senders", w.queueCapacity);
    }

    Shared.Queue receivers() {
        return object.queues.get(0);
    }

    Shared.Queue senders() {
        return object.queues.get(1);
    }

    /** One attempt to send the message in register {@code value}, or the block in hand. */
    final class Send implements Attempt {
        /** No register: one message at a time. */
        static final int ALONE = -1;

        private final Sub sub;
        private final int result;

        Send(Kit kit, int value) {
            this(kit, value, ALONE);
        }

        /** With one more message in register {@code more}, which is sent, too, if there is room: {@code value} is the last that was sent. One fence serves both. */
        Send(Kit kit, int value, int more) {
            World w = kit.w;
            Code c = kit.actor.code;
            ChainSend claim = new ChainSend(c, "send " + object.name, object.data(), w);
            RingSend room = new RingSend(c, "room " + object.name);
            Choose chooseReceiver = kit.choose(receivers());
            Choose chooseSender = kit.choose(senders());
            sub = c.sub("send " + object.name);
            result = sub.result();
            sub.shared("closed", m -> (m.load(object.body) & CLOSED_BY_CALL) != 0 ? closed(m, "leave") : "claim");
            sub.local("claim", m -> claim.call(m, sub, "claimed"));
            sub.local("claimed", m -> {
                if (claim.outcome(m) != RingSend.CLAIMED) {
                    return sub.leave(m);
                }
                m.set(result, TOOK);
                boolean again = closable && !w.is(Mutation.NO_SECOND_LOOK_AT_CLOSED);
                return again ? "closed meanwhile" : inBlocks ? "payload" : "publish";
            });
            sub.shared("closed meanwhile", m -> {
                boolean closed = (m.load(object.body) & CLOSED_BY_CALL) != 0;
                return closed ? "abandon" : inBlocks ? "payload" : "publish";
            });
            sub.shared("abandon", m -> {
                claim.abandon(m);
                return closed(m, "abandoned");
            });
            kit.fence(sub, "abandoned", "tell", true);
            sub.local("tell", m -> chooseReceiver.call(m, sub, "leave"));
            if (inBlocks) {
                Shared.Record me = kit.actor.record;
                sub.shared("payload", m -> {
                    m.store(claim.word(m) + 1, m.s[me.block]);
                    return "sent";
                });
                sub.shared("sent", m -> {
                    Shared.Block block = w.blocks.get((m.s[me.block] & 255) - 1);
                    m.store(block.word, Words.block(m.s[me.block] >> 8, Words.SENT, 0));
                    return "publish";
                });
            }
            sub.shared("publish", m -> {
                if (!inBlocks) {
                    m.own(claim.word(m) + 1, m.get(value));
                }
                claim.publish(m);
                if (m.s[endReported] != 0) {
                    return m.fail("a message is published after the end was reported");
                }
                messages.published(m, m.get(value));
                published.accept(m);
                return more != ALONE && m.get(more) != 0 ? "more" : "fence";
            });
            sub.local("more", m -> claim.call(m, sub, "claimed more"));
            sub.local("claimed more", m -> {
                if (claim.outcome(m) != RingSend.CLAIMED) {
                    return "fence";
                }
                m.set(value, m.take(more));
                return "publish";
            });
            kit.fence(sub, "fence", "wake", !w.is(Mutation.NO_FENCE_WAKER));
            sub.local(
                    "wake",
                    m -> chooseReceiver.call(
                            m,
                            sub,
                            bounded && !w.is(Mutation.NO_SENDER_CHAIN) && !w.is(Mutation.FLAG) ? "others" : "leave"));
            sub.local("leave", m -> sub.leave(m));
            if (bounded) {
                sub.shared("others", m -> m.load(senders().waiting) == 0 ? sub.leave(m) : "room");
                sub.local("room", m -> room.call(m, object.data().first.base, true, sub, "looked"));
                sub.local("looked", m -> {
                    boolean free = room.outcome(m) == RingSend.CLAIMED;
                    room.forget(m);
                    return free ? chooseSender.call(m, sub, "leave") : sub.leave(m);
                });
            }
        }

        @Override
        public String call(Machine m, Sub caller, String back) {
            return sub.enter(m, caller, back, closable ? "closed" : "claim");
        }

        @Override
        public int outcome(Machine m) {
            return m.take(result);
        }

        private String closed(Machine m, String next) {
            m.set(result, m.world.is(Mutation.CLOSED_KEEPS) ? TOOK : LOOKED);
            return next;
        }
    }

    /** One attempt to receive. */
    final class Receive implements Attempt {
        private static final int GOT = 1;
        private static final int END = 2;
        private final Sub sub;
        private final int result;
        private final int taken;

        Receive(Kit kit) {
            this(kit, 1);
        }

        /** Takes as many as are ready until it has {@code total} of all attempts together. One fence serves all. */
        Receive(Kit kit, int total) {
            World w = kit.w;
            Code c = kit.actor.code;
            Shared.Record me = kit.actor.record;
            sub = c.sub("receive " + object.name);
            int expected = sub.local();
            int closed = sub.local();
            result = sub.result();
            taken = sub.result();
            ChainReceive claim = new ChainReceive(c, "receive " + object.name, object.data(), w, m -> {});
            ChainReceive taking = new ChainReceive(c, "receive " + object.name, object.data(), w, m -> {
                int payload = m.s[payloadOfClaim(m)];
                int message = inBlocks ? payload == 0 ? 0 : m.s[w.blocks.get((payload & 255) - 1).content] : payload;
                m.set(expected, message);
                messages.taken(m, message);
                claimed.accept(m);
            });
            this.claim = taking;
            ChainReceive peek = claim;
            Choose chooseReceiver = kit.choose(receivers());
            Choose chooseSender = kit.choose(senders());
            boolean late = w.is(Mutation.CLOSED_AFTER_EMPTY);
            sub.shared("closed", m -> {
                m.set(closed, m.load(object.body));
                return "claim";
            });
            sub.local("claim", m -> taking.call(m, false, sub, "claimed"));
            sub.local("claimed", m -> {
                int outcome = taking.outcome(m);
                if (outcome == RingReceive.CLAIMED) {
                    m.set(result, GOT);
                    return inBlocks ? "hold" : "release";
                }
                if (outcome == RingReceive.PENDING && !w.is(Mutation.WRITING_IS_END)) {
                    return sub.leave(m);
                }
                if (ends && late) {
                    return "closed late";
                }
                return end(m, m.get(closed));
            });
            sub.shared("closed late", m -> end(m, m.load(object.body)));
            if (inBlocks) {
                // A block taken counts its generation up.
                sub.own("hold", m -> {
                    m.own(me.block, m.load(taking.payload(m)) + (1 << 8));
                    return w.is(Mutation.RELEASE_BEFORE_BLOCK) ? "release" : "take";
                });
                sub.shared("take", m -> {
                    int found = m.peek(block(m, me).word);
                    if (found != Words.block((m.s[me.block] >> 8) - 1, Words.SENT, 0)) {
                        return m.fail("takes block " + (m.s[me.block] & 255) + ", which is " + Words.showBlock(found));
                    }
                    m.store(block(m, me).word, Words.block(m.s[me.block] >> 8, Words.HELD, kit.actor.owner()));
                    return w.is(Mutation.RELEASE_BEFORE_BLOCK) ? "copy" : "release";
                });
                sub.shared("copy", m -> {
                    messages.returned(m, m.get(expected), m.load(block(m, me).content));
                    m.set(expected, 0);
                    return "free";
                });
                sub.shared("free", m -> {
                    m.store(block(m, me).word, Words.block(m.s[me.block] >> 8, Words.FREE, 0));
                    return "forget";
                });
                sub.own("forget", m -> {
                    m.own(me.block, 0);
                    return "fence";
                });
            }
            sub.shared("release", m -> {
                if (!inBlocks) {
                    // The payload of a slot being read stays as it is: one step with the release.
                    messages.returned(m, m.get(expected), m.load(taking.payload(m)));
                    m.set(expected, 0);
                }
                m.store(taking.word(m), taking.released(m));
                taking.forget(m);
                return !inBlocks
                        ? total == 1 ? "fence" : "more"
                        : w.is(Mutation.RELEASE_BEFORE_BLOCK) ? "take" : "copy";
            });
            sub.local("more", m -> {
                m.set(taken, m.get(taken) + 1);
                return m.get(taken) == total ? "fence" : taking.call(m, false, sub, "claimed more");
            });
            sub.local("claimed more", m -> taking.outcome(m) == RingReceive.CLAIMED ? "release" : "fence");
            kit.fence(sub, "fence", bounded ? "wake" : "others", !w.is(Mutation.NO_FENCE_WAKER));
            boolean chain = !w.is(Mutation.NO_CHAIN) && !w.is(Mutation.FLAG);
            if (bounded) {
                sub.local("wake", m -> chooseSender.call(m, sub, "others"));
            }
            if (chain) {
                boolean looksForEnd = ends && !w.is(Mutation.CHAIN_IGNORES_END);
                sub.shared(
                        "others", m -> m.load(receivers().waiting) == 0 ? sub.leave(m) : looksForEnd ? "end" : "peek");
                sub.shared("end", m -> m.load(object.body) != 0 ? "choose" : "peek");
                sub.local("choose", m -> chooseReceiver.call(m, sub, "leave"));
                sub.local("peek", m -> peek.call(m, true, sub, "looked"));
                sub.local("looked", m -> {
                    boolean ready = peek.outcome(m) == RingReceive.CLAIMED;
                    peek.forget(m);
                    return ready ? chooseReceiver.call(m, sub, "leave") : sub.leave(m);
                });
                sub.local("leave", m -> sub.leave(m));
            } else {
                sub.local("others", m -> sub.leave(m));
            }
        }

        private final ChainReceive claim;

        private String end(Machine m, int closed) {
            if (closed != 0) {
                m.set(result, END);
                m.own(endReported, 1);
                if (messages.ready(m.s, object.data()) > 0) {
                    return m.fail("the end is reported with a message left");
                }
            }
            return sub.leave(m);
        }

        private int payloadOfClaim(Machine m) {
            return claim.payload(m);
        }

        private Shared.Block block(Machine m, Shared.Record me) {
            return m.world.blocks.get((m.s[me.block] & 255) - 1);
        }

        @Override
        public String call(Machine m, Sub caller, String back) {
            return sub.enter(m, caller, back, ends && !m.world.is(Mutation.CLOSED_AFTER_EMPTY) ? "closed" : "claim");
        }

        @Override
        public int outcome(Machine m) {
            int r = m.get(result);
            if (r == END) {
                return m.world.is(Mutation.CLOSED_KEEPS) ? TOOK : LOOKED;
            }
            m.set(result, 0);
            return r == GOT ? TOOK : FAILED;
        }

        /** Messages of all attempts, where they are taken together. */
        int taken(Machine m) {
            return m.get(taken);
        }

        /** Whether the last success was the end of the stream. */
        boolean ended(Machine m) {
            return m.take(result) == END;
        }
    }

    /** Looks whether a message is ready, and takes none. */
    final class Poll implements Attempt {
        private final Sub sub;
        private final ChainReceive peek;

        Poll(Kit kit) {
            peek = new ChainReceive(kit.actor.code, "poll " + object.name, object.data(), kit.w, m -> {});
            sub = kit.actor.code.sub("poll " + object.name);
            sub.local("peek", m -> peek.call(m, true, sub, "leave"));
            sub.local("leave", m -> sub.leave(m));
        }

        @Override
        public String call(Machine m, Sub caller, String back) {
            return sub.enter(m, caller, back, "peek");
        }

        @Override
        public int outcome(Machine m) {
            boolean ready = peek.outcome(m) == RingReceive.CLAIMED;
            peek.forget(m);
            return ready ? LOOKED : FAILED;
        }
    }

    /** What is wrong in a state in which nobody can go on: a sleeper whose condition holds, a lost message. */
    @Nullable
    String check(World w, int[] s) {
        for (Actor actor : w.actors) {
            if (actor.isAgent() || actor.dead(s) || actor.ended(s) || s[actor.record.waitObject] != object.id) {
                continue;
            }
            if (s[actor.record.waitQueue] == receivers().waiting && ready(w, s)) {
                return actor.name + " sleeps with a ready message: lost wake-up";
            }
            if (s[actor.record.waitQueue] == receivers().waiting && ends && s[object.body] != 0) {
                return actor.name + " sleeps on a channel that has ended: lost wake-up";
            }
            if (s[actor.record.waitQueue] == senders().waiting && (s[object.body] & CLOSED_BY_CALL) != 0) {
                return actor.name + " sleeps on a closed channel: lost wake-up";
            }
            if (s[actor.record.waitQueue] == senders().waiting && bounded && room(s)) {
                return actor.name + " sleeps with room in the channel: lost wake-up";
            }
        }
        if (inBlocks) {
            long sent = w.blocks.stream()
                    .filter(b -> Words.blockState(s[b.word]) == Words.SENT)
                    .count();
            long ready = messages.ready(s, object.data());
            if (sent != ready) {
                return sent + " blocks are SENT, " + ready + " messages are ready: a block is lost";
            }
        }
        return messages.lost(s, object.data());
    }

    private boolean ready(World w, int[] s) {
        return object.data().all(w, s).stream().anyMatch(r -> has(r, s, Words.READY));
    }

    /** The slot after the last one claimed is free, or abandoned. */
    private boolean room(int[] s) {
        Shared.Ring ring = object.data().first;
        int p = s[ring.tail()];
        while (Words.lap(s[ring.word(p)]) > Words.lapOf(p)
                || Words.lap(s[ring.word(p)]) == Words.lapOf(p) && Words.slotState(s[ring.word(p)]) != Words.FREE) {
            p = ring.following(p);
        }
        int state = Words.slotState(s[ring.word(p)]);
        return state == Words.FREE || state == Words.ABANDONED;
    }

    private static boolean has(Shared.Ring ring, int[] s, int state) {
        for (int i = 0; i < ring.capacity; i++) {
            if (Words.slotState(s[ring.word(i)]) == state) {
                return true;
            }
        }
        return false;
    }
}
