package dragon.channel;

import dragon.memory.Client;
import dragon.memory.Ground;

/** The memory in which the races of this package take place, and the two processes that race. */
final class Node {
    static final Ground GROUND = new Ground(256 << 20, 2048, 4096);
    static final Client A = GROUND.client();
    static final Client B = GROUND.client();

    private Node() {}
}
