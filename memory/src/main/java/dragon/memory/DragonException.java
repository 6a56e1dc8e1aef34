package dragon.memory;

/** The root of all errors of the run-time: unchecked, with a code for programs and a text for people. */
public class DragonException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Who can mend it. */
    public enum Category {
        /** The caller asked for something that cannot be. */
        USER,
        /** Something is used up: memory, descriptors, processes. */
        RESOURCES,
        /** Another process or node is gone or failed. */
        REMOTE,
        /** The run-time itself, or the system below it, misbehaved. */
        INTERNAL
    }

    private final String code;
    private final Category category;

    /** An error with a short stable code, as {@code "memory.exhausted"}. */
    public DragonException(Category category, String code, String message) {
        super(message);
        this.category = category;
        this.code = code;
    }

    /** A short stable name of the error, as {@code "memory.exhausted"}. */
    public final String code() {
        return code;
    }

    /** Who can mend it. */
    public final Category category() {
        return category;
    }
}
