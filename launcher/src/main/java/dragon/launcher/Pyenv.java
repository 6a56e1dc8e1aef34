package dragon.launcher;

import dragon.agent.os.Linux;
import java.io.FileInputStream;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds the Python behind one of pyenv's shims, which is a shell script that takes longer than the interpreter it looks for. Only where that is plain: one named version that is
 * installed; in every other case the shim itself is asked.
 */
@SuppressWarnings("ArrayRecordComponent") // bytes that are never compared
record Pyenv(byte[] path, byte @Nullable [] variable) {
    private static final String SHIMS = "/shims/";

    /** The program that the shim at {@code path} would become, with the variable that it would set; else {@code path} itself. */
    static Pyenv resolve(byte[] path, List<byte[]> environment) {
        Pyenv unchanged = new Pyenv(path, null);
        String shim = Bytes.text(path);
        int at = shim.lastIndexOf(SHIMS);
        if (at < 0 || shim.indexOf('/', at + SHIMS.length()) >= 0) {
            return unchanged;
        }
        byte[] root = Bytes.of(shim.substring(0, at));
        byte[] version = version(root, environment);
        if (version == null) {
            return unchanged;
        }
        byte[] program = Bytes.join(
                root,
                Bytes.of("/versions/"),
                version,
                Bytes.of("/bin/"),
                Bytes.of(shim.substring(at + SHIMS.length())));
        return Linux.accessible(program, Linux.EXECUTABLE)
                ? new Pyenv(program, Bytes.join(Bytes.of("PYENV_VERSION="), version))
                : unchanged;
    }

    private static byte @Nullable [] version(byte[] root, List<byte[]> environment) {
        byte[] wanted = Bytes.variable(environment, "PYENV_VERSION");
        if (wanted == null || wanted.length == 0) {
            wanted = nearestFile();
        }
        if (wanted == null) {
            wanted = read(Bytes.text(root) + "/version");
        }
        return wanted == null ? null : only(Bytes.text(wanted).strip());
    }

    /** The text, if it is the plain name of one version. */
    private static byte @Nullable [] only(String text) {
        for (int i = 0; i < text.length(); i++) {
            char each = text.charAt(i);
            boolean plain = each > ' ' && each < 127 && each != ':' && each != '/' && each != '#';
            if (!plain) {
                return null;
            }
        }
        return text.isEmpty() || text.charAt(0) == '.' ? null : Bytes.of(text);
    }

    /** {@code .python-version} of this folder, or of the nearest one above it. */
    private static byte @Nullable [] nearestFile() {
        String folder = System.getProperty("user.dir");
        while (folder != null) {
            byte[] found = read(folder + "/.python-version");
            if (found != null) {
                return found;
            }
            int end = folder.lastIndexOf('/');
            folder = end < 0 || folder.length() <= 1 ? null : folder.substring(0, end);
        }
        return null;
    }

    private static byte @Nullable [] read(String path) {
        try (FileInputStream in = new FileInputStream(path)) {
            return in.readAllBytes();
        } catch (IOException _) {
            return null;
        }
    }
}
