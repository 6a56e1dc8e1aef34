package dragon.launcher;

import dragon.agent.Setup;
import dragon.agent.keeper.Program;
import dragon.agent.os.Linux;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finds the program that is to be the head, as a shell would, and the Python it wants. */
final class Heads {
    /** It cannot be run. The line names the culprit and the mend; the code is the one that shells have for it. */
    static final class MissingException extends Exception {
        private static final long serialVersionUID = 1;

        final int code;
        final String line;

        MissingException(int code, String line) {
            super(line);
            this.code = code;
            this.line = line;
        }
    }

    private static final int MISUSED = 2;
    private static final int NOT_EXECUTABLE = 126;
    private static final int NOT_FOUND = 127;

    private final String home;
    private final List<byte[]> environment;

    /** {@code home}: the folder of the run-time. */
    Heads(String home, List<byte[]> environment) {
        this.home = home;
        this.environment = environment;
    }

    Setup setup(CommandLine line) throws MissingException {
        boolean python = line.kind() != CommandLine.Kind.PROGRAM || isPython(line.program());
        Pyenv found = Pyenv.resolve(python ? python() : executable(line.program()), environment);
        byte[] path = found.path();
        List<byte[]> arguments = new ArrayList<>();
        arguments.add(python || found.variable() != null ? path : line.program());
        if (line.kind() == CommandLine.Kind.MODULE) {
            arguments.add(Bytes.of("-m"));
        } else if (line.kind() == CommandLine.Kind.CODE) {
            arguments.add(Bytes.of("-c"));
        }
        if (python) {
            arguments.add(line.program());
        }
        arguments.addAll(line.arguments());
        List<byte[]> variables = new ArrayList<>(List.of(pythonPath()));
        if (found.variable() != null) {
            variables.add(found.variable());
        }
        if (line.options().verbose()) {
            variables.add(Bytes.of("DRAGON_VERBOSE=1")); // the package tells what it decides
        }
        Program program = new Program(path);
        for (byte[] argument : arguments) {
            program.argument(argument);
        }
        boolean workers = python || namesPython(path);
        return new Setup(
                home,
                workers ? List.of(Bytes.text(path)) : List.of(),
                variables,
                program,
                Bytes.text(python ? path : line.program()),
                line.options().label() || Setup.labelWanted());
    }

    /** Our package comes first, so that {@code import dragon} finds it. */
    private byte[] pythonPath() {
        byte[] before = Bytes.variable(environment, "PYTHONPATH");
        byte[] ours = Bytes.of("PYTHONPATH=" + home + "/python");
        return before == null || before.length == 0 ? ours : Bytes.join(ours, Bytes.of(":"), before);
    }

    private boolean isPython(byte[] program) throws MissingException {
        if (Bytes.text(program).equals("-")) {
            return true; // standard input
        }
        if (isFolder(program)) {
            return holdsMain(program) && (Bytes.indexOf(program, 0, '/') >= 0 || onPath(program) == null);
        }
        if (!Bytes.endsWith(program, ".py")
                && !Bytes.endsWith(program, ".pyw")
                && !Bytes.endsWith(program, ".pyz")
                && !Bytes.endsWith(program, ".zip")) {
            return false;
        }
        if (!Linux.accessible(program, Linux.EXISTS)) {
            throw new MissingException(
                    MISUSED, Bytes.text(program) + ": there is no such file; give the path of a program");
        }
        if (!Linux.accessible(program, Linux.READABLE)) {
            throw new MissingException(
                    MISUSED, Bytes.text(program) + ": you may not read it (chmod +r makes it readable)");
        }
        return true;
    }

    /** Does Python run this folder? */
    private static boolean holdsMain(byte[] folder) {
        return Linux.accessible(Bytes.join(folder, Bytes.of("/__main__.py")), Linux.EXISTS);
    }

    private static MissingException noMain(String name) {
        return new MissingException(
                NOT_EXECUTABLE,
                name
                        + ": it is a folder without a __main__.py, which Python would run; give the path of a program in it");
    }

    private static boolean namesPython(byte[] path) {
        String name = Bytes.text(path);
        return name.substring(name.lastIndexOf('/') + 1).startsWith("python");
    }

    private byte[] python() throws MissingException {
        byte[] virtual = Bytes.variable(environment, "VIRTUAL_ENV");
        if (virtual != null && virtual.length > 0) {
            byte[] path = Bytes.join(virtual, Bytes.of("/bin/python3"));
            if (isProgram(path)) {
                return path;
            }
            throw new MissingException(
                    MISUSED,
                    "the active virtual environment " + Bytes.text(virtual)
                            + " has no bin/python3; make it anew, or deactivate it (unset VIRTUAL_ENV)");
        }
        byte[] path = onPath(Bytes.of("python3"));
        if (path == null) {
            throw new MissingException(
                    MISUSED,
                    "there is no python3 on the PATH; install Python 3.9 or newer, or activate its environment");
        }
        return path;
    }

    private byte[] executable(byte[] program) throws MissingException {
        String name = Bytes.text(program);
        if (Bytes.indexOf(program, 0, '/') < 0) {
            byte[] path = onPath(program);
            if (path != null) {
                return path;
            }
            if (isFolder(program)) {
                throw noMain(name);
            }
            boolean here = Linux.accessible(program, Linux.EXISTS);
            throw new MissingException(
                    NOT_FOUND,
                    name + ": there is no such program on the PATH"
                            + (here ? "; to run the one in this folder, say dragon ./" + name : ""));
        }
        if (!Linux.accessible(program, Linux.EXISTS)) {
            throw new MissingException(NOT_FOUND, name + ": there is no such file; give the path of a program");
        }
        if (isFolder(program)) {
            throw noMain(name);
        }
        if (!Linux.accessible(program, Linux.EXECUTABLE)) {
            throw new MissingException(NOT_EXECUTABLE, name + ": it is not executable (chmod +x makes it so)");
        }
        return program;
    }

    private byte @Nullable [] onPath(byte[] program) {
        byte[] path = Bytes.variable(environment, "PATH");
        if (path == null) {
            path = Bytes.of("/usr/local/bin:/usr/bin:/bin");
        }
        for (int from = 0; from <= path.length; ) {
            int to = Bytes.indexOf(path, from, ':');
            to = to < 0 ? path.length : to;
            byte[] folder = from == to ? Bytes.of(".") : Bytes.slice(path, from, to);
            byte[] candidate = Bytes.join(folder, Bytes.of("/"), program);
            if (isProgram(candidate)) {
                return candidate;
            }
            from = to + 1;
        }
        return null;
    }

    private static boolean isProgram(byte[] path) {
        return Linux.accessible(path, Linux.EXECUTABLE) && !isFolder(path);
    }

    private static boolean isFolder(byte[] path) {
        return Linux.accessible(Bytes.join(path, Bytes.of("/.")), Linux.EXISTS);
    }
}
