package dragon.memory;

/** The run ended, or its agent died, while somebody waited: nobody is left to wait for. */
public final class RunOverException extends DragonException {
    private static final long serialVersionUID = 1L;

    private final RunState state;

    /** The news that the run is in that state. */
    public RunOverException(RunState state, String awaited) {
        super(
                Category.REMOTE,
                "run.over",
                (state == RunState.LOST ? "the node's agent died" : "the run is over") + " while waiting for "
                        + awaited);
        this.state = state;
    }

    /** OVER or LOST. */
    public RunState state() {
        return state;
    }
}
