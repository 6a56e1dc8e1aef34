package dragon.benchmarks.ipc;

/**
 * What to measure and how.
 *
 * @param processes two processes, else two threads of one
 * @param size bytes of a message
 * @param rounds measurements of each medium, in turn
 * @param slices parts of a measurement, of about 10 ms each
 * @param driver Aeron's media driver: SHARED (one thread) or DEDICATED (three)
 * @param publication Aeron's publication: EXCLUSIVE (one sender, the faster) or CONCURRENT (many senders, as a channel of Dragon has)
 */
record Options(
        boolean processes, Shape shape, int size, int rounds, int slices, Driver driver, Publication publication) {

    enum Driver {
        SHARED,
        DEDICATED
    }

    enum Publication {
        EXCLUSIVE,
        CONCURRENT
    }

    static Options of(String[] arguments) {
        Options options = new Options(true, Shape.ROUND_TRIP, 8, 7, 15, Driver.SHARED, Publication.EXCLUSIVE);
        for (String argument : arguments) {
            options = options.with(argument);
        }
        return options;
    }

    private Options with(String argument) {
        int equals = argument.indexOf('=');
        String name = equals < 0 ? argument : argument.substring(0, equals);
        String value = argument.substring(equals + 1);
        return switch (name) {
            case "processes" -> new Options(true, shape, size, rounds, slices, driver, publication);
            case "threads" -> new Options(false, shape, size, rounds, slices, driver, publication);
            case "shape" -> new Options(processes, Shape.valueOf(value), size, rounds, slices, driver, publication);
            case "size" -> new Options(processes, shape, Integer.parseInt(value), rounds, slices, driver, publication);
            case "rounds" -> new Options(processes, shape, size, Integer.parseInt(value), slices, driver, publication);
            case "slices" -> new Options(processes, shape, size, rounds, Integer.parseInt(value), driver, publication);
            case "driver" -> new Options(processes, shape, size, rounds, slices, Driver.valueOf(value), publication);
            case "publication" ->
                new Options(processes, shape, size, rounds, slices, driver, Publication.valueOf(value));
            default -> throw new IllegalArgumentException("unknown argument " + argument);
        };
    }
}
