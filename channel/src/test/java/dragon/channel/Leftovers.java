package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;

import dragon.memory.Blocks;
import dragon.memory.Layout.BlockClass;
import dragon.memory.Layout.ClientEntry;
import dragon.memory.Layout.Slab;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.References;
import java.util.ArrayList;
import java.util.List;

/** What is in use in a node's memory, read from the truth: the block words and reference tables. */
final class Leftovers {
    private Leftovers() {}

    /** All blocks that are not free, but those of the mailbox: state, owner and size. */
    static List<String> blocks(Memory memory) {
        List<String> used = new ArrayList<>();
        List<Long> mailbox =
                new ArrayList<>(List.of(Raw.getLong(memory.address(memory.mailbox()) + ObjectLayout.BLOCK)));
        Slots.messageRings(memory, memory.mailbox()).forEach(ring -> mailbox.add(Raw.getLong(ring + Ring.BLOCK)));
        Slots.queueRings(memory, memory.mailbox()).forEach(ring -> mailbox.add(Raw.getLong(ring + Ring.BLOCK)));
        for (int index = 1;
                index < memory.slabsCapacity() && Raw.getInt(memory.slab(index) + Slab.BLOCKS) != 0;
                index++) {
            for (int m = 0; m < Raw.getInt(memory.slab(index) + Slab.BLOCKS); m++) {
                long ref = (long) index << 6 | m;
                long word = Raw.getLongAcquire(Blocks.wordAt(memory, ref));
                if (Blocks.stateOf(word) != Blocks.FREE
                        && Blocks.stateOf(word) != Blocks.AGENT
                        && !mailbox.contains(ref)) {
                    used.add("block " + Long.toHexString(ref) + " state " + Blocks.stateOf(word) + " owner "
                            + Blocks.ownerOf(word) + " size " + Blocks.sizeOf(memory, ref));
                }
            }
        }
        return used;
    }

    /** Every free block can be found by the hints. */
    static void assertHintsComplete(Memory memory) {
        for (int index = 1;
                index < memory.slabsCapacity() && Raw.getInt(memory.slab(index) + Slab.BLOCKS) != 0;
                index++) {
            long slab = memory.slab(index);
            long entry = memory.blockClass(Raw.getInt(slab + Slab.CLASS));
            int number = Raw.getInt(slab + Slab.NUMBER);
            for (int m = 0; m < Raw.getInt(slab + Slab.BLOCKS); m++) {
                long word = Raw.getLong(slab + Slab.WORDS + m * 8L);
                if (Blocks.stateOf(word) == Blocks.FREE) {
                    assertThat(Raw.getLong(slab + Slab.FREE) >>> m & 1)
                            .as("free bit")
                            .isEqualTo(1);
                    assertThat(Raw.getLong(entry + BlockClass.LOW + (number >>> 6) * 8L) >>> (number & 63) & 1)
                            .as("low bit")
                            .isEqualTo(1);
                    assertThat(Raw.getLong(entry + BlockClass.MID) & 1)
                            .as("mid bit")
                            .isEqualTo(1);
                    assertThat(Raw.getLong(entry + BlockClass.TOP) & 1)
                            .as("top bit")
                            .isEqualTo(1);
                }
            }
        }
    }

    /** References of all clients. */
    static List<String> references(Memory memory) {
        List<String> found = new ArrayList<>();
        for (int client = 1; client < memory.clientsHigh(); client++) {
            for (int i = 0; i < References.high(memory, client); i++) {
                long at = References.entryAt(memory, client, i);
                if (at != 0 && Raw.getLong(at) != 0) {
                    found.add("client " + client + " " + Long.toHexString(Raw.getLong(at)));
                }
            }
        }
        return found;
    }

    /** The swept entry is as an entry never used, but for generations. */
    static void assertClean(Memory memory, int client) {
        long entry = memory.client(client);
        assertThat(Raw.getLong(entry) & 0xff).isEqualTo(ClientEntry.FREE);
        for (int at = 8; at < ClientEntry.RECORDS_EXT; at += 4) {
            assertThat(Raw.getInt(entry + at)).as("entry field at " + at).isZero();
        }
        for (int at = ClientEntry.REFS; at < ClientEntry.RECORDS; at += 8) {
            assertThat(Raw.getLong(entry + at)).as("reference at " + at).isZero();
        }
        for (int r = 0; r < ClientEntry.INLINE_RECORDS; r++) {
            assertThat(Raw.getInt(memory.record(client, r)) & 31)
                    .as("state of record " + r)
                    .isZero();
            for (int at = 4; at < 128; at += 4) {
                assertThat(Raw.getInt(memory.record(client, r) + at))
                        .as("record " + r + " at " + at)
                        .isZero();
            }
        }
    }
}
