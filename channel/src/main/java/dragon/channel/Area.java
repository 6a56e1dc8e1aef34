package dragon.channel;

import dragon.memory.Client;
import dragon.memory.Libc;
import dragon.memory.Raw;
import java.lang.foreign.MemorySegment;

/** Plain shared memory for values and arrays, zero at first. What is in it, and who writes when, is the users' business. */
public final class Area extends SharedObject {
    private static final int SIZE = ObjectLayout.BODY;
    private static final long LARGE = 8L << 20; // bytes; smaller ones stay warm for the next use

    private Area(Bound bound) {
        super(bound);
    }

    /** A new area of {@code size} bytes. */
    public static Area create(Client client, long size) {
        long bytes = ObjectLayout.AREA_BYTES + size;
        return new Area(SharedObject.create(client, Kind.AREA, 0, Role.USER, bytes, address -> {
            Raw.putLong(address + SIZE, size);
            Raw.zero(address + ObjectLayout.AREA_BYTES, size);
        }));
    }

    /** The area that the handle names. */
    public static Area bind(Client client, Handle handle) {
        return new Area(SharedObject.bind(client, Kind.AREA, handle, Role.USER));
    }

    /** Nobody uses the area at this address any more: a large one's pages go back to the system. */
    static void giveBack(long object, long page) {
        long size = Raw.getLong(object + SIZE);
        if (size >= LARGE) {
            Libc.giveBack(object + ObjectLayout.AREA_BYTES, size, page);
        }
    }

    /** Bytes of it. */
    public long size() {
        return Raw.getLong(address() + SIZE);
    }

    /** Its bytes, until this reference is closed: the caller keeps it open as long as it uses them. */
    public MemorySegment segment() {
        return Raw.segment(address() + ObjectLayout.AREA_BYTES, size());
    }
}
