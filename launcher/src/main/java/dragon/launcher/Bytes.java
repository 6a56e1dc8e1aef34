package dragon.launcher;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Arguments and environment as the bytes they are. Java decodes its own by the locale, and in the C locale loses what is not ASCII.
 */
final class Bytes {
    static final byte[] NONE = {};

    private Bytes() {}

    /** The last {@code count} arguments of this process. */
    static List<byte[]> arguments(int count) throws IOException {
        List<byte[]> all = split("/proc/self/cmdline");
        return all.subList(all.size() - count, all.size());
    }

    /** The environment this process was started with, {@code NAME=value} each. */
    static List<byte[]> environment() throws IOException {
        return split("/proc/self/environ");
    }

    /** The value of a variable in {@code environment}; null if it is not set. */
    static byte @Nullable [] variable(List<byte[]> environment, String name) {
        byte[] start = of(name + "=");
        for (byte[] each : environment) {
            if (startsWith(each, start)) {
                return slice(each, start.length, each.length);
            }
        }
        return null;
    }

    private static List<byte[]> split(String path) throws IOException {
        byte[] whole;
        try (FileInputStream in = new FileInputStream(path)) {
            whole = in.readAllBytes();
        }
        List<byte[]> parts = new ArrayList<>();
        int from = 0;
        for (int i = 0; i < whole.length; i++) {
            if (whole[i] == 0) {
                parts.add(slice(whole, from, i));
                from = i + 1;
            }
        }
        return parts;
    }

    static byte[] of(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** For the user's eyes, and for comparison with ASCII words. */
    static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    static byte[] slice(byte[] bytes, int from, int to) {
        byte[] part = new byte[to - from];
        System.arraycopy(bytes, from, part, 0, to - from);
        return part;
    }

    static byte[] join(byte[]... parts) {
        int size = 0;
        for (byte[] part : parts) {
            size += part.length;
        }
        byte[] whole = new byte[size];
        int at = 0;
        for (byte[] part : parts) {
            System.arraycopy(part, 0, whole, at, part.length);
            at += part.length;
        }
        return whole;
    }

    static boolean startsWith(byte[] bytes, byte[] start) {
        return bytes.length >= start.length && equal(bytes, 0, start);
    }

    static boolean endsWith(byte[] bytes, String end) {
        return bytes.length >= end.length() && equal(bytes, bytes.length - end.length(), of(end));
    }

    private static boolean equal(byte[] bytes, int at, byte[] part) {
        for (int i = 0; i < part.length; i++) {
            if (bytes[at + i] != part[i]) {
                return false;
            }
        }
        return true;
    }

    static int indexOf(byte[] bytes, int from, char wanted) {
        for (int i = from; i < bytes.length; i++) {
            if (bytes[i] == wanted) {
                return i;
            }
        }
        return -1;
    }
}
