package dragon.benchmarks.ipc;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/** One end of a {@link PlainMedium}. A slot is its word, and the bytes from the next cache line on; a small message lies beside the word. */
final class PlainLink implements Link {
    static final int LINE = 64;
    static final int SMALL = 8;

    private static final int EMPTY = 0;
    private static final int FULL = 1;
    private static final VarHandle WORD = ValueLayout.JAVA_INT.varHandle();

    private final MemorySegment out;
    private final MemorySegment in;
    private final int slots;
    private final int slotSize;
    private byte[] array = {};
    private int sent;
    private int received;

    @SuppressWarnings("UnusedVariable") // so that the reads are made
    private long lines;

    PlainLink(MemorySegment out, MemorySegment in, int slots, int slotSize) {
        this.out = out;
        this.in = in;
        this.slots = slots;
        this.slotSize = slotSize;
    }

    private long toSend() {
        long slot = (long) sent * slotSize;
        while ((int) WORD.getAcquire(out, slot) != EMPTY) {
            Thread.onSpinWait();
        }
        return slot;
    }

    private void filled(long slot) {
        WORD.setRelease(out, slot, FULL);
        sent = sent + 1 == slots ? 0 : sent + 1;
    }

    private long toReceive() {
        long slot = (long) received * slotSize;
        while ((int) WORD.getAcquire(in, slot) != FULL) {
            Thread.onSpinWait();
        }
        return slot;
    }

    private void emptied(long slot) {
        WORD.setRelease(in, slot, EMPTY);
        received = received + 1 == slots ? 0 : received + 1;
    }

    @Override
    public void send(long value) {
        long slot = toSend();
        out.set(ValueLayout.JAVA_LONG, slot + SMALL, value);
        filled(slot);
    }

    @Override
    public long receive() {
        long slot = toReceive();
        long value = in.get(ValueLayout.JAVA_LONG, slot + SMALL);
        emptied(slot);
        return value;
    }

    @Override
    public void ping(int count) {
        for (int i = 0; i < count; i++) {
            send(i);
            receive();
        }
    }

    @Override
    public void echo(int count) {
        for (int i = 0; i < count; i++) {
            send(receive());
        }
    }

    @Override
    public void sendEach(int count) {
        for (int i = 0; i < count; i++) {
            send(i);
        }
    }

    @Override
    public long receiveEach(int count) {
        long sum = 0;
        for (int i = 0; i < count; i++) {
            sum += receive();
        }
        return sum;
    }

    @Override
    public void sendBatches(int count) {
        sendEach(count);
    }

    @Override
    public long receiveBatches(int count) {
        return receiveEach(count);
    }

    @Override
    public void sendCopies(int size, int count) {
        makeArray(size);
        for (int i = 0; i < count; i++) {
            long slot = toSend();
            MemorySegment.copy(array, 0, out, ValueLayout.JAVA_BYTE, slot + LINE, size);
            out.set(ValueLayout.JAVA_LONG_UNALIGNED, slot + LINE, i);
            filled(slot);
        }
    }

    @Override
    public long receiveCopies(int size, int count) {
        makeArray(size);
        long sum = 0;
        for (int i = 0; i < count; i++) {
            long slot = toReceive();
            MemorySegment.copy(in, ValueLayout.JAVA_BYTE, slot + LINE, array, 0, size);
            sum += in.get(ValueLayout.JAVA_LONG_UNALIGNED, slot + LINE);
            emptied(slot);
        }
        return sum;
    }

    private void makeArray(int size) {
        if (array.length != size) {
            array = new byte[size];
        }
    }

    @Override
    public void sendInPlace(int size, int count) {
        for (int i = 0; i < count; i++) {
            long slot = toSend();
            MemorySegment message = out.asSlice(slot + LINE, size);
            message.fill((byte) i);
            message.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, i);
            filled(slot);
        }
    }

    @Override
    public long receiveInPlace(int size, int count) {
        long sum = 0;
        for (int i = 0; i < count; i++) {
            long slot = toReceive();
            MemorySegment message = in.asSlice(slot + LINE, size);
            sum += message.get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
            lines += Lines.sum(message);
            emptied(slot);
        }
        return sum;
    }

    @Override
    public void close() {}
}
