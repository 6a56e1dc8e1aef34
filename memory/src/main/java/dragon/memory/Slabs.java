package dragon.memory;

import dragon.memory.Layout.BlockClass;
import dragon.memory.Layout.Slab;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The slab table as the agent sees it. An entry is of one class and has one number in it for ever; its bytes come and go: without them it *rests*, with all of its blocks
 * AGENT, so that nobody can have one. Whoever claims a block of it reads where that lies only then. Thread-safe, but for {@link #open} and {@link #rest}, which are the books'.
 */
final class Slabs {
    static final long IN_USE = -1;

    private final Memory memory;

    Slabs(Memory memory) {
        this.memory = memory;
    }

    int blockClass(int slab) {
        return Raw.getInt(memory.slab(slab) + Slab.CLASS);
    }

    /** Of those of its class, in the order in which they were granted first. */
    int number(int slab) {
        return Raw.getInt(memory.slab(slab) + Slab.NUMBER);
    }

    /** The offset of its bytes; 0: it rests. */
    long base(int slab) {
        return Raw.getLongAcquire(memory.slab(slab) + Slab.BASE);
    }

    long bytes(int slab) {
        return SizeClasses.slabBytes(blockClass(slab), memory.pageSize());
    }

    /** Makes the entry another one of a class, which rests. */
    void add(int slab, int blockClass) {
        long entry = memory.blockClass(blockClass);
        int number = Raw.getInt(entry + BlockClass.SLAB_COUNT);
        long at = memory.slab(slab);
        Raw.putInt(at + Slab.CLASS, blockClass);
        Raw.putInt(at + Slab.BLOCKS, SizeClasses.blocksOf(blockClass));
        Raw.putInt(at + Slab.NUMBER, number);
        for (int m = 0; m < SizeClasses.blocksOf(blockClass); m++) {
            Raw.putLongRelease(wordAt(slab, m), Blocks.word(0, Blocks.AGENT, 0));
        }
        Raw.putInt(entry + BlockClass.SLABS + (long) number * Integer.BYTES, slab);
        Raw.putIntRelease(entry + BlockClass.SLAB_COUNT, number + 1);
    }

    /** Gives bytes to one that rests: its blocks are free. */
    void open(int slab, long base) {
        Raw.putLongRelease(memory.slab(slab) + Slab.BASE, base);
        release(slab);
    }

    /** Takes the bytes of one that was taken out of use. Returns where they begin. */
    long rest(int slab) {
        long at = memory.slab(slab);
        long base = base(slab);
        Raw.putLongRelease(at + Slab.BASE, 0);
        Raw.andLong(at + Slab.FREE, 0);
        Hints.lowerSlab(memory.blockClass(blockClass(slab)), at, number(slab));
        return base;
    }

    /** A sum that is another after any use of it; IN_USE where a block of it is not free. */
    long use(int slab) {
        long sum = 0;
        for (int m = 0; m < SizeClasses.blocksOf(blockClass(slab)); m++) {
            long word = Raw.getLongVolatile(wordAt(slab, m));
            if (Blocks.stateOf(word) != Blocks.FREE) {
                return IN_USE;
            }
            sum += Blocks.generationOf(word);
        }
        return sum;
    }

    /** Takes it out of use; false: a block of it is in use. */
    boolean take(int slab) {
        int blocks = SizeClasses.blocksOf(blockClass(slab));
        for (int m = 0; m < blocks; m++) {
            long word = Raw.getLongVolatile(wordAt(slab, m));
            long out = Blocks.word(Blocks.generationOf(word), Blocks.AGENT, 0);
            if (Blocks.stateOf(word) != Blocks.FREE || !Raw.casLong(wordAt(slab, m), word, out)) {
                release(slab, m);
                return false;
            }
        }
        return true;
    }

    /** Puts one that was taken into use again. */
    void release(int slab) {
        release(slab, SizeClasses.blocksOf(blockClass(slab)));
    }

    private void release(int slab, int blocks) {
        for (int m = 0; m < blocks; m++) {
            Blocks.release(memory, (long) slab << 6 | m);
        }
    }

    /** The slabs in groups that lie one after another. */
    List<List<Integer>> runs(List<Integer> slabs) {
        List<Integer> inOrder = new ArrayList<>(slabs);
        inOrder.sort(Comparator.comparingLong(this::base));
        List<List<Integer>> runs = new ArrayList<>();
        long end = 0;
        for (int slab : inOrder) {
            if (base(slab) != end) {
                runs.add(new ArrayList<>());
            }
            runs.getLast().add(slab);
            end = base(slab) + bytes(slab);
        }
        return runs;
    }

    private long wordAt(int slab, int m) {
        return Blocks.wordAt(memory, (long) slab << 6 | m);
    }
}
