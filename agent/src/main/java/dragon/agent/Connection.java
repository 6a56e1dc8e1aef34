package dragon.agent;

import dragon.agent.control.Failure;
import dragon.agent.control.Frame;
import dragon.agent.control.WireException;
import dragon.agent.os.FrameSocket;
import dragon.agent.os.Link;
import dragon.agent.os.Linux;
import dragon.agent.os.LinuxException;
import dragon.agent.os.Poller;
import org.jspecify.annotations.Nullable;

/**
 * A connection of a client or a zygote. It turns frames into messages for the {@link Desk}; an error of the agent while it serves one becomes the answer to that one.
 *
 * <p>Its end says nothing of the process behind it: a forked child may hold it, and a process may make another.
 */
final class Connection implements Link.Listener {
    /** Serves requests. */
    interface Desk {
        /** Serves one; owns the descriptors. */
        void serve(Connection from, int call, Frame.Body body, int[] descriptors);

        /** Tells the user something that is no answer. */
        void say(String line);
    }

    private final Desk desk;
    private final Link link;

    /** Who the kernel says it is. */
    final Linux.Peer peer;

    /** Who said hello on it. */
    @Nullable
    Client client;

    Connection(Poller poller, int fd, Desk desk) {
        this.desk = desk;
        this.peer = Linux.peer(fd);
        this.link = new Link(poller, fd, this);
    }

    @Override
    public void frame(byte[] bytes, int[] descriptors) {
        Frame frame;
        try {
            frame = Frame.decode(bytes);
        } catch (WireException e) {
            FrameSocket.closeAll(descriptors);
            fail(0, "version", "pid " + peer.pid() + " sent what is no control message: " + e.getMessage(), 0);
            close();
            return;
        }
        if (frame.body() == null) {
            FrameSocket.closeAll(descriptors);
            fail(
                    frame.call(),
                    "version",
                    "the agent does not know this message; are agent and package of one build?",
                    0);
            return;
        }
        try {
            desk.serve(this, frame.call(), frame.body(), descriptors);
        } catch (LinuxException e) {
            fail(frame.call(), "internal", "the agent failed: " + e.getMessage(), e.errno());
        } catch (RuntimeException e) {
            fail(frame.call(), "internal", "the agent failed: " + e, 0);
            desk.say("dragon: the agent failed: " + e + " at " + e.getStackTrace()[0]);
        }
    }

    @Override
    public void ended(boolean broken) {
        if (broken) {
            desk.say("dragon: pid " + peer.pid() + " sent what is no frame; its connection is closed");
        }
    }

    /** Sends a frame. The caller still owns the descriptors. */
    void send(Frame frame, int... descriptors) {
        link.send(frame.encode(), descriptors);
    }

    /** Answers a call, if an answer is wanted. */
    void reply(int call, Frame.Body body, int... descriptors) {
        if (call != 0) {
            send(new Frame(call, body), descriptors);
        }
    }

    /** Answers that a call failed. */
    void fail(int call, String kind, String text, int errno) {
        reply(call, new Failure(kind, text, errno));
    }

    /** Takes in what has come already. */
    void receive() {
        link.receive();
    }

    void close() {
        link.close();
    }

    boolean closed() {
        return link.closed();
    }
}
