package dragon.channel;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** How many processors this machine has, whatever this process may run on: the other side of a channel may run elsewhere. */
final class Processors {
    private static final Path ONLINE = Path.of("/sys/devices/system/cpu/online");

    private Processors() {}

    /** The processors online; where the kernel does not tell, those this process may run on. */
    static int online() {
        try {
            return count(Files.readString(ONLINE).strip());
        } catch (IOException | NumberFormatException nobodyTells) {
            return Runtime.getRuntime().availableProcessors();
        }
    }

    /** The numbers in a kernel's list, as {@code 0-3,8,10-11}. */
    static int count(String list) {
        int count = 0;
        for (String range : list.split(",", -1)) {
            int dash = range.indexOf('-');
            count += dash < 0
                    ? 1
                    : Integer.parseInt(range.substring(dash + 1)) - Integer.parseInt(range.substring(0, dash)) + 1;
        }
        return count;
    }
}
