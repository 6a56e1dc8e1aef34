package dragon.model;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The shared structures, as addresses in the modelled memory. */
final class Shared {
    private Shared() {}

    /** A client's entry: what the agent says of it, and what only the kernel knows. */
    static final class Client {
        static final int FREE = 0;
        static final int LIVE = 1;
        static final int SWEEPING = 2;

        final int number;
        final String name;
        final int state;
        final int dead;

        /** Its flag: it is ending in order. */
        final int orderly;

        Client(World w, int number, String name) {
            this.number = number;
            this.name = name;
            state = w.word(name + ".state");
            dead = w.word(name + ".dead");
            orderly = w.word(name + ".orderly");
            w.initially(state, LIVE);
        }
    }

    /** A thread record, and whether its thread sleeps in the kernel. */
    static final class Record {
        final int index;
        final Client client;
        final String name;
        final int word;
        final int waitObject;
        final int waitQueue;
        final int op;
        final int block;
        final int sleeping;

        Record(World w, Client client, String name, int index) {
            this.index = index;
            this.client = client;
            this.name = name;
            word = w.word(name + ".word", Words::showRecord);
            waitObject = w.word(name + ".wait_object");
            waitQueue = w.word(name + ".wait_queue");
            op = w.word(name + ".op_object");
            block = w.word(name + ".blocks[0]");
            sleeping = w.word(name + ".sleeping");
        }
    }

    /** A ring: successor, hints, slots of a word and a payload. */
    static final class Ring {
        final int base;
        final int capacity;
        final boolean growable;
        final String name;

        /** Whether its hints are words of their own, loaded and stored in steps of their own; else a claim and its hint are one step. */
        final boolean fine;

        Ring(World w, String name, int capacity, boolean growable) {
            this.name = name;
            this.capacity = capacity;
            this.growable = growable;
            fine = w.fineRings;
            base = w.word(name + ".next");
            w.word(name + ".tail", Words::showPosition);
            w.word(name + ".head", Words::showPosition);
            for (int i = 0; i < capacity; i++) {
                w.word(name + ".slot" + i, Words::showSlot);
                w.word(name + ".slot" + i + ".payload");
            }
            w.rings.add(this);
        }

        int next() {
            return base;
        }

        int tail() {
            return base + 1;
        }

        int head() {
            return base + 2;
        }

        int word(int position) {
            return base + 3 + 2 * Words.index(position);
        }

        int payload(int position) {
            return word(position) + 1;
        }

        int following(int position) {
            return Words.index(position) + 1 < capacity ? position + 1 : Words.position(Words.lapOf(position) + 1, 0);
        }
    }

    /** A chain of rings: two hints and the first ring. */
    static final class Chain {
        final int headHint;
        final int tailHint;
        final Ring first;

        Chain(World w, String name, int capacity, boolean growable) {
            headHint = w.word(name + ".head_ring");
            tailHint = w.word(name + ".tail_ring");
            first = new Ring(w, name, capacity, growable);
            w.initially(headHint, first.base);
            w.initially(tailHint, first.base);
        }

        /** All rings linked so far. */
        List<Ring> all(World w, int[] state) {
            List<Ring> all = new ArrayList<>();
            for (int r = first.base; r != 0; r = state[w.ring(r).next()]) {
                all.add(w.ring(r));
            }
            return all;
        }
    }

    /** A wait queue. */
    static final class Queue {
        final Thing object;
        final String name;
        final int waiting;
        final Chain chain;

        /** Whether counting and claiming are steps of their own. */
        final boolean fine;

        Queue(World w, Thing object, String name, int capacity) {
            this.object = object;
            this.name = name;
            fine = w.fineRings || w.growingQueues;
            waiting = w.word(name + ".waiting");
            chain = new Chain(w, name, capacity, w.growingQueues);
        }
    }

    /** An object: its number stands for its offset, and its body is one word (semaphore value, lock owner, event value, or {@code closed}). */
    static final class Thing {
        final int id;
        final String name;
        final int body;
        final List<Queue> queues = new ArrayList<>();

        @Nullable
        Chain data;

        /** Whether the body is a barrier's word, which is broken by who dies on its way through. */
        boolean barrier;

        Thing(World w, String name) {
            this.name = name;
            w.things.add(this);
            id = w.things.size();
            body = w.word(name + ".body");
        }

        Thing queue(World w, String suffix, int capacity) {
            queues.add(new Queue(w, this, name + "." + suffix, capacity));
            return this;
        }

        Chain data() {
            return java.util.Objects.requireNonNull(data, name);
        }

        /** All rings of the object, wait queues included. */
        List<Ring> rings(World w, int[] state) {
            List<Ring> all = new ArrayList<>();
            if (data != null) {
                all.addAll(data.all(w, state));
            }
            for (Queue queue : queues) {
                all.addAll(queue.chain.all(w, state));
            }
            return all;
        }
    }

    /** A memory block: its word, and the message it holds. */
    static final class Block {
        final int number;
        final int word;
        final int content;

        Block(World w, int number) {
            this.number = number;
            word = w.word("block" + number, Words::showBlock);
            content = w.word("block" + number + ".content");
            w.blocks.add(this);
        }
    }
}
