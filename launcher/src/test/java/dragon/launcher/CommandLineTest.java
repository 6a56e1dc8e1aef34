package dragon.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CommandLineTest {
    private static CommandLine parse(String... words) throws CommandLine.UsageException {
        List<byte[]> bytes = new ArrayList<>();
        for (String word : words) {
            bytes.add(Bytes.of(word));
        }
        return CommandLine.parse(bytes);
    }

    private static List<String> arguments(CommandLine line) {
        return line.arguments().stream().map(Bytes::text).toList();
    }

    @Test
    void optionsEndWithTheProgram() throws Exception {
        CommandLine line = parse("-v", "prog.py", "-v", "--help");
        assertThat(line.kind()).isEqualTo(CommandLine.Kind.PROGRAM);
        assertThat(Bytes.text(line.program())).isEqualTo("prog.py");
        assertThat(arguments(line)).containsExactly("-v", "--help");
        assertThat(line.options().verbose()).isTrue();
    }

    @Test
    void optionsAreIndependent() throws Exception {
        assertThat(parse("--label", "prog.py").options()).isEqualTo(new CommandLine.Options(false, true));
        assertThat(parse("-v", "--label", "prog.py").options()).isEqualTo(new CommandLine.Options(true, true));
        assertThat(parse("prog.py", "--label").options()).isEqualTo(new CommandLine.Options(false, false));
    }

    @Test
    void modulesAndCode() throws Exception {
        CommandLine module = parse("-m", "pytest", "-q");
        assertThat(module.kind()).isEqualTo(CommandLine.Kind.MODULE);
        assertThat(arguments(module)).containsExactly("-q");
        CommandLine code = parse("-c", "--odd code");
        assertThat(code.kind()).isEqualTo(CommandLine.Kind.CODE);
        assertThat(Bytes.text(code.program())).isEqualTo("--odd code");
    }

    @Test
    void twoDashesEndTheOptions() throws Exception {
        assertThat(Bytes.text(parse("--", "-odd").program())).isEqualTo("-odd");
    }

    @Test
    void helpAndVersionComeBeforeAnythingElse() throws Exception {
        assertThat(parse("-v", "--help", "prog").kind()).isEqualTo(CommandLine.Kind.HELP);
        assertThat(parse("--version").kind()).isEqualTo(CommandLine.Kind.VERSION);
    }

    @Test
    void mistakesNameTheCulpritAndTheMend() {
        assertThatThrownBy(() -> parse("--wrong")).hasMessage("unknown option --wrong; dragon --help shows all");
        assertThatThrownBy(() -> parse("-m")).hasMessageContaining("-m needs the name of a module");
        assertThatThrownBy(() -> parse()).hasMessageContaining("no program given");
        assertThatThrownBy(() -> parse("")).hasMessageContaining("no program given");
    }
}
