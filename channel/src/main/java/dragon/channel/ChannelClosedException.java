package dragon.channel;

import dragon.memory.DragonException;

/** The other side is gone or the channel was closed: nothing more will come, or nobody would ever read it. */
public final class ChannelClosedException extends DragonException {
    private static final long serialVersionUID = 1L;

    ChannelClosedException(String message) {
        super(Category.REMOTE, "channel.closed", message);
    }
}
