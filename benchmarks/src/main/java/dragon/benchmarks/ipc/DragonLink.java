package dragon.benchmarks.ipc;

import dragon.channel.Channel;
import dragon.channel.Loan;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** One end of Dragon's two channels, used as a program would: calls that spin a little and then sleep. */
final class DragonLink implements Link {
    private static final int BATCH = 256;

    private final long[] batch = new long[BATCH];
    private final Channel out;
    private final Channel in;
    private byte[] source = {};
    private byte[] target = {};

    @SuppressWarnings("UnusedVariable") // so that the reads are made
    private long lines;

    DragonLink(Channel out, Channel in) {
        this.out = out;
        this.in = in;
    }

    @Override
    public void send(long value) {
        out.sendLong(value);
    }

    @Override
    public long receive() {
        return in.receiveLong();
    }

    @Override
    public void ping(int count) {
        for (int i = 0; i < count; i++) {
            out.sendLong(i);
            in.receiveLong();
        }
    }

    @Override
    public void echo(int count) {
        for (int i = 0; i < count; i++) {
            out.sendLong(in.receiveLong());
        }
    }

    @Override
    public void sendEach(int count) {
        for (int i = 0; i < count; i++) {
            out.sendLong(i);
        }
    }

    @Override
    public long receiveEach(int count) {
        long sum = 0;
        for (int i = 0; i < count; i++) {
            sum += in.receiveLong();
        }
        return sum;
    }

    @Override
    public void sendBatches(int count) {
        for (int sent = 0; sent < count; ) {
            int size = Math.min(BATCH, count - sent);
            for (int i = 0; i < size; i++) {
                batch[i] = sent + i;
            }
            out.sendLongs(batch, 0, size);
            sent += size;
        }
    }

    @Override
    public long receiveBatches(int count) {
        long sum = 0;
        for (int received = 0; received < count; ) {
            int size = in.receiveLongs(batch, 0, Math.min(BATCH, count - received));
            for (int i = 0; i < size; i++) {
                sum += batch[i];
            }
            received += size;
        }
        return sum;
    }

    @Override
    public void sendCopies(int size, int count) {
        if (source.length != size) {
            source = new byte[size];
        }
        MemorySegment message = MemorySegment.ofArray(source);
        for (int i = 0; i < count; i++) {
            message.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, i);
            out.send(message);
        }
    }

    @Override
    public long receiveCopies(int size, int count) {
        if (target.length != size) {
            target = new byte[size];
        }
        MemorySegment message = MemorySegment.ofArray(target);
        long sum = 0;
        for (int i = 0; i < count; i++) {
            in.receive(message);
            sum += message.get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
        }
        return sum;
    }

    @Override
    public void sendInPlace(int size, int count) {
        for (int i = 0; i < count; i++) {
            try (Loan loan = Loan.take(out.client(), size)) {
                MemorySegment message = loan.segment();
                message.fill((byte) i);
                message.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, i);
                out.send(loan, size);
            }
        }
    }

    @Override
    public long receiveInPlace(int size, int count) {
        long sum = 0;
        for (int i = 0; i < count; i++) {
            try (Loan loan = in.receiveLoan()) {
                MemorySegment message = loan.segment();
                sum += message.get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
                lines += Lines.sum(message);
            }
        }
        return sum;
    }

    @Override
    public void close() {
        out.close();
        in.close();
    }
}
