package dragon.benchmarks.ipc;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * What this machine can do at this moment: two rings of slots in a mapped file, each with one sender, one receiver, one word that says full or empty, and nothing
 * else: no other senders, no sleeping, nobody who may die.
 */
final class PlainMedium implements Medium {
    static final String NAME = "plain";

    private static final int SMALL_SLOTS = 1024;
    /** More than a core's own cache: lines that another core's cache holds changed are slow to get. */
    private static final int LARGE_BYTES = 8 << 20;

    private final Path file;
    private final int slots;
    private final int slotSize;
    private final MemorySegment memory;

    private PlainMedium(Path file, int slots, int slotSize) {
        this.file = file;
        this.slots = slots;
        this.slotSize = slotSize;
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE)) {
            memory = channel.map(FileChannel.MapMode.READ_WRITE, 0, 2L * slots * slotSize, Arena.global());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static PlainMedium open(int size) {
        boolean small = size <= PlainLink.SMALL;
        return new PlainMedium(
                Media.folder().resolve("plain"),
                small ? SMALL_SLOTS : LARGE_BYTES / size,
                small ? PlainLink.LINE : size + 2 * PlainLink.LINE);
    }

    static PlainMedium connect(String address) {
        String[] parts = address.split(",", -1);
        return new PlainMedium(Path.of(parts[0]), Integer.parseInt(parts[1]), Integer.parseInt(parts[2]));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String address() {
        return "%s,%d,%d".formatted(file, slots, slotSize);
    }

    @Override
    public Link near() {
        return new PlainLink(ring(0), ring(1), slots, slotSize);
    }

    @Override
    public Link far() {
        return new PlainLink(ring(1), ring(0), slots, slotSize);
    }

    private MemorySegment ring(int number) {
        long bytes = (long) slots * slotSize;
        return memory.asSlice(number * bytes, bytes);
    }

    @Override
    public void close() {}
}
