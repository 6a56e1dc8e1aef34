package dragon.channel;

import dragon.memory.Blocks;
import dragon.memory.Layout.ClientEntry;
import dragon.memory.Layout.RecordEntry;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.References;
import dragon.memory.ThreadRecord;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Repairs what one dead client left between two of its stores (section 8), from its thread records and references. Touches nothing that is not the dead's:
 * slots that carry its number, blocks held by it, its own entry. Not thread-safe; the agent's, used once.
 */
final class Sweep {
    private static final long SEVERAL = 1;

    private final Memory memory;
    private final int dead;
    private final boolean orderly;
    private final News news;
    private final Audit audit;
    private final int agent;
    private final Set<Long> hands = new HashSet<>();
    private final Set<Long> objects = new HashSet<>();
    private int claimed; // messages that it had claimed, and not yet let go

    Sweep(Memory memory, int dead, int agent, News news, Audit audit) {
        this.memory = memory;
        this.dead = dead;
        this.agent = agent;
        this.news = news;
        this.audit = audit;
        this.orderly = (Raw.getIntAcquire(memory.client(dead) + ClientEntry.FLAGS) & ClientEntry.ORDERLY) != 0;
    }

    /** Does it all. The entry is SWEEPING, so nobody counts on the dead any more. */
    void run() {
        int records = Raw.getIntAcquire(memory.client(dead) + ClientEntry.RECORDS_HIGH);
        collect(records);
        Set<Long> touched = new HashSet<>();
        for (int i = 0; i < records; i++) {
            long record = memory.record(dead, i);
            if (record != 0) {
                sweepSlots(record, touched);
            }
        }
        for (int i = 0; i < records; i++) {
            long record = memory.record(dead, i);
            if (record != 0) {
                sweepBlocks(record);
                sweepWord(record);
            }
        }
        touched.forEach(audit::add);
        sweepReferences();
        freeTables();
    }

    /** All blocks its records name, and all objects it is bound to. */
    private void collect(int records) {
        for (int i = 0; i < records; i++) {
            long record = memory.record(dead, i);
            for (int k = 0; record != 0 && k < RecordEntry.BLOCKS_IN_HAND; k++) {
                hands.add(Raw.getLongAcquire(record + RecordEntry.BLOCKS + (long) k * Long.BYTES));
            }
        }
        forEachReference((at, reference) -> objects.add(reference & References.OFFSET));
    }

    private interface ReferenceVisitor {
        void visit(long at, long reference);
    }

    private void forEachReference(ReferenceVisitor visitor) {
        int high = References.high(memory, dead);
        for (int i = 0; i < high; i++) {
            long at = References.entryAt(memory, dead, i);
            long reference = at == 0 ? 0 : Raw.getLongAcquire(at);
            if (reference != 0) {
                visitor.visit(at, reference);
            }
        }
    }

    private void sweepSlots(long record, Set<Long> touched) {
        long object = Raw.getLongAcquire(record + RecordEntry.OP_OBJECT);
        Set<Long> these = object == SEVERAL ? objects : object == 0 ? Set.of() : Set.of(object);
        for (long each : these) {
            if (Slots.isObject(memory, each) && touched.add(each)) {
                sweepObject(each);
            }
        }
        if (object > SEVERAL && Slots.isObject(memory, object)) {
            breakBarrier(object);
        }
        if (Raw.getInt(record + RecordEntry.OP) == ThreadRecord.CREATE && object > SEVERAL) {
            undoCreation(record, object);
        }
    }

    /** Who dies on its way through a barrier breaks it: the others would wait for ever, or for one who does not count. Who merely has it does not. */
    private void breakBarrier(long object) {
        if (Slots.kind(memory, object) != Kind.BARRIER.code()) {
            return;
        }
        long at = memory.address(object) + ObjectLayout.BODY;
        long word;
        do {
            word = Raw.getLongAcquire(at);
        } while (!Raw.casLong(at, word, word & ~ObjectLayout.BARRIER_STATE | ObjectLayout.BARRIER_BROKEN));
    }

    private void sweepObject(long object) {
        List<Long> messages = Slots.messageRings(memory, object);
        for (long ring : messages) {
            Ring.forEachSlotOf(dead, ring, (slot, word) -> {
                if (Ring.state(word) != Ring.FREE) {
                    sweepMessage(slot, word);
                }
            });
        }
        for (long ring : Slots.queueRings(memory, object)) {
            Ring.forEachSlotOf(dead, ring, this::sweepSlot);
        }
    }

    /** A slot's block goes with it. That of a WRITING one may be half written, so a record must name it, too. */
    private void sweepMessage(long slot, long word) {
        long named = Slot.named(slot);
        if (named != 0 && (Ring.state(word) == Ring.READING || hands.contains(named))) {
            Slots.freeSent(memory, named);
        }
        if (Ring.state(word) == Ring.READING) {
            claimed++;
        }
        sweepSlot(slot, word);
    }

    private void sweepSlot(long slot, long word) {
        if (Ring.state(word) == Ring.WRITING) {
            Raw.casLong(slot, word, Ring.word(Ring.lap(word), Ring.ABANDONED, 0));
        } else if (Ring.state(word) == Ring.READING) {
            Raw.casLong(slot, word, Ring.word(Ring.lap(word) + 1, Ring.FREE, 0));
        }
    }

    /** An object that was never finished: nobody else knows of it. Its block, HELD by the dead, is freed with the others. */
    private void undoCreation(long record, long object) {
        long hand = Raw.getLong(record + RecordEntry.BLOCKS);
        long ref = hand & Blocks.REF;
        if (!Slots.isBlockAt(memory, ref, object) || !isHeld(hand)) {
            return;
        }
        forEachReference((at, reference) -> {
            if ((reference & References.OFFSET) == object) {
                Raw.putLongRelease(at, 0);
            }
        });
        objects.remove(object);
        Raw.putLongRelease(memory.address(object) + ObjectLayout.ID, 0);
        Raw.putIntRelease(memory.address(object) + ObjectLayout.STATE, ObjectLayout.DEAD);
    }

    private boolean isHeld(long hand) {
        long word = Blocks.word(hand >>> Blocks.GENERATION_SHIFT, Blocks.HELD, dead);
        return Raw.getLongAcquire(Blocks.wordAt(memory, hand & Blocks.REF)) == word;
    }

    private void sweepBlocks(long record) {
        long object = Raw.getLong(record + RecordEntry.OP_OBJECT);
        for (int k = 0; k < RecordEntry.BLOCKS_IN_HAND; k++) {
            long hand = Raw.getLong(record + RecordEntry.BLOCKS + (long) k * Long.BYTES);
            long ref = hand & Blocks.REF;
            if (ref >>> 6 == 0) {
                continue;
            }
            Blocks.mendHints(memory, ref);
            if (!isHeld(hand)) {
                continue;
            }
            if (isLinked(ref, object)) {
                Blocks.embed(memory, ref);
            } else {
                Blocks.release(memory, ref);
            }
        }
    }

    /** Whether a block the dead held is a ring of the object, or one of the dead's own tables. */
    private boolean isLinked(long ref, long object) {
        long offset = Blocks.offsetOf(memory, ref);
        for (int i = 0; i < ClientEntry.REF_TABLES + ClientEntry.RECORD_TABLES; i++) {
            if (Raw.getLong(memory.client(dead) + ClientEntry.REFS_EXT + (long) i * Long.BYTES) == offset) {
                return true;
            }
        }
        Set<Long> these = object == SEVERAL ? objects : Set.of(object);
        for (long each : these) {
            if (Slots.isObject(memory, each)
                    && (Slots.messageRings(memory, each).contains(memory.address(offset))
                            || Slots.queueRings(memory, each).contains(memory.address(offset)))) {
                return true;
            }
        }
        return false;
    }

    /** Takes the record's word, so that a choice made before is seen and a later one fails, and has those told whom the dead owed something. */
    private void sweepWord(long record) {
        int word = Raw.swapInt(record, (Raw.getInt(record) & -ThreadRecord.GENERATION) + ThreadRecord.GENERATION);
        long op = Raw.getLong(record + RecordEntry.OP_OBJECT);
        boolean chosen = ThreadRecord.state(word) == ThreadRecord.CHOSEN;
        if (op != 0) {
            tell(op);
        }
        if (op != 0 || chosen) {
            tell(Raw.getLong(record + RecordEntry.WAIT_OBJECT));
        }
        Raw.zero(record + RecordEntry.TID, RecordEntry.SIZE_OF - RecordEntry.TID);
    }

    private void tell(long object) {
        if (object == SEVERAL) {
            objects.forEach(news::add);
        } else if (object != 0) {
            news.add(object);
        }
    }

    private void sweepReferences() {
        forEachReference((at, reference) -> {
            long object = reference & References.OFFSET;
            boolean exists = Slots.isObject(memory, object);
            if (!orderly && exists) {
                passLockOn(object);
            }
            boolean tasks = exists && Slots.kind(memory, object) == Kind.TASKS.code();
            if (tasks) {
                Tasks.left(memory, object, inHand(reference), orderly);
            }
            Raw.putLongRelease(at, 0);
            if (exists && (reference & References.COUNTED) != 0 && Ends.tracked(memory, object)) {
                closeEnd(object, reference);
            }
            if (tasks) {
                Raw.fence();
                if (WaitQueue.anyone(memory.address(object) + ObjectLayout.QUEUE_0)) {
                    news.add(object); // who waits for the last one adds them up again
                }
            }
            audit.add(object);
        });
    }

    /** Of the tasks that it was just claiming or doing, those whose message it had claimed are lost with it, if it was killed. */
    private int inHand(long reference) {
        int lost = orderly ? 0 : Math.min(References.openTasks(reference), claimed);
        claimed -= lost;
        return References.tasks(reference) + lost;
    }

    /** If the dead had the last handle of an end, that is closed before anybody hears of the death. */
    private void closeEnd(long object, long reference) {
        if (Ends.drop(memory, object, (int) (reference & Role.MASK))) {
            news.add(object);
        }
    }

    /** A lock the dead held is free, with the news; who waits first gets it. */
    private void passLockOn(long object) {
        int kind = Slots.kind(memory, object);
        if (kind != Kind.LOCK.code() && kind != Kind.RLOCK.code()) {
            return;
        }
        long owner = memory.address(object) + Lock.OWNER;
        long word = Raw.getLongAcquire(owner);
        if (word != Lock.DIED && word >>> 32 == dead) {
            Raw.putInt(memory.address(object) + Lock.COUNT, 0);
            if (Raw.casLong(owner, word, Lock.DIED)) {
                WaitQueue.choose(memory, memory.address(object) + ObjectLayout.QUEUE_0, agent);
            }
        }
    }

    /** Its reference tables are freed; its record tables stay for the entry's next client, since generations go on. */
    private void freeTables() {
        for (int i = 0; i < ClientEntry.REF_TABLES; i++) {
            long field = memory.client(dead) + ClientEntry.REFS_EXT + (long) i * Long.BYTES;
            long offset = Raw.getLong(field);
            if (offset != 0) {
                Raw.putLongRelease(field, 0);
                Blocks.release(memory, Blocks.refAt(memory, offset, 512L * Long.BYTES << i));
            }
        }
    }
}
