package dragon.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The program of one role, assembled from labelled steps.
 *
 * <p>A <em>shared</em> step makes one access to shared memory and is atomic; an <em>own</em> step stores a word that only the sweep reads, after this process has died; a <em>local</em> step touches
 * registers alone and runs together with the step before it. Steps are grouped in {@linkplain Sub routines}; a routine is never entered twice at once, so its registers and its return address have fixed
 * places.
 */
final class Code {
    /** In place of a label: the step has called a routine, returned from one, ended, or could not run. */
    static final String ELSEWHERE = "elsewhere";

    /** One step: reads and writes through the machine, and names the label to go on at, or {@link #ELSEWHERE}. */
    interface Step {
        String run(Machine m);
    }

    enum Kind {
        SHARED,
        OWN,
        LOCAL
    }

    record Entry(Optional<Sub> sub, String label, Kind kind, Step step) {}

    /** First entry is the end of the program: a process whose counter is 0 has finished. */
    final List<Entry> entries = new ArrayList<>();

    int registers;

    Code() {
        entries.add(new Entry(Optional.empty(), "end", Kind.LOCAL, m -> ELSEWHERE));
    }

    Sub sub(String name) {
        return new Sub(name);
    }

    /** A routine: labelled steps, registers that are cleared when it returns, and results that are not. */
    final class Sub {
        final String name;
        private final Map<String, Integer> labels = new HashMap<>();
        private final List<Integer> locals = new ArrayList<>();
        private final int back = registers++;

        private Sub(String name) {
            this.name = name;
        }

        int local() {
            locals.add(registers);
            return registers++;
        }

        int result() {
            return registers++;
        }

        void shared(String label, Step step) {
            add(label, Kind.SHARED, step);
        }

        void own(String label, Step step) {
            add(label, Kind.OWN, step);
        }

        void local(String label, Step step) {
            add(label, Kind.LOCAL, step);
        }

        private void add(String label, Kind kind, Step step) {
            if (labels.put(label, entries.size()) != null) {
                throw new IllegalStateException("label " + label + " twice in " + name);
            }
            entries.add(new Entry(Optional.of(this), label, kind, step));
        }

        int pc(String label) {
            Integer pc = labels.get(label);
            if (pc == null) {
                throw new IllegalStateException("no label " + label + " in " + name);
            }
            return pc;
        }

        /** Enters this routine at its first step; {@code caller} goes on at {@code label} afterwards. */
        String enter(Machine m, Sub caller, String label, String first) {
            m.set(back, caller.pc(label));
            m.jump(pc(first));
            return ELSEWHERE;
        }

        /** Returns to the caller. */
        String leave(Machine m) {
            m.jump(m.get(back));
            m.set(back, 0);
            for (int i = 0; i < locals.size(); i++) {
                m.set(locals.get(i), 0);
            }
            return ELSEWHERE;
        }
    }
}
