package dragon.agent;

import dragon.agent.keeper.Program;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How an agent is to be.
 *
 * @param home the folder the run-time is built in
 * @param begun what the head has begun already; null where this agent starts the head
 * @param interpreter executable and flags of the Python that will want workers first; its zygote is started with the run. Empty: not known
 * @param variables what the run-time changes in the environment of the user's programs, {@code NAME=value} each: of head and zygotes alike
 * @param head the user's program, which the keeper starts; null in plain mode, where it is the program that started this agent
 * @param headName what the user called it
 * @param parent in plain mode that program's pid; else 0
 * @param label each line of a worker is to begin with its name and id
 */
public record Setup(
        String home,
        @Nullable Begun begun,
        List<String> interpreter,
        List<byte[]> variables,
        @Nullable Program head,
        String headName,
        int parent,
        boolean label) {
    /** For a launcher, which starts the head. */
    public Setup(
            String home,
            List<String> interpreter,
            List<byte[]> variables,
            Program head,
            String headName,
            boolean label) {
        this(home, null, interpreter, variables, head, headName, 0, label);
    }

    public Setup {
        interpreter = List.copyOf(interpreter);
        variables = List.copyOf(variables);
    }

    /** Does the environment ask for labels (DRAGON_LABEL)? */
    public static boolean labelWanted() {
        String wanted = System.getenv("DRAGON_LABEL");
        return wanted != null && !wanted.isEmpty() && !wanted.equals("0");
    }

    /** Was the agent started by the head, rather than the head by the agent? */
    boolean plain() {
        return head == null;
    }

    String keeper() {
        return home + "/build/bin/keeper";
    }

    String python() {
        return home + "/python";
    }
}
