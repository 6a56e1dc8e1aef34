package dragon.channel;

/** In which role a process is bound to an object. The ends of a channel that tracks them close when nobody has that role any more. */
public enum Role {
    /** Uses it, in no special role. */
    USER(1),
    /** Sends. */
    SENDER(2),
    /** Receives. */
    RECEIVER(4);

    /** The role bits of a reference. */
    static final long MASK = 63;

    private final int bit;

    Role(int bit) {
        this.bit = bit;
    }

    /** The role's bit in a reference. */
    public int bit() {
        return bit;
    }
}
