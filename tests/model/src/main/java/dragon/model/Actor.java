package dragon.model;

/** One thread of execution: a process of one thread, or the agent. Its place in the state is its program counter, its registers and its store buffer. */
final class Actor {
    final World world;
    final String name;
    final int number;
    final Shared.Client client;
    final Shared.Record record;
    final Code code = new Code();

    /** Whether death may strike it. */
    boolean mortal;

    /** Whether it takes over its client's number, once the one that had it was swept. */
    boolean heir;

    /** Word that says that it was stopped, and stands still for ever; 0: that does not befall it. */
    int stopped;

    /** Word that says that it was killed. */
    final int killed;

    /** Where its program begins. */
    int start;

    /** Where the program of an heir begins once it is born, and of one who waits for another's end or stop after that. */
    int inherits;

    int pc;
    int registers;
    int buffer;

    Actor(World world, String name, int number, Shared.Client client, Shared.Record record) {
        this.world = world;
        this.name = name;
        this.number = number;
        this.client = client;
        this.record = record;
        killed = world.word(name + ".killed");
    }

    boolean isAgent() {
        return client.number == World.AGENT;
    }

    Actor mortal() {
        mortal = true;
        return this;
    }

    Actor stoppable() {
        stopped = world.word(name + ".stopped");
        return this;
    }

    boolean stopped(int[] state) {
        return stopped != 0 && state[stopped] != 0;
    }

    /** The number it puts into words it owns. */
    int owner() {
        return client.number;
    }

    int place(int at) {
        pc = at;
        registers = at + 1;
        buffer = registers + code.registers;
        return buffer + (world.storeBuffers ? 1 + 2 * World.BUFFER : 0);
    }

    boolean buffered(int[] state) {
        return world.storeBuffers && state[buffer] != 0;
    }

    boolean ended(int[] state) {
        return state[pc] == 0;
    }

    boolean dead(int[] state) {
        return state[killed] != 0;
    }

    String at(int[] state) {
        if (dead(state)) {
            return "dead";
        }
        Code.Entry entry = code.entries.get(state[pc]);
        String stands = stopped(state) ? "stopped at " : "";
        return stands + entry.sub().map(s -> s.name + ".").orElse("") + entry.label();
    }
}
