package dragon.channel;

import dragon.memory.DragonException;

/** A message did not fit into the receiver's memory. Nothing is lost: the message is here. */
public final class MessageTooLargeException extends DragonException {
    private static final long serialVersionUID = 1L;

    @SuppressWarnings("serial") // a record of a number and an array
    private final Message received;

    MessageTooLargeException(Message received, long room) {
        super(
                Category.USER,
                "channel.too-large",
                "a message of " + received.data().length + " bytes does not fit into " + room + " bytes");
        this.received = received;
    }

    /** The message. */
    public Message received() {
        return received;
    }
}
