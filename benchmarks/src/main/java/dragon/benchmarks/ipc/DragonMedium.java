package dragon.benchmarks.ipc;

import dragon.benchmarks.Node;
import dragon.channel.Channel;
import dragon.channel.Handle;
import dragon.channel.Role;
import dragon.memory.Client;

/** Dragon's shared memory: two bounded channels, one for each direction, for many senders and many receivers as they always are. */
final class DragonMedium implements Medium {
    static final String NAME = "dragon";

    private static final int CAPACITY = 1024;
    private static final int LARGE_CAPACITY = 8;

    private final Node node;
    private final Channel near;
    private final Channel far;
    private final int farNumber;

    private DragonMedium(Node node, Channel near, Channel far, int farNumber) {
        this.node = node;
        this.near = near;
        this.far = far;
        this.farNumber = farNumber;
    }

    static DragonMedium open(int size) {
        Node node = Node.create();
        Client client = node.client(node.number());
        int capacity = size > Channel.SLOT_SIZE ? LARGE_CAPACITY : CAPACITY;
        return new DragonMedium(
                node,
                Channel.create(client, capacity, Channel.SLOT_SIZE, false, Role.USER),
                Channel.create(client, capacity, Channel.SLOT_SIZE, false, Role.USER),
                node.number());
    }

    /** The memory's path, the far client's number, and both channels' handles. */
    @Override
    public String address() {
        return "%s,%d,%d,%d,%d,%d".formatted(node.path(), farNumber, near.offset(), near.id(), far.offset(), far.id());
    }

    static DragonMedium connect(String address) {
        String[] parts = address.split(",", -1);
        Node node = Node.open(parts[0]);
        int number = Integer.parseInt(parts[1]);
        Client client = node.client(number);
        return new DragonMedium(
                node,
                Channel.bind(client, handle(parts[2], parts[3]), Role.USER),
                Channel.bind(client, handle(parts[4], parts[5]), Role.USER),
                number);
    }

    private static Handle handle(String offset, String id) {
        return new Handle(Long.parseLong(offset), Long.parseLong(id));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Link near() {
        return new DragonLink(near, far);
    }

    @Override
    public Link far() {
        return new DragonLink(far, near);
    }

    /** The memory ends with the process. */
    @Override
    public void close() {}
}
