package dragon.agent.os;

/**
 * A {@link FrameSocket} in a {@link Poller}: frames come to its listener, and what could not be sent at once is sent when the peer takes it. For the poller's thread only.
 */
public final class Link {
    /** Hears what comes over a link. */
    public interface Listener {
        /** A frame, and the descriptors that came with it, which the listener owns from then on. */
        void frame(byte[] bytes, int[] descriptors);

        /** The peer closed its end or is gone ({@code broken}: or does not speak the protocol). The link is closed; nothing more will come. */
        void ended(boolean broken);
    }

    private final Poller poller;
    private final FrameSocket socket;
    private final Listener listener;
    private boolean waiting;
    private boolean closed;

    /** Hears {@code fd} from now on; the link owns it. */
    public Link(Poller poller, int fd, Listener listener) {
        this.poller = poller;
        this.socket = new FrameSocket(fd);
        this.listener = listener;
        poller.add(fd, Poller.IN, this::ready);
    }

    private void ready(int events) {
        if ((events & Poller.OUT) != 0) {
            socket.flush();
            watch();
        }
        if ((events & ~Poller.OUT) != 0) {
            receive();
        }
    }

    /** Takes in what has come already, without waiting for the poller. */
    public void receive() {
        if (closed) {
            return;
        }
        FrameSocket.Reading reading = socket.read((bytes, descriptors) -> {
            if (closed) {
                FrameSocket.closeAll(descriptors);
            } else {
                listener.frame(bytes, descriptors);
            }
        });
        if (reading != FrameSocket.Reading.LATER && !closed) {
            close();
            listener.ended(reading == FrameSocket.Reading.BROKEN);
        }
    }

    /** Sends a frame; the caller still owns the descriptors. Throws a LinuxException if they cannot be passed. */
    public void send(byte[] bytes, int... descriptors) {
        if (!closed) {
            socket.send(bytes, descriptors);
            watch();
        }
    }

    private void watch() {
        if (socket.sending() != waiting) {
            waiting = socket.sending();
            poller.interest(socket.fd(), waiting ? Poller.IN | Poller.OUT : Poller.IN);
        }
    }

    /** Ends the link, without a word to its listener. */
    public void close() {
        if (!closed) {
            closed = true;
            poller.remove(socket.fd());
            socket.close();
        }
    }

    public boolean closed() {
        return closed;
    }
}
