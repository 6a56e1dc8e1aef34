package dragon.agent;

import dragon.agent.control.Frame;
import dragon.agent.output.Output;
import org.jspecify.annotations.Nullable;

/** A zygote as the agent holds it: its output sockets, and, once it said hello, its connection. */
final class Zygote {
    final long id;
    final String executable;
    final Output.Channel output;
    int pid;

    @Nullable
    Connection connection;

    Zygote(long id, String executable, Output.Channel output) {
        this.id = id;
        this.executable = executable;
        this.output = output;
    }

    /** Sends it a message that wants no reply. */
    void tell(Frame.Body body, int... descriptors) {
        if (connection != null) {
            connection.send(new Frame(0, body), descriptors);
        }
    }

    /** It is gone. */
    void close() {
        if (connection != null) {
            connection.close();
        }
        output.close();
    }
}
