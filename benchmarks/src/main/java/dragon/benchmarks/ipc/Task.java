package dragon.benchmarks.ipc;

/** One slice of a measurement: {@code count} messages of {@code size} bytes. */
record Task(String medium, Shape shape, int size, int count) {

    /** One line of text, as the far process reads it. */
    String line() {
        return "%s %s %d %d".formatted(medium, shape, size, count);
    }

    static Task of(String line) {
        String[] words = line.split(" ", -1);
        return new Task(words[0], Shape.valueOf(words[1]), Integer.parseInt(words[2]), Integer.parseInt(words[3]));
    }
}
