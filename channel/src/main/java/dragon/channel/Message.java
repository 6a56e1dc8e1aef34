package dragon.channel;

/**
 * A received message: its bytes, and what its sender marked it with.
 *
 * @param flags the sender's 24 bits
 * @param data its bytes, the receiver's own
 */
@SuppressWarnings("ArrayRecordComponent") // the bytes are the receiver's own, and there may be gigabytes of them
public record Message(int flags, byte[] data) {}
