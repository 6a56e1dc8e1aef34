package dragon.agent.output;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * What stands before each line, if the user wants to see who wrote it. A process may write before its zygote has told the agent its pid; so while one is being
 * born, the lines of a pid that is not known wait ({@link #known}). A pid that stays unknown is that of a program that some worker started.
 */
final class Labels {
    private final Map<Integer, byte[]> labels = new HashMap<>();
    private final BooleanSupplier birth;

    /** {@code birth}: is a process being born whose pid is not known yet? */
    Labels(BooleanSupplier birth) {
        this.birth = birth;
    }

    void add(int pid, String label) {
        labels.put(pid, (label + ": ").getBytes(StandardCharsets.UTF_8));
    }

    void remove(int pid) {
        labels.remove(pid);
    }

    /** Is it known who the process is, as far as it will ever be? */
    boolean known(int pid) {
        return labels.containsKey(pid) || !birth.getAsBoolean();
    }

    /** The first {@code length} bytes, with the writer's label before each line, and an end to the last one if it has none. */
    byte[] label(int pid, byte[] lines, int length) {
        byte[] label = labels.get(pid);
        if (label == null) {
            label = ("pid " + pid + ": ").getBytes(StandardCharsets.UTF_8);
        }
        ByteArrayOutputStream all = new ByteArrayOutputStream(length + 64);
        for (int at = 0; at < length; ) {
            int end = at;
            while (end < length && lines[end] != '\n') {
                end++;
            }
            all.writeBytes(label);
            all.write(lines, at, end - at);
            all.write('\n');
            at = end + 1;
        }
        return all.toByteArray();
    }
}
