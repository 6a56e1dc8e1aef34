package dragon.agent.keeper;

import java.util.Arrays;

/** A growing row of little-endian numbers and texts: the body of a keeper frame. */
final class Bytes {
    private byte[] bytes = new byte[512];
    private int size;

    Bytes number(long value, int width) {
        reserve(width);
        for (int i = 0; i < width; i++) {
            bytes[size++] = (byte) (value >> 8 * i);
        }
        return this;
    }

    Bytes u8(int value) {
        return number(value, 1);
    }

    Bytes u32(int value) {
        return number(value, 4);
    }

    Bytes u64(long value) {
        return number(value, 8);
    }

    /** A text with its length in front and a 0 behind, both counted. */
    Bytes text(byte[] value) {
        u32(value.length + 1);
        reserve(value.length + 1);
        System.arraycopy(value, 0, bytes, size, value.length);
        size += value.length;
        bytes[size++] = 0;
        return this;
    }

    private void reserve(int more) {
        if (size + more > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(size + more, bytes.length * 2));
        }
    }

    byte[] toBytes() {
        return Arrays.copyOf(bytes, size);
    }

    /** The number of {@code width} bytes at {@code at}. */
    static long number(byte[] from, int at, int width) {
        long value = 0;
        for (int i = 0; i < width; i++) {
            value |= (from[at + i] & 255L) << 8 * i;
        }
        return value;
    }
}
