package dragon.channel;

import dragon.memory.Blocks;
import dragon.memory.Layout;
import dragon.memory.Layout.ClientEntry;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.References;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * Finds objects nobody uses any more and frees them (section 8). Who uses an object stands in the clients' reference tables and in the book of pins, and
 * nowhere else; so an audit reads them, once for all objects that wait for one, until it has seen that each of them is in use: the head, which is read first, mostly has what
 * its workers share, so that the end of one of ten thousand costs no look at the others. Only what is freed, or loses an end, takes a look at all. Not thread-safe; the agent's.
 */
final class Audit {
    private static final int BOTH_ENDS = Role.SENDER.bit() | Role.RECEIVER.bit();

    private final Memory memory;
    private final Pins pins;
    private final News news;
    private final Set<Long> due = new LinkedHashSet<>();
    private int unsettled; // of the objects that are looked for, those of which more is to be learnt

    Audit(Memory memory, Pins pins, News news) {
        this.memory = memory;
        this.pins = pins;
        this.news = news;
    }

    /** Somebody let go of the object: it is looked at by the next {@link #run}. */
    void add(long offset) {
        if (offset > Role.MASK) {
            due.add(offset);
        }
    }

    /** Is there an object to be looked at? */
    boolean isDue() {
        return !due.isEmpty();
    }

    /**
     * Looks at all objects that are due; the mailbox is drained. A client that gave an object away and let go of it meanwhile had sent the pin before; so the letters are read again
     * after each look, before anything comes of it, by {@code reading}, which returns false where one is still being written. What there was news of stays due.
     */
    void run(BooleanSupplier reading) {
        if (due.isEmpty()) {
            return;
        }
        List<Long> objects = new ArrayList<>(due);
        due.clear();
        objects.removeIf(each -> !Slots.isObject(memory, each));
        Map<Long, Integer> roles = roles(objects);
        lookAgain(objects, roles);
        objects.removeAll(unclear(objects, roles, reading));
        List<Long> unused = new ArrayList<>();
        for (Long each : objects) {
            int found = roles.getOrDefault(each, 0);
            closeEnds(each, found);
            long state = memory.address(each) + ObjectLayout.STATE;
            if (found == 0 && Raw.casInt(state, ObjectLayout.LIVE, ObjectLayout.DYING)) {
                unused.add(each);
            }
        }
        decide(unused, reading);
    }

    /** Of the objects that are not settled those of which letters have told something new: they stay due. */
    private Set<Long> unclear(List<Long> objects, Map<Long, Integer> roles, BooleanSupplier reading) {
        Set<Long> unclear = new HashSet<>();
        boolean drained = reading.getAsBoolean();
        for (Long each : objects) {
            int found = roles.getOrDefault(each, 0);
            boolean news = !drained || due.contains(each) || (pins.roles(each) & ~found) != 0;
            if (news && !isSettled(each, found)) {
                unclear.add(each);
            }
        }
        due.addAll(unclear);
        return unclear;
    }

    /**
     * The end of a channel is closed for good; so those of which an end was not seen are looked at once more. A client that binds an end anew before it lets go of
     * the old reference may do both while its table is read, and was missed if the new entry comes before the old one: the second look sees the new one.
     */
    private void lookAgain(List<Long> objects, Map<Long, Integer> roles) {
        List<Long> missing = new ArrayList<>();
        for (Long each : objects) {
            if (tracksEnds(each) && !isSettled(each, roles.getOrDefault(each, 0))) {
                missing.add(each);
            }
        }
        if (missing.isEmpty()) {
            return;
        }
        Raw.fence();
        roles(missing).forEach((each, found) -> roles.merge(each, found, (first, second) -> first | second));
    }

    /** The second look: whoever bound meanwhile wrote the reference first, and waits for the verdict. */
    private void decide(List<Long> dying, BooleanSupplier reading) {
        if (dying.isEmpty()) {
            return;
        }
        Raw.fence();
        Map<Long, Integer> roles = roles(dying);
        Set<Long> unclear = unclear(dying, roles, reading);
        for (Long each : dying) {
            if (roles.getOrDefault(each, 0) != 0 || unclear.contains(each)) {
                Raw.putIntRelease(memory.address(each) + ObjectLayout.STATE, ObjectLayout.LIVE);
            } else {
                destroy(each);
            }
        }
    }

    /** In which roles each object is used, by references and pins: role bits. All of them if one is missing that matters. */
    private Map<Long, Integer> roles(List<Long> objects) {
        long[] offsets = objects.stream().mapToLong(each -> each).sorted().toArray();
        int[] found = new int[offsets.length];
        unsettled = 0;
        for (int i = 0; i < offsets.length; i++) {
            found[i] = pins.roles(offsets[i]);
            unsettled += isSettled(offsets[i], found[i]) ? 0 : 1;
        }
        int high = memory.clientsHigh();
        for (int client = Layout.AGENT; client < high && unsettled > 0; client++) {
            if (((int) Raw.getLongAcquire(memory.client(client) + ClientEntry.STATE) & 0xff) == ClientEntry.LIVE) {
                addRoles(client, offsets, found);
            }
        }
        Map<Long, Integer> roles = new HashMap<>();
        for (int i = 0; i < offsets.length; i++) {
            roles.put(offsets[i], found[i]);
        }
        return roles;
    }

    private void addRoles(int client, long[] offsets, int[] found) {
        int high = References.high(memory, client);
        for (int i = 0; i < high && unsettled > 0; i++) {
            long at = References.entryAt(memory, client, i);
            long reference = at == 0 ? 0 : Raw.getLongVolatile(at);
            int place = reference == 0 ? -1 : Arrays.binarySearch(offsets, reference & References.OFFSET);
            if (place >= 0) {
                boolean before = isSettled(offsets[place], found[place]);
                found[place] |= (int) (reference & Role.MASK);
                unsettled -= !before && isSettled(offsets[place], found[place]) ? 1 : 0;
            }
        }
    }

    /** Is it known that the object stays, and with both ends if it has any? */
    private boolean isSettled(long offset, int roles) {
        return tracksEnds(offset) ? (roles & BOTH_ENDS) == BOTH_ENDS : roles != 0;
    }

    private boolean tracksEnds(long offset) {
        return (Raw.getIntAcquire(memory.address(offset) + ObjectLayout.FLAGS) & ObjectLayout.ENDS) != 0;
    }

    private void closeEnds(long offset, int roles) {
        if (!tracksEnds(offset)) {
            return;
        }
        long object = memory.address(offset);
        int closed = (roles & Role.SENDER.bit()) == 0 ? ObjectLayout.NO_SENDERS : 0;
        closed |= (roles & Role.RECEIVER.bit()) == 0 ? ObjectLayout.NO_RECEIVERS : 0;
        if ((Raw.orInt(object + ObjectLayout.CLOSED, closed) & closed) != closed) {
            news.add(offset);
        }
    }

    private void destroy(long offset) {
        long object = memory.address(offset);
        Raw.putLongRelease(object + ObjectLayout.ID, 0);
        Raw.putIntRelease(object + ObjectLayout.STATE, ObjectLayout.DEAD);
        List<Long> rings = Slots.messageRings(memory, offset);
        for (long ring : rings) {
            Ring.forEachSlot(ring, (slot, word) -> {
                if (Ring.state(word) == Ring.READY) {
                    Slots.freeSent(memory, Slot.named(slot));
                }
            });
        }
        pins.drop(offset).forEach(this::add);
        rings.addAll(Slots.queueRings(memory, offset));
        for (long ring : rings) {
            long block = Raw.getLong(ring + Ring.BLOCK);
            if (block != 0) {
                Blocks.release(memory, block);
            }
        }
        if (Slots.kind(memory, offset) == Kind.AREA.code()) {
            Area.giveBack(object, memory.pageSize());
        }
        Blocks.release(memory, Raw.getLong(object + ObjectLayout.BLOCK));
    }
}
