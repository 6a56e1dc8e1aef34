package dragon.agent;

/**
 * A process that is attached.
 *
 * @param number its client number
 * @param process the run-time's id
 */
record Client(int number, long process, int pid) {}
