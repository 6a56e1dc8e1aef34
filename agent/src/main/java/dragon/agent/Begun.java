package dragon.agent;

import dragon.agent.os.Linux.Pair;

/**
 * What the head has made and begun before this agent's JVM ran ({@code python/dragon/_launch.py}): the socket that clients reach, and the keeper, which was asked for the first zygote.
 *
 * @param name the socket's abstract name, which holds the run's id
 * @param listener the socket
 * @param control this process's end of the keeper's socket
 * @param stdout the sockets of the first zygote's output
 * @param stderr likewise
 * @param keeper the keeper's pid
 */
record Begun(String name, int listener, int control, Pair stdout, Pair stderr, int keeper) {
    /** As it is told on the command line and, of the keeper, in the environment. */
    static Begun of(String words) {
        String[] each = words.split(",", 7);
        int[] numbers = new int[each.length];
        for (int i = 1; i < each.length; i++) {
            numbers[i] = Integer.parseInt(each[i]);
        }
        Pair stdout = new Pair(numbers[3], numbers[5]);
        Pair stderr = new Pair(numbers[4], numbers[6]);
        return new Begun(
                each[0], numbers[1], numbers[2], stdout, stderr, Integer.parseInt(System.getenv("DRAGON_KEEPER")));
    }

    /** The run's id. */
    byte[] runId() {
        byte[] id = new byte[16];
        for (int i = 0; i < id.length; i++) {
            int at = "dragon-".length() + 2 * i;
            id[i] = (byte) Integer.parseInt(name, at, at + 2, 16);
        }
        return id;
    }
}
