package dragon.agent.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The golden bytes of spec/vectors/control.txt, which Google's protobuf package wrote, and what the codec does with other bytes. */
class ControlCodecTest {

    private static final HexFormat HEX = HexFormat.of();
    private static final Map<String, byte[]> VECTORS = vectors();

    private static Map<String, byte[]> vectors() {
        Path file = Path.of(Objects.requireNonNull(System.getProperty("dragon.home")), "spec/vectors/control.txt");
        try (Stream<String> lines = Files.lines(file)) {
            return lines.filter(line -> !line.startsWith("#"))
                    .map(line -> line.split(" \\| ", -1))
                    .collect(Collectors.toMap(parts -> parts[0], parts -> HEX.parseHex(parts[2])));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Stream<String> names() {
        return VECTORS.keySet().stream().sorted();
    }

    private static byte[] vector(String name) {
        return Objects.requireNonNull(VECTORS.get(name), name);
    }

    @ParameterizedTest
    @MethodSource("names")
    void writesWhatItReads(String name) {
        assertThat(HEX.formatHex(Frame.decode(vector(name)).encode())).isEqualTo(HEX.formatHex(vector(name)));
    }

    @Test
    void readsTheValuesOfSmallFrames() {
        assertThat(Frame.decode(vector("flush"))).isEqualTo(new Frame(1, new Flush()));
        assertThat(Frame.decode(vector("hello_worker")))
                .isEqualTo(new Frame(7, new Hello(Hello.Role.WORKER, 1, 262143, 4294967302L, false, "")));
        assertThat(Frame.decode(vector("hello_head")))
                .isEqualTo(new Frame(-1, new Hello(Hello.Role.HEAD, 1, 0, 0, true, "")));
        assertThat(Frame.decode(vector("failure")))
                .isEqualTo(new Frame(9, new Failure("memory", "need 1, have 0", -12)));
        assertThat(Frame.decode(vector("exited"))).isEqualTo(new Frame(0, new Exited(4194304, 9)));
    }

    @Test
    void readsTheValuesOfASpawn() {
        assertThat(Frame.decode(vector("spawn")).body()).isInstanceOfSatisfying(Spawn.class, spawn -> {
            Setting setting = Setting.decode(spawn.setting());
            assertThat(setting.cwd()).isEqualTo(HEX.parseHex("2f6120622fff"));
            assertThat(setting.environment())
                    .extracting(each -> new String(each.name(), StandardCharsets.UTF_8))
                    .containsExactly("PATH", "EMPTY");
            assertThat(setting.limits()).containsExactly(new Limit(7, -1L), new Limit(-1, 0));
            assertThat(setting.nice()).isEqualTo(-20);
            assertThat(setting.cpus()).containsExactly(0, 1, 127, 128, 300);
            assertThat(setting.interpreter()).containsExactly("/usr/bin/python3", "", "-X");
            assertThat(setting.exec()).isTrue();
            assertThat(spawn.payload()).isEqualTo(HEX.parseHex("80042e"));
            assertThat(spawn.tokens()).containsExactly(1L, Long.MIN_VALUE);
            assertThat(spawn.daemon()).isTrue();
        });
    }

    @Test
    void readsNumbersOfAPackedFieldOneByOneToo() {
        assertThat(Setting.decode(HEX.parseHex("300130ac02")).cpus()).isEqualTo(List.of(1, 300));
    }

    @Test
    void skipsFieldsItDoesNotKnow() {
        byte[] extra = HEX.parseHex("a00605a1060102030405060708a20603616263a50601020304");
        byte[] reap = new Reap(7).encode();
        byte[] all = Arrays.copyOf(extra, extra.length * 2 + reap.length);
        System.arraycopy(reap, 0, all, extra.length, reap.length);
        System.arraycopy(extra, 0, all, extra.length + reap.length, extra.length);
        assertThat(Reap.decode(all)).isEqualTo(new Reap(7));
    }

    @Test
    void writesMessagesLargerThanItsFirstBuffer() {
        byte[] payload = new byte[1_000_000];
        Arrays.fill(payload, (byte) 7);
        Fork fork = new Fork(Wire.NO_BYTES, payload, 0, 3, 4, "n", Wire.NO_BYTES);
        assertThat(Frame.decode(new Frame(1, fork).encode()).body())
                .isInstanceOfSatisfying(
                        Fork.class, read -> assertThat(read.payload()).isEqualTo(payload));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "08",
                "0880",
                "088080808080808080808001",
                "12ff01",
                "0a01",
                "62050a0332",
                "620208",
                "12030a01ff",
                "52020805",
                "00",
                "0b",
                "a10601"
            })
    void refusesMalformedBytes(String bytes) {
        assertThatThrownBy(() -> Frame.decode(HEX.parseHex(bytes))).isInstanceOf(WireException.class);
    }

    @Test
    void readsOrRefusesEveryPrefixOfAFrame() {
        byte[] spawn = vector("spawn");
        for (int length = 0; length < spawn.length; length++) {
            try {
                Frame.decode(Arrays.copyOf(spawn, length));
            } catch (WireException e) {
                assertThat(e).hasMessageMatching(".*(left|middle|UTF-8).*");
            }
        }
    }
}
