package dragon.benchmarks.ipc;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Makes media, and finds those of another process. */
final class Media {
    private Media() {}

    /** All media, Dragon's first; without Aeron's where the messages are too large for it. */
    static List<Medium> open(Options options) {
        List<Medium> media = new ArrayList<>();
        media.add(DragonMedium.open(options.size()));
        if (options.shape() != Shape.IN_PLACE || options.size() <= AeronMedium.LARGEST_IN_PLACE) {
            media.add(AeronMedium.open(options.driver(), options.publication()));
        }
        media.add(PlainMedium.open(options.size()));
        return media;
    }

    /** A folder in memory for what media keep in files; {@code runner.py} makes and removes it, however the run ends. */
    static Path folder() {
        return Path.of(
                Objects.requireNonNull(System.getenv("DRAGON_BENCHMARK_FOLDER"), "DRAGON_BENCHMARK_FOLDER is not set"));
    }

    static Medium connect(String name, String address) {
        return switch (name) {
            case DragonMedium.NAME -> DragonMedium.connect(address);
            case AeronMedium.NAME -> AeronMedium.connect(address);
            case PlainMedium.NAME -> PlainMedium.connect(address);
            default -> throw new IllegalArgumentException("no medium is named " + name);
        };
    }
}
