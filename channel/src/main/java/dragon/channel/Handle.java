package dragon.channel;

/**
 * Names an object: what one process sends another so that it can be bound there.
 *
 * @param offset where it lies in the node's memory
 * @param id its id, which no other object of the run has
 */
public record Handle(long offset, long id) {
    /** A handle as programs print it. */
    @Override
    public String toString() {
        return id + "@" + Long.toHexString(offset);
    }
}
