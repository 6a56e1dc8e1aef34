package dragon.memory;

import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.spi.AbstractInterruptibleChannel;

/**
 * Makes {@link Thread#interrupt} wake a thread that sleeps on its record, as it wakes one in the JDK's own blocking calls: the JDK calls {@link
 * #implCloseChannel} in the interrupting thread, or in the sleeper's at once if it was interrupted before. Serves until then.
 */
final class InterruptibleSleep extends AbstractInterruptibleChannel {
    private final ThreadRecord record;

    InterruptibleSleep(ThreadRecord record) {
        this.record = record;
    }

    /** From here to {@link #leave} an interrupt wakes the thread. */
    void enter() {
        begin();
    }

    void leave() {
        try {
            end(true);
        } catch (AsynchronousCloseException interrupted) {
            // the thread's interrupt status says it, and its record is no longer PARKED
        }
    }

    @Override
    protected void implCloseChannel() {
        record.disturb();
    }
}
