package dragon.agent.process;

/**
 * What a process is born with.
 *
 * @param process the run-time's id
 * @param client its client number
 * @param parent the id of the process that asked for it
 * @param exitEvent where in shared memory the event is that gets its wait status, and its id
 * @param daemon it ends when its parent does
 */
public record Birth(long process, int client, long parent, long exitEvent, long exitEventId, boolean daemon) {}
