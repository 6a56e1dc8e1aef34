package dragon.agent.control;

/** Bytes that are no message of the schema: the peer speaks another version, or is no peer of ours. */
public final class WireException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public WireException(String message) {
        super(message);
    }
}
