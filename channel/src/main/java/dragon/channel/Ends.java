package dragon.channel;

import dragon.memory.Client;
import dragon.memory.Layout.PinTable;
import dragon.memory.Memory;
import dragon.memory.Raw;

/**
 * The ends of a channel that tracks them (section 9): it counts for each its handles, which are references, and handles on their way (pins). Whoever brings a
 * count to zero closes that end at once. A kill can leave a count too high, never too low: then the audit closes the end, a little later.
 *
 * <p>A pin that counts lies in the table of pins, by its token, until somebody claims it: who binds the handle, or the agent when it is lost.
 */
final class Ends {
    private Ends() {}

    /** Is there a channel that tracks its ends? The caller knows that there is an object. */
    static boolean tracked(Memory memory, long offset) {
        return Slots.kind(memory, offset) == Kind.CHANNEL.code()
                && (Raw.getIntAcquire(memory.address(offset) + ObjectLayout.FLAGS) & ObjectLayout.ENDS) != 0;
    }

    /** One more handle with these role bits; the object stays meanwhile. */
    static void add(Memory memory, long offset, int roles) {
        long object = memory.address(offset);
        if ((roles & Role.SENDER.bit()) != 0) {
            Raw.addInt(object + ObjectLayout.SENDERS, 1);
        }
        if ((roles & Role.RECEIVER.bit()) != 0) {
            Raw.addInt(object + ObjectLayout.RECEIVERS, 1);
        }
    }

    /** One handle fewer; the object stays meanwhile. True: with it an end was closed, and those who wait are to be told. */
    static boolean drop(Memory memory, long offset, int roles) {
        long object = memory.address(offset);
        int closed = 0;
        if ((roles & Role.SENDER.bit()) != 0 && Raw.addInt(object + ObjectLayout.SENDERS, -1) == 1) {
            closed |= ObjectLayout.NO_SENDERS;
        }
        if ((roles & Role.RECEIVER.bit()) != 0 && Raw.addInt(object + ObjectLayout.RECEIVERS, -1) == 1) {
            closed |= ObjectLayout.NO_RECEIVERS;
        }
        if (closed != 0) {
            Raw.orInt(object + ObjectLayout.CLOSED, closed);
        }
        return closed != 0;
    }

    /** As {@link #drop}, by a client, whose operation is on the object: whoever waits is told. Killed in between: the sweep audits, and tells. */
    static void dropAndTell(Client client, long offset, int roles) {
        Memory memory = client.memory();
        if (drop(memory, offset, roles)) {
            long object = memory.address(offset);
            int me = client.number();
            WaitQueue.chooseUpTo(memory, object + ObjectLayout.QUEUE_0, me, Integer.MAX_VALUE);
            WaitQueue.chooseUpTo(memory, object + ObjectLayout.QUEUE_1, me, Integer.MAX_VALUE);
        }
    }

    /** The pin with that token, which the agent knows, counts from now on. Where its set is full nobody ever claims it, and the count stays too high. */
    static void count(Memory memory, long offset, int roles, long token) {
        add(memory, offset, roles);
        long set = memory.pinSet(token);
        for (int i = 0; i < PinTable.PLACES; i++) {
            long at = set + (long) i * Long.BYTES;
            if (Raw.getLongAcquire(at) == 0 && Raw.casLong(at, 0, token)) {
                return;
            }
        }
    }

    /** True, to one alone: the pin counted, and the caller is to drop it. */
    static boolean claim(Memory memory, long token) {
        long set = memory.pinSet(token);
        for (int i = 0; i < PinTable.PLACES; i++) {
            long at = set + (long) i * Long.BYTES;
            if (Raw.getLongAcquire(at) == token) {
                return Raw.casLong(at, token, 0);
            }
        }
        return false;
    }
}
