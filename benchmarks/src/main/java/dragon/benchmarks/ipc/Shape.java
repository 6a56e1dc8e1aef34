package dragon.benchmarks.ipc;

/** What one measurement exchanges, and how its result is given. */
enum Shape {
    /** 8 bytes there and back, one at a time: microseconds. */
    ROUND_TRIP("us"),
    /** 8 bytes one way, each message sent and received by itself: millions of messages a second. */
    ONE_BY_ONE("M/s"),
    /** 8 bytes one way, many messages in one call where the medium has such a call: millions of messages a second. */
    BATCHES("M/s"),
    /** Large messages one way, copied in from the sender's array and out to the receiver's: gigabytes a second. */
    COPIED("GB/s"),
    /** Large messages one way, written by the sender and read by the receiver where they lie: gigabytes a second. */
    IN_PLACE("GB/s");

    final String unit;

    Shape(String unit) {
        this.unit = unit;
    }

    /** The result in this shape's unit, of {@code count} messages of {@code size} bytes in {@code nanos}. */
    double value(long nanos, long count, int size) {
        return switch (this) {
            case ROUND_TRIP -> nanos / 1e3 / count;
            case ONE_BY_ONE, BATCHES -> count * 1e3 / nanos;
            case COPIED, IN_PLACE -> (double) count * size / nanos;
        };
    }
}
