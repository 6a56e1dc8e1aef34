package dragon.benchmarks;

import dragon.channel.Channel;
import dragon.channel.Loan;
import dragon.channel.Lock;
import dragon.channel.Role;
import dragon.channel.Semaphore;
import dragon.memory.Client;
import java.nio.ByteBuffer;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * What one thread pays for an operation when nobody is in its way, beside the JDK's own for threads of one process. A method's name is the side and the
 * operation.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class Operations {
    private static final int CAPACITY = 1024;
    private static final int LOAN = 65536;

    private final ArrayBlockingQueue<Long> jdkQueue = new ArrayBlockingQueue<>(CAPACITY);
    private final ReentrantLock jdkLock = new ReentrantLock();
    private final java.util.concurrent.Semaphore jdkSemaphore = new java.util.concurrent.Semaphore(1);

    private Client client;
    private Channel channel;
    private Channel unbounded;
    private Lock lock;
    private Semaphore semaphore;
    private long next;

    /** Makes the memory and the objects in it. */
    @Setup(Level.Trial)
    public void makeObjects() {
        Node node = Node.create();
        client = node.client(node.number());
        channel = Channel.create(client, CAPACITY, Channel.SLOT_SIZE, false, Role.USER);
        unbounded = Channel.create(client);
        lock = Lock.create(client, false);
        semaphore = Semaphore.create(client, 1, Semaphore.UNBOUNDED);
    }

    /** Eight bytes through a bounded channel. */
    @Benchmark
    public long dragonSendReceive() {
        channel.sendLong(next++);
        return channel.receiveLong();
    }

    /** Eight bytes through an unbounded channel. */
    @Benchmark
    public long dragonUnboundedSendReceive() {
        unbounded.sendLong(next++);
        return unbounded.receiveLong();
    }

    /** A number through a queue of references. */
    @Benchmark
    public Long jdkSendReceive() throws InterruptedException {
        jdkQueue.put(next++);
        return jdkQueue.take();
    }

    /** A lock of Dragon's. */
    @Benchmark
    public Lock.Outcome dragonLock() {
        Lock.Outcome outcome = lock.acquire();
        lock.release();
        return outcome;
    }

    /** A lock of the JDK's. */
    @Benchmark
    @SuppressWarnings("LockNotBeforeTry")
    public void jdkLock() {
        jdkLock.lock();
        jdkLock.unlock();
    }

    /** A semaphore of Dragon's. */
    @Benchmark
    public void dragonSemaphore() {
        semaphore.acquire();
        semaphore.release(1);
    }

    /** A semaphore of the JDK's. */
    @Benchmark
    public void jdkSemaphore() throws InterruptedException {
        jdkSemaphore.acquire();
        jdkSemaphore.release();
    }

    /** A block of 64 KiB, taken and given back untouched. */
    @Benchmark
    public long dragonBlock() {
        try (Loan loan = Loan.take(client, LOAN)) {
            return loan.segment().address();
        }
    }

    /** A direct buffer of 64 KiB, which the JDK zeroes. */
    @Benchmark
    public ByteBuffer jdkBlock() {
        return ByteBuffer.allocateDirect(LOAN);
    }
}
