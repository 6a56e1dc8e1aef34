package dragon.memory;

/** How the run stands, as the header tells every process. It never goes back. */
public enum RunState {
    /** The run goes on. */
    RUNNING(1),
    /** The run ended in order. */
    OVER(2),
    /** The node's agent died, and the run with it. */
    LOST(3);

    private final int code;

    RunState(int code) {
        this.code = code;
    }

    /** The value in the header. */
    public int code() {
        return code;
    }

    /** The state with that value. */
    public static RunState of(int code) {
        for (RunState state : values()) {
            if (state.code == code) {
                return state;
            }
        }
        throw new DragonException(
                DragonException.Category.INTERNAL, "memory.run-state", "no run state has the value " + code);
    }
}
