package dragon.channel;

/** Where the fields of objects lie (section 9), from the object's start. */
final class ObjectLayout {
    static final int ID = 0;
    static final int KIND = 8;
    static final int STATE = 12;
    static final int BLOCK = 16;
    static final int FLAGS = 24;
    static final int CLOSED = 28;
    static final int SENDERS = 32;
    static final int RECEIVERS = 36;
    static final int BODY = 64;
    static final int QUEUE_0 = 128;
    static final int QUEUE_1 = QUEUE_0 + WaitQueue.SIZE_OF;
    static final int RING = QUEUE_1 + WaitQueue.SIZE_OF;
    static final int AREA_BYTES = 128;
    static final long BARRIER_STATE = 3L << 22;
    static final long BARRIER_BROKEN = 2L << 22;

    static final int DEAD = 0;
    static final int LIVE = 1;
    static final int DYING = 2;

    static final int SHARED = 1;
    static final int ENDS = 2;

    static final int NO_SENDERS = 1;
    static final int NO_RECEIVERS = 2;
    static final int CLOSED_BY_CALL = 4;

    private ObjectLayout() {}
}
