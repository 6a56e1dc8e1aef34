package dragon.benchmarks.ipc;

import io.aeron.Aeron;
import io.aeron.Subscription;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import org.jspecify.annotations.Nullable;

/**
 * Aeron IPC: two streams, one for each direction. The near process has the media driver within it, as programs on one machine do, with its default idle
 * strategies. The largest fragment is Aeron's greatest, so that large messages are cut as little as possible.
 */
final class AeronMedium implements Medium {
    static final String NAME = "aeron";

    private static final int FRAGMENT = 65504;

    /** The largest message that can be written and read in place: a fragment less its header. */
    static final int LARGEST_IN_PLACE = FRAGMENT - 32;

    private static final String CHANNEL = "aeron:ipc?term-length=" + System.getProperty("aeron.term", "64m");
    private static final int FORTH = 1001;
    private static final int BACK = 1002;

    private final @Nullable MediaDriver driver;
    private final String folder;
    private final Aeron aeron;
    private final boolean exclusive;

    private AeronMedium(@Nullable MediaDriver driver, String folder, boolean exclusive) {
        this.driver = driver;
        this.folder = folder;
        this.exclusive = exclusive;
        this.aeron = Aeron.connect(new Aeron.Context().aeronDirectoryName(folder));
    }

    static AeronMedium open(Options.Driver threading, Options.Publication publication) {
        MediaDriver driver = MediaDriver.launch(new MediaDriver.Context()
                .aeronDirectoryName(Media.folder().resolve("aeron").toString())
                .threadingMode(threading == Options.Driver.SHARED ? ThreadingMode.SHARED : ThreadingMode.DEDICATED)
                .ipcMtuLength(FRAGMENT)
                .dirDeleteOnShutdown(true));
        return new AeronMedium(driver, driver.aeronDirectoryName(), publication == Options.Publication.EXCLUSIVE);
    }

    static AeronMedium connect(String address) {
        String[] parts = address.split(",", -1);
        return new AeronMedium(null, parts[0], Boolean.parseBoolean(parts[1]));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String address() {
        return folder + "," + exclusive;
    }

    @Override
    public Link near() {
        return link(FORTH, BACK);
    }

    @Override
    public Link far() {
        return link(BACK, FORTH);
    }

    private Link link(int out, int in) {
        Subscription subscription = aeron.addSubscription(CHANNEL, in);
        return new AeronLink(
                exclusive ? aeron.addExclusivePublication(CHANNEL, out) : aeron.addPublication(CHANNEL, out),
                subscription);
    }

    @Override
    public void close() {
        aeron.close();
        if (driver != null) {
            driver.close();
        }
    }
}
