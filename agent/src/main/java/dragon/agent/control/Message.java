package dragon.agent.control;

/** A control message: a value that can be written in the protobuf wire format. */
public interface Message {

    /** Writes this message's fields in front of what {@code out} already holds. */
    void write(Wire.Writer out);

    /** The bytes of this message. */
    default byte[] encode() {
        Wire.Writer out = new Wire.Writer();
        write(out);
        return out.toBytes();
    }
}
