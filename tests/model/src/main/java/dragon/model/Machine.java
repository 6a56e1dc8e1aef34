package dragon.model;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Takes one step of one actor: copies the state, runs the step's code against the copy, and tells whether it could run.
 *
 * <p>Memory is sequentially consistent, or, with store buffers, total store order: a store waits in its actor's buffer, seen by that actor alone, until it is flushed; a compare-and-set, a fetch-op, a
 * fence and a system call run only while the buffer is empty.
 */
final class Machine {
    static final int STEP = 0;
    static final int FLUSH = 1;
    static final int DIE = 2;
    static final int STOP = 3;

    final World world;
    int[] s = new int[0];
    Actor me;

    /** What went wrong in the last step, or null. */
    @Nullable
    String failure;

    private int choice;
    private int choices;
    private boolean blocked;
    private boolean jumped;
    private @Nullable StringBuilder log;

    Machine(World world) {
        this.world = world;
        me = world.actors.getFirst();
    }

    static int transition(int actor, int kind, int choice) {
        return actor << 8 | kind << 4 | choice;
    }

    /** The state after the transition, in an array that the next call uses again; null if it cannot happen now. */
    int @Nullable [] apply(int[] from, int transition) {
        me = world.actors.get(transition >> 8);
        failure = null;
        return switch (transition >> 4 & 15) {
            case STEP -> step(from, transition & 15);
            case FLUSH -> flush(from);
            case DIE -> die(from);
            default -> stop(from);
        };
    }

    /** As {@link #apply}, writing each access to {@code log}. */
    int @Nullable [] apply(int[] from, int transition, StringBuilder log) {
        this.log = log;
        try {
            return apply(from, transition);
        } finally {
            this.log = null;
        }
    }

    /** How many ways the step just applied can go. */
    int choices() {
        return choices;
    }

    private void copy(int[] from) {
        if (s.length != from.length) {
            s = new int[from.length];
        }
        System.arraycopy(from, 0, s, 0, from.length);
    }

    private int @Nullable [] step(int[] from, int choice) {
        this.choice = choice;
        choices = 1;
        if (from[me.pc] == 0 || me.stopped(from)) {
            return null;
        }
        copy(from);
        blocked = false;
        do {
            Code.Entry entry = me.code.entries.get(s[me.pc]);
            jumped = false;
            String label = entry.step().run(this);
            if (blocked) {
                return null;
            }
            if (!label.equals(Code.ELSEWHERE)) {
                s[me.pc] = entry.sub().orElseThrow().pc(label);
            } else if (!jumped && failure == null) {
                throw new IllegalStateException(me.at(s) + " leads nowhere");
            }
        } while (failure == null
                && s[me.pc] != 0
                && me.code.entries.get(s[me.pc]).kind() == Code.Kind.LOCAL);
        return s;
    }

    private int @Nullable [] flush(int[] from) {
        if (!me.buffered(from)) {
            return null;
        }
        copy(from);
        int b = me.buffer;
        s[s[b + 1]] = s[b + 2];
        if (log != null) {
            note("   (its store of %s to %s is seen)", world.show(s[b + 1], s[b + 2]), world.name(s[b + 1]));
        }
        s[b]--;
        System.arraycopy(s, b + 3, s, b + 1, 2 * World.BUFFER - 2);
        s[b + 2 * World.BUFFER - 1] = 0;
        s[b + 2 * World.BUFFER] = 0;
        return s;
    }

    private int @Nullable [] die(int[] from) {
        if (!me.mortal || from[me.pc] == 0 || from[world.deathsLeft] == 0) {
            return null;
        }
        copy(from);
        s[world.deathsLeft]--;
        s[me.client.dead] = 1;
        for (Actor actor : world.actors) {
            if (actor.client == me.client && !(actor.heir && s[actor.pc] == actor.start)) {
                s[actor.killed] = 1;
                Arrays.fill(s, actor.pc, actor.buffer, 0);
            }
        }
        if (log != null) {
            note("is killed");
        }
        return s;
    }

    /** It takes no further step, and is not dead. */
    private int @Nullable [] stop(int[] from) {
        if (me.stopped == 0 || from[me.pc] == 0 || from[me.stopped] != 0) {
            return null;
        }
        copy(from);
        s[me.stopped] = 1;
        if (log != null) {
            note("is stopped");
        }
        return s;
    }

    int load(int address) {
        int value = peek(address);
        if (log != null) {
            note("%s is %s", world.name(address), world.show(address, value));
        }
        return value;
    }

    /** What a load would give now, for words nobody else can change. */
    int peek(int address) {
        int value = s[address];
        if (me.buffered(s)) {
            for (int i = s[me.buffer] - 1; i >= 0; i--) {
                if (s[me.buffer + 1 + 2 * i] == address) {
                    value = s[me.buffer + 2 + 2 * i];
                    break;
                }
            }
        }
        return value;
    }

    /** A release store: visible at once, or buffered. */
    void store(int address, int value) {
        if (log != null) {
            note("%s := %s", world.name(address), world.show(address, value));
        }
        if (!world.storeBuffers) {
            s[address] = value;
            return;
        }
        int n = s[me.buffer];
        if (n == World.BUFFER) {
            blocked = true;
            return;
        }
        s[me.buffer + 1 + 2 * n] = address;
        s[me.buffer + 2 + 2 * n] = value;
        s[me.buffer]++;
    }

    /** A store of a word that only the sweep reads, after this actor's death: its buffering cannot be seen. */
    void own(int address, int value) {
        if (log != null) {
            note("%s := %s", world.name(address), world.show(address, value));
        }
        s[address] = value;
    }

    boolean cas(int address, int expected, int value) {
        fence();
        boolean won = s[address] == expected;
        if (log != null) {
            note(
                    "%s: CAS %s -> %s %s",
                    world.name(address),
                    world.show(address, expected),
                    world.show(address, value),
                    won ? "won" : "lost to " + world.show(address, s[address]));
        }
        if (won) {
            s[address] = value;
        }
        return won;
    }

    int add(int address, int delta) {
        fence();
        if (log != null) {
            note("%s := %d%+d", world.name(address), s[address], delta);
        }
        int old = s[address];
        s[address] += delta;
        return old;
    }

    /** Counts in a step of its own, or as part of the step that claims or releases: a count that is too high for a while changes what nobody finds. */
    void count(int address, int delta, boolean fine) {
        if (fine) {
            add(address, delta);
        } else {
            own(address, peek(address) + delta);
        }
    }

    int swap(int address, int value) {
        fence();
        if (log != null) {
            note(
                    "%s: exchange %s -> %s",
                    world.name(address), world.show(address, s[address]), world.show(address, value));
        }
        int old = s[address];
        s[address] = value;
        return old;
    }

    /** Runs only while no store of this actor is buffered. */
    void fence() {
        if (me.buffered(s)) {
            blocked = true;
        }
    }

    /** This step cannot run yet. */
    String block() {
        blocked = true;
        return Code.ELSEWHERE;
    }

    /** One of {@code n} ways to go on, all of them explored. */
    int choose(int n) {
        choices = n;
        return choice;
    }

    String fail(String what) {
        failure = what;
        return Code.ELSEWHERE;
    }

    void jump(int pc) {
        s[me.pc] = pc;
        jumped = true;
    }

    /** The process ends here, in order or not, and the agent learns of it. */
    String exit() {
        own(me.client.dead, 1);
        return end();
    }

    /** The program ends here. */
    String end() {
        Arrays.fill(s, me.registers, me.buffer, 0);
        jump(0);
        return Code.ELSEWHERE;
    }

    int get(int register) {
        return s[me.registers + register];
    }

    void set(int register, int value) {
        s[me.registers + register] = value;
    }

    /** The register's value; the register is 0 afterwards. */
    int take(int register) {
        int value = get(register);
        set(register, 0);
        return value;
    }

    @SuppressWarnings("AnnotateFormatMethod") // an annotation of Error Prone is no dependency of ours
    void note(String format, Object... args) {
        if (log != null) {
            log.append(log.isEmpty() ? "" : "; ").append(String.format(format, args));
        }
    }
}
