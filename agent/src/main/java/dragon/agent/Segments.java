package dragon.agent;

import dragon.agent.control.NameSegment;
import dragon.channel.Area;
import dragon.channel.Handle;
import dragon.memory.Client;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The book of named segments of shared memory. A name keeps its area until it is unlinked, or until the last process that had opened it is killed; a process that ends
 * in order leaves it to those it may have told. The areas themselves live on as long as somebody is bound to them. For the agent's thread.
 */
final class Segments {
    private record Segment(Area area, Set<Integer> users) {}

    private final Client agent;
    private final Map<ByteBuffer, Segment> segments = new HashMap<>();
    private final Map<Integer, Set<ByteBuffer>> opened = new HashMap<>(); // client -> names

    Segments(Client agent) {
        this.agent = agent;
    }

    /** Gives a name to an area that the client is bound to; null if the name is in use. Throws DragonException if there is no such area. */
    @Nullable
    Handle name(int client, NameSegment wanted) {
        ByteBuffer name = ByteBuffer.wrap(wanted.name());
        if (segments.containsKey(name)) {
            return null;
        }
        Area area = Area.bind(agent, new Handle(wanted.offset(), wanted.id()));
        segments.put(name, new Segment(area, new HashSet<>()));
        return open(client, wanted.name());
    }

    /** What the name stands for; null if nothing. From now on the client is one of those that keep it. */
    @Nullable
    Handle open(int client, byte[] bytes) {
        ByteBuffer name = ByteBuffer.wrap(bytes);
        Segment segment = segments.get(name);
        if (segment == null) {
            return null;
        }
        segment.users.add(client);
        opened.computeIfAbsent(client, _ -> new HashSet<>()).add(name);
        return segment.area.handle();
    }

    /** The name is free again; null if nothing had it. */
    @Nullable
    Handle unlink(byte[] bytes) {
        ByteBuffer name = ByteBuffer.wrap(bytes);
        Segment segment = segments.remove(name);
        if (segment == null) {
            return null;
        }
        segment.users.forEach(client -> forget(client, name));
        Handle handle = segment.area.handle();
        segment.area.close();
        return handle;
    }

    private void forget(int client, ByteBuffer name) {
        Set<ByteBuffer> names = opened.get(client);
        if (names != null && names.remove(name) && names.isEmpty()) {
            opened.remove(client);
        }
    }

    /** A client is dead; in order, or killed. */
    void gone(int client, boolean orderly) {
        Set<ByteBuffer> names = opened.remove(client);
        if (names == null) {
            return;
        }
        for (ByteBuffer name : names) {
            Segment segment = segments.get(name);
            if (segment != null && segment.users.remove(client) && segment.users.isEmpty() && !orderly) {
                segments.remove(name);
                segment.area.close();
            }
        }
    }
}
