package dragon.agent;

import java.nio.charset.StandardCharsets;
import java.util.List;

/** How the run-time's own Python programs are started. */
final class Python {
    private Python() {}

    /**
     * The arguments that make an interpreter a zygote. Not {@code -m}: that would let a file in the working directory take the place of a module, and an isolated interpreter
     * would not look into PYTHONPATH.
     */
    static List<byte[]> zygote(String packages) {
        String code = "import sys; sys.path[:] = [" + quoted(packages)
                + "] + [p for p in sys.path if p]; from dragon._zygote import main; main()";
        return List.of("-c".getBytes(StandardCharsets.UTF_8), code.getBytes(StandardCharsets.UTF_8));
    }

    /** Is an interpreter to import what the program named, for its workers (python/dragon/_template.py)? */
    static boolean isTemplate(List<String> interpreter) {
        return interpreter.getLast().startsWith("dragon_template=");
    }

    private static String quoted(String text) {
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'";
    }
}
