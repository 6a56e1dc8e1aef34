package dragon.agent;

import dragon.agent.control.Grown;
import dragon.agent.process.Birth;
import java.util.List;

/**
 * The node's shared memory as the agent's thread uses it. Sweeping is another thread's work ({@link Janitor}): none of these waits for it.
 */
interface NodeMemory {
    /** The memory file. */
    int descriptor();

    byte[] runId();

    int node();

    /** A client number for a process that does not live yet; 0 if all are in use. */
    int newClient(long process);

    /** The operating system's pid of a client. */
    void clientIs(int client, int pid);

    /** A process ended: its exit event is set, what it held swept, its tokens unpinned, its number free again after that. */
    void ended(Birth birth, int status, List<Long> tokens);

    /** A client that was not made by a zygote is gone. */
    void gone(int client);

    /** A process that got a client number never lived. */
    void neverLived(int client, List<Long> tokens);

    /** One more slab of a class of blocks, if the books allow. */
    Grown grow(int blockClass);

    /** The run is over: nothing will come any more. Wakes everyone who waits. */
    void over(boolean lost);
}
