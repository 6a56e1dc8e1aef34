package dragon.memory;

/**
 * The thread was interrupted while it slept in a blocking operation, which has done nothing. Its interrupt status is still set: who wants the JDK's {@link
 * InterruptedException} clears it and throws that.
 */
public final class InterruptedWaitException extends DragonException {
    private static final long serialVersionUID = 1L;

    /** Interrupted while waiting for that. */
    public InterruptedWaitException(String awaited) {
        super(Category.USER, "wait.interrupted", "this thread was interrupted while waiting for " + awaited);
    }

    /**
     * Looks whether the calling thread, which was woken and found nothing, was woken by an interrupt.
     *
     * @throws InterruptedWaitException if it was
     */
    public static void check(Object awaited) {
        if (Thread.currentThread().isInterrupted()) {
            throw new InterruptedWaitException(awaited.toString());
        }
    }
}
