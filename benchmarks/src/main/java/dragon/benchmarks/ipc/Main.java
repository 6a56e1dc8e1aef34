package dragon.benchmarks.ipc;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.DoubleSupplier;

/**
 * Measures one shape of exchange with all media in turn. Arguments: {@code name=value} of {@link Options}, and {@code row=NAME}, the name under which the results
 * are printed.
 */
final class Main {
    private static final long WARM_UP_NANOS = 1_200_000_000;

    private Main() {}

    public static void main(String[] arguments) {
        String row = arguments[0];
        Options options = Options.of(Arrays.copyOfRange(arguments, 1, arguments.length));
        List<Medium> media = Media.open(options);
        try (Far far = options.processes() ? new FarProcess(media) : new FarThread(media)) {
            measure(row, options, media, far);
        }
        media.forEach(Medium::close);
    }

    private static void measure(String row, Options options, List<Medium> media, Far far) {
        List<Near> ends = media.stream()
                .map(medium -> new Near(medium, options.shape(), options.size(), far))
                .toList();
        Cpu.mostUrgent(); // all threads of Aeron exist by now
        Cpu.urgent(false);
        Cpu.bindToFirst();
        Map<String, DoubleSupplier> sides = new LinkedHashMap<>();
        for (Near near : ends) {
            near.calibrate(WARM_UP_NANOS);
            sides.put(near.name(), near::measure);
        }
        for (int round = 0; round < options.rounds(); round++) {
            round(sides, options.slices()).forEach((side, value) -> print(row, side, options.shape(), value));
        }
    }

    /** The median of each side's slices, which take turns. */
    private static Map<String, Double> round(Map<String, DoubleSupplier> sides, int slices) {
        Map<String, double[]> values = new LinkedHashMap<>();
        for (int slice = 0; slice < slices; slice++) {
            for (Map.Entry<String, DoubleSupplier> side : sides.entrySet()) {
                values.computeIfAbsent(side.getKey(), name -> new double[slices])[slice] =
                        side.getValue().getAsDouble();
            }
        }
        Map<String, Double> medians = new LinkedHashMap<>();
        values.forEach((side, all) -> {
            Arrays.sort(all);
            medians.put(side, all[all.length / 2]);
        });
        return medians;
    }

    private static void print(String row, String side, Shape shape, double value) {
        System.out.printf(
                Locale.ROOT,
                "{\"row\": \"%s\", \"side\": \"%s\", \"value\": %.6g, \"unit\": \"%s\"}%n",
                row,
                side,
                value,
                shape.unit);
    }
}
