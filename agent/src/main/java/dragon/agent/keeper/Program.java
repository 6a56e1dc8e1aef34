package dragon.agent.keeper;

import dragon.agent.control.Limit;
import dragon.agent.control.Setting;
import dragon.agent.control.Variable;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A program to be executed by the keeper, with what it is to be: a START request of spec/keeper.md. Built up by the methods that return {@code this}; by default it
 * is as the keeper is, and dies with it.
 */
public final class Program {
    private static final int NEW_SESSION = 1;
    private static final int DIE_WITH_KEEPER = 2;
    private static final int CREDENTIALS = 4;
    private static final int WHOLE_ENVIRONMENT = 8;
    private static final int NICE = 16;
    private static final int UMASK = 32;
    private static final int OOM = 64;

    private final byte[] path;
    private final List<byte[]> arguments = new ArrayList<>();
    private final List<byte[]> variables = new ArrayList<>();
    private final List<Integer> targets = new ArrayList<>();
    private int flags = DIE_WITH_KEEPER;
    private int oom;
    private byte[] folder = {};
    private @Nullable Setting setting;

    /** The program at {@code path}, whose first argument, its name, is still to be given. */
    public Program(byte[] path) {
        this.path = path;
    }

    public Program argument(byte[] argument) {
        arguments.add(argument);
        return this;
    }

    /** Sets a variable of its environment: {@code NAME=value}. */
    public Program variable(byte[] assignment) {
        variables.add(assignment);
        return this;
    }

    /** As {@link #variable}, for each. */
    public Program variables(List<byte[]> assignments) {
        variables.addAll(assignments);
        return this;
    }

    /** It leads a session of its own, so that signals of the terminal do not reach it. */
    public Program newSession() {
        flags |= NEW_SESSION;
        return this;
    }

    /** How likely the kernel is to choose it when memory is short. */
    public Program oomScore(int score) {
        flags |= OOM;
        oom = score;
        return this;
    }

    /** The next attached descriptor becomes its descriptor {@code number}. */
    public Program descriptor(int number) {
        targets.add(number);
        return this;
    }

    /** All that a setting says, credentials and environment included. */
    public Program setting(Setting wanted) {
        setting = wanted;
        flags |= CREDENTIALS | NICE | UMASK;
        return surroundings(wanted);
    }

    /** The working directory and the environment that a setting says. */
    public Program surroundings(Setting wanted) {
        folder = wanted.cwd();
        flags |= WHOLE_ENVIRONMENT;
        for (Variable variable : wanted.environment()) {
            variables.add(assignment(variable));
        }
        return this;
    }

    private static byte[] assignment(Variable variable) {
        byte[] name = variable.name();
        byte[] value = variable.value();
        byte[] whole = new byte[name.length + 1 + value.length];
        System.arraycopy(name, 0, whole, 0, name.length);
        whole[name.length] = '=';
        System.arraycopy(value, 0, whole, name.length + 1, value.length);
        return whole;
    }

    byte[] request(long id) {
        Setting with = setting == null ? Setting.EMPTY : setting;
        Bytes out = new Bytes()
                .u8(Keeper.START)
                .u64(id)
                .u32(flags)
                .u32(with.umask())
                .u32(with.nice())
                .u32(oom);
        out.u32(with.uid()).u32(with.euid()).u32(with.gid()).u32(with.egid());
        numbers(out, with.groups());
        out.u32(with.limits().size());
        for (Limit limit : with.limits()) {
            out.u32(limit.resource()).u64(limit.soft());
        }
        numbers(out, with.cpus());
        numbers(out, with.blocked());
        numbers(out, with.ignored());
        numbers(out, targets);
        out.text(folder).text(path);
        texts(out, arguments);
        texts(out, variables);
        return out.toBytes();
    }

    private static void numbers(Bytes out, List<Integer> numbers) {
        out.u32(numbers.size());
        for (int number : numbers) {
            out.u32(number);
        }
    }

    private static void texts(Bytes out, List<byte[]> texts) {
        out.u32(texts.size());
        for (byte[] text : texts) {
            out.text(text);
        }
    }
}
