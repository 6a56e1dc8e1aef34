package dragon.launcher;

import java.util.ArrayList;
import java.util.List;

/**
 * What the user typed after {@code dragon}.
 *
 * @param kind what {@code program} is
 * @param program a file or command, the name of a module, or code, as the user's own bytes
 * @param arguments the program's
 * @param options what the user wants of the run itself
 */
@SuppressWarnings("ArrayRecordComponent") // bytes as the user typed them, never compared
record CommandLine(Kind kind, byte[] program, List<byte[]> arguments, Options options) {
    /** What is not about the program. */
    record Options(boolean verbose, boolean label) {}

    enum Kind {
        PROGRAM,
        MODULE,
        CODE,
        HELP,
        VERSION
    }

    /** The user asked for something there is not. The line names the culprit and the mend. */
    static final class UsageException extends Exception {
        private static final long serialVersionUID = 1;

        final String line;

        UsageException(String line) {
            super(line);
            this.line = line;
        }
    }

    static final String HELP = """
            Usage: dragon [options] PROG [ARG...]
                   dragon [options] -m MODULE [ARG...]
                   dragon [options] -c CODE [ARG...]

            Runs a program in Dragon. A .py file, a folder or .zip with a __main__.py, a module, code or - (standard input) runs in the
            Python found first (the active virtual environment, then python3 on the PATH); anything else is a program that is run as it is. The exit code is the program's own,
            128+n after signal n.

            Options:
              -m MODULE      run a module, as python -m does
              -c CODE        run this code, as python -c does
              --label        begin each line that a worker prints with its name and id (DRAGON_LABEL=1 does so, too)
              -v, --verbose  tell on stderr what is started and decided
              -h, --help     show this
              --version      show the version
            """;

    static CommandLine parse(List<byte[]> words) throws UsageException {
        Options options = new Options(false, false);
        for (int i = 0; i < words.size(); i++) {
            String word = Bytes.text(words.get(i));
            List<byte[]> rest = words.subList(i + 1, words.size());
            switch (word) {
                case "-v", "--verbose" -> options = new Options(true, options.label);
                case "--label" -> options = new Options(options.verbose, true);
                case "-h", "--help" -> {
                    return new CommandLine(Kind.HELP, Bytes.NONE, List.of(), options);
                }
                case "--version" -> {
                    return new CommandLine(Kind.VERSION, Bytes.NONE, List.of(), options);
                }
                case "-m" -> {
                    return python(
                            Kind.MODULE, "-m needs the name of a module: dragon -m MODULE [ARG...]", rest, options);
                }
                case "-c" -> {
                    return python(Kind.CODE, "-c needs code: dragon -c CODE [ARG...]", rest, options);
                }
                case "--" -> {
                    return program(rest, options);
                }
                default -> {
                    if (word.length() > 1 && word.charAt(0) == '-') {
                        throw new UsageException("unknown option " + word + "; dragon --help shows all");
                    }
                    return program(words.subList(i, words.size()), options);
                }
            }
        }
        return program(List.of(), options);
    }

    private static CommandLine program(List<byte[]> words, Options options) throws UsageException {
        if (words.isEmpty() || words.getFirst().length == 0) {
            throw new UsageException("no program given: dragon PROG [ARG...] runs one; dragon --help tells more");
        }
        return new CommandLine(Kind.PROGRAM, words.getFirst(), rest(words), options);
    }

    private static CommandLine python(Kind kind, String missing, List<byte[]> words, Options options)
            throws UsageException {
        if (words.isEmpty()) {
            throw new UsageException(missing);
        }
        return new CommandLine(kind, words.getFirst(), rest(words), options);
    }

    private static List<byte[]> rest(List<byte[]> words) {
        return new ArrayList<>(words.subList(1, words.size()));
    }
}
