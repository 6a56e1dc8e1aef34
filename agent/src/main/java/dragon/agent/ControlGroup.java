package dragon.agent;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Where this process's control groups, and those above them, have their files. */
final class ControlGroup {
    private ControlGroup() {}

    /** The paths a file may have, of this process's group for {@code controller} first, then of those above: {@code unified} in version 2, {@code old} in version 1. */
    static List<String> files(String controller, String unified, String old) {
        List<String> found = new ArrayList<>();
        for (String line : read("/proc/self/cgroup").lines().toList()) {
            String path = line.substring(line.indexOf('/'));
            if (line.startsWith("0::")) {
                along("/sys/fs/cgroup", path, unified, found);
            } else if (("," + line.substring(line.indexOf(':') + 1, line.indexOf(":/")) + ",")
                    .contains("," + controller + ",")) {
                along("/sys/fs/cgroup/" + controller, path, old, found);
            }
        }
        return found;
    }

    private static void along(String root, String path, String file, List<String> to) {
        for (String at = path; !at.isEmpty() && !at.equals("/"); at = at.substring(0, at.lastIndexOf('/'))) {
            to.add(root + at + "/" + file);
        }
        to.add(root + "/" + file);
    }

    /** What stands in a file; nothing if it cannot be read. */
    static String read(String path) {
        try (FileInputStream in = new FileInputStream(path)) {
            return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
        } catch (IOException _) {
            return "";
        }
    }
}
