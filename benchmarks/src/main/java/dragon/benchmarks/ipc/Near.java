package dragon.benchmarks.ipc;

/**
 * The measuring end of one medium: sends, and times what the far end has confirmed. The work is cut into slices of about 10 ms, and the slices of all media take
 * turns, since a virtual machine's cores change their distance from each other (and with it every figure here, up to eightfold) from one second to the next.
 */
final class Near {
    private static final long WANTED_NANOS = 10_000_000;
    private static final long REST_MILLIS = 15;

    private final Medium medium;
    private final Shape shape;
    private final int size;
    private final Link link;
    private final Far far;
    private int count = 64;

    Near(Medium medium, Shape shape, int size, Far far) {
        this.medium = medium;
        this.shape = shape;
        this.size = size;
        this.link = medium.near();
        this.far = far;
    }

    /** Finds how many messages fill a slice, and keeps on for that time, which also warms the compiler up. */
    void calibrate(long warmUpNanos) {
        for (long end = System.nanoTime() + warmUpNanos; System.nanoTime() < end; ) {
            long nanos = Math.max(1, slice());
            double wanted = (double) count * WANTED_NANOS / nanos;
            count = (int) Math.max(4, Math.clamp(wanted, count / 2.0, count * 4.0));
        }
    }

    String name() {
        return medium.name();
    }

    /** The shape's value, of one slice. */
    double measure() {
        return shape.value(slice(), count, size);
    }

    private long slice() {
        Task task = new Task(medium.name(), shape, size, count);
        far.start(task);
        link.receive(); // the far end is ready
        Cpu.urgent(true);
        long begin = System.nanoTime();
        run(task);
        long nanos = System.nanoTime() - begin;
        Cpu.urgent(false);
        rest();
        return nanos;
    }

    /** Others get the processors for longer than they had to do without. */
    private static void rest() {
        try {
            Thread.sleep(REST_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void run(Task task) {
        switch (task.shape()) {
            case ROUND_TRIP -> {
                link.ping(count);
                return;
            }
            case ONE_BY_ONE -> link.sendEach(count);
            case BATCHES -> link.sendBatches(count);
            case COPIED -> link.sendCopies(task.size(), count);
            case IN_PLACE -> link.sendInPlace(task.size(), count);
        }
        long sum = link.receive();
        long expected = (long) count * (count - 1) / 2;
        if (sum != expected) {
            throw new IllegalStateException(
                    "%s lost or changed messages: sum %d instead of %d".formatted(task, sum, expected));
        }
    }
}
