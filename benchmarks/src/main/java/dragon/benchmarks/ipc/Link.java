package dragon.benchmarks.ipc;

/**
 * One end of a medium: it sends to the other end and receives from it, and is used by one thread. All calls spin or wait as the medium does until they are done.
 *
 * <p>The loops lie in the implementations, not around them, so that the compiler sees one type in each. The {@code receive...} calls return the sum of the first
 * longs of all messages; a sender numbers its messages from 0.
 */
interface Link extends AutoCloseable {

    void send(long value);

    long receive();

    /** Sends {@code count} messages and waits for the echo of each before the next. */
    void ping(int count);

    void echo(int count);

    void sendEach(int count);

    long receiveEach(int count);

    void sendBatches(int count);

    long receiveBatches(int count);

    void sendCopies(int size, int count);

    long receiveCopies(int size, int count);

    /** Writes each byte of each message where it lies. */
    void sendInPlace(int size, int count);

    /** Reads each cache line of each message where it lies. */
    long receiveInPlace(int size, int count);

    @Override
    void close();
}
