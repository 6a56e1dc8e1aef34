package dragon.channel;

import dragon.memory.Blocks;
import dragon.memory.Memory;
import dragon.memory.Raw;
import java.util.ArrayList;
import java.util.List;

/** An object as the agent sees it: is it one, and which rings and blocks belong to it. */
final class Slots {
    private Slots() {}

    /** An object is what has an id and names the PART block that starts there. A reference of the dead may be to anything. */
    static boolean isObject(Memory memory, long offset) {
        if (offset <= 0 || (offset & Role.MASK) != 0 || offset >= memory.size() - ObjectLayout.RING) {
            return false;
        }
        long object = memory.address(offset);
        long ref = Raw.getLong(object + ObjectLayout.BLOCK);
        return Raw.getLongAcquire(object + ObjectLayout.ID) != 0
                && isBlockAt(memory, ref, offset)
                && Blocks.stateOf(Raw.getLongAcquire(Blocks.wordAt(memory, ref))) == Blocks.PART;
    }

    /** Whether a reference names the block that starts at that offset. */
    static boolean isBlockAt(Memory memory, long ref, long offset) {
        return ref >>> 6 > 0 && ref >>> 6 < memory.slabsCapacity() && Blocks.offsetOf(memory, ref) == offset;
    }

    static int kind(Memory memory, long offset) {
        return Raw.getInt(memory.address(offset) + ObjectLayout.KIND);
    }

    private static int queues(int kind) {
        for (Kind each : Kind.values()) {
            if (each.code() == kind) {
                return each.queues();
            }
        }
        return 0;
    }

    /** The rings of an object's wait queues, by address. */
    static List<Long> queueRings(Memory memory, long offset) {
        List<Long> rings = new ArrayList<>();
        int queues = queues(kind(memory, offset));
        for (int i = 0; i < queues; i++) {
            long queue = memory.address(offset) + ObjectLayout.QUEUE_0 + (long) i * WaitQueue.SIZE_OF;
            addChain(memory, queue + WaitQueue.RING, rings);
        }
        return rings;
    }

    /** The rings of a channel's messages, by address; none for other objects. */
    static List<Long> messageRings(Memory memory, long offset) {
        List<Long> rings = new ArrayList<>();
        if (kind(memory, offset) == Kind.CHANNEL.code()) {
            addChain(memory, memory.address(offset) + ObjectLayout.RING, rings);
        }
        return rings;
    }

    private static void addChain(Memory memory, long first, List<Long> rings) {
        for (long ring = first; ; ) {
            rings.add(ring);
            long next = Ring.next(ring);
            if (next == 0) {
                return;
            }
            ring = memory.address(next);
        }
    }

    /** Frees the block a slot names, if it is SENT with that very generation. */
    static void freeSent(Memory memory, long named) {
        long ref = named & Blocks.REF;
        if (ref >>> 6 > 0 && ref >>> 6 < memory.slabsCapacity()) {
            Blocks.releaseIf(memory, ref, Blocks.word(named >>> Blocks.GENERATION_SHIFT, Blocks.SENT, 0));
        }
    }
}
