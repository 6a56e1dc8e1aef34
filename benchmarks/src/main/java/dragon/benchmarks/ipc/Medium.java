package dragon.benchmarks.ipc;

/** A way for two ends to exchange messages, between threads of one process or between two processes. */
interface Medium extends AutoCloseable {

    String name();

    /** By what another process finds this medium: one word, for {@link Media#connect}. */
    String address();

    /** This medium's ends; a call may wait until the other end is opened, too. */
    Link near();

    Link far();

    @Override
    void close();
}
