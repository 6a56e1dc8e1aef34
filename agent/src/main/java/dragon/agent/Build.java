package dragon.agent;

import java.io.File;
import org.jspecify.annotations.Nullable;

/** Which build of the run-time this is: its jar, whose name holds a hash of what it was built from, and where. A package of another build may speak otherwise in every part. */
final class Build {
    private static final String JAR = System.getProperty("java.class.path", "");

    private Build() {}

    /** Why a process whose package was built with {@code jar} (its path; empty: with none) is none for this run; null if it is. */
    static @Nullable String refusal(String jar, int pid) {
        String theirs = new File(jar).getName();
        if (theirs.equals(new File(JAR).getName())) {
            return null;
        }
        String ours = folder(JAR);
        String other = jar.isEmpty() ? "of a Dragon that is not built" : "of the Dragon in " + folder(jar);
        String why = folder(jar).equals(ours)
                ? "which was built anew since the run began; start the run again"
                : "and this run of that in " + ours + "; use the dragon command and the package of one folder";
        return "pid " + pid + " has the package " + other + ", " + why;
    }

    /** The checkout that a jar lies in: it is FOLDER/build/lib/NAME. */
    private static String folder(String jar) {
        File folder = new File(jar);
        for (int i = 0; i < 3 && folder != null; i++) {
            folder = folder.getParentFile();
        }
        return folder == null ? "" : folder.getPath();
    }
}
