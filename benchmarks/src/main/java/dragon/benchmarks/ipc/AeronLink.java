package dragon.benchmarks.ipc;

import io.aeron.FragmentAssembler;
import io.aeron.Image;
import io.aeron.Publication;
import io.aeron.Subscription;
import io.aeron.logbuffer.BufferClaim;
import io.aeron.logbuffer.FragmentHandler;
import io.aeron.logbuffer.Header;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** One end of Aeron's two streams, used as its own benchmarks do: messages are claimed in place, and polled from the image, spinning. */
final class AeronLink implements Link {
    private static final int BATCH = 256;

    private final Publication publication;
    private final Subscription subscription;
    private final Image image;
    private final BufferClaim claim = new BufferClaim();
    private final Summing summing = new Summing();
    private final Copying copying = new Copying();
    private final Reading reading = new Reading();
    private UnsafeBuffer source = new UnsafeBuffer(new byte[8]);

    /** Returns when the other end is there. */
    AeronLink(Publication publication, Subscription subscription) {
        this.publication = publication;
        this.subscription = subscription;
        while (!publication.isConnected() || subscription.imageCount() == 0) {
            Thread.onSpinWait();
        }
        this.image = subscription.imageAtIndex(0);
    }

    @Override
    public void send(long value) {
        while (publication.tryClaim(8, claim) < 0) {
            Thread.onSpinWait();
        }
        claim.buffer().putLong(claim.offset(), value);
        claim.commit();
    }

    @Override
    public long receive() {
        summing.sum = 0;
        while (image.poll(summing, 1) == 0) {
            Thread.onSpinWait();
        }
        return summing.sum;
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
        return poll(summing, summing, count, 1);
    }

    /** Aeron has no call that sends many messages; what it batches is receiving. */
    @Override
    public void sendBatches(int count) {
        sendEach(count);
    }

    @Override
    public long receiveBatches(int count) {
        return poll(summing, summing, count, BATCH);
    }

    @Override
    public void sendCopies(int size, int count) {
        if (source.capacity() != size) {
            source = new UnsafeBuffer(new byte[size]);
        }
        for (int i = 0; i < count; i++) {
            source.putLong(0, i);
            while (publication.offer(source, 0, size) < 0) {
                Thread.onSpinWait();
            }
        }
    }

    /** A message of several fragments is copied out by the assembler, one of a single fragment by the handler. */
    @Override
    public long receiveCopies(int size, int count) {
        copying.assembled = size > publication.maxPayloadLength();
        return poll(copying.assembled ? new FragmentAssembler(copying, size) : copying, copying, count, 8);
    }

    @Override
    public void sendInPlace(int size, int count) {
        for (int i = 0; i < count; i++) {
            while (publication.tryClaim(size, claim) < 0) {
                Thread.onSpinWait();
            }
            MutableDirectBuffer buffer = claim.buffer();
            buffer.setMemory(claim.offset(), size, (byte) i);
            buffer.putLong(claim.offset(), i);
            claim.commit();
        }
    }

    @Override
    public long receiveInPlace(int size, int count) {
        return poll(reading, reading, count, 8);
    }

    private long poll(FragmentHandler handler, Counting counting, int count, int limit) {
        counting.count = 0;
        counting.sum = 0;
        while (counting.count < count) {
            if (image.poll(handler, limit) == 0) {
                Thread.onSpinWait();
            }
        }
        return counting.sum;
    }

    @Override
    public void close() {
        publication.close();
        subscription.close();
    }

    private abstract static class Counting implements FragmentHandler {
        int count;
        long sum;
    }

    private static final class Summing extends Counting {
        @Override
        public void onFragment(DirectBuffer buffer, int offset, int length, Header header) {
            sum += buffer.getLong(offset);
            count++;
        }
    }

    private static final class Copying extends Counting {
        private byte[] target = {};
        private boolean assembled;

        @Override
        public void onFragment(DirectBuffer buffer, int offset, int length, Header header) {
            if (!assembled) {
                if (target.length != length) {
                    target = new byte[length];
                }
                buffer.getBytes(offset, target, 0, length);
            }
            sum += buffer.getLong(offset);
            count++;
        }
    }

    private static final class Reading extends Counting {
        @SuppressWarnings("UnusedVariable") // so that the reads are made
        private long lines;

        @Override
        public void onFragment(DirectBuffer buffer, int offset, int length, Header header) {
            for (int at = 64; at + 8 <= length; at += 64) {
                lines += buffer.getLong(offset + at);
            }
            sum += buffer.getLong(offset);
            count++;
        }
    }
}
