package dragon.memory;

/** Who decides whether the node's memory may grow: the agent, itself or asked by a message. */
@FunctionalInterface
public interface Books {
    /**
     * Returns once the class may have free blocks again: one more slab of it was granted. Called by any thread, inside an operation that holds
     * nothing but what its record names.
     *
     * @throws MemoryExhaustedException if the limit is reached; nothing changed then
     */
    void grow(int blockClass);
}
