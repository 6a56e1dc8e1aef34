package dragon.agent.control;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/**
 * The protobuf wire format: what the generated records are written with and read from.
 *
 * <p>A message is a sequence of fields, each a tag ({@code number << 3 | wire type}) and a value. Of the wire types only 0 (a number, 7 bits a byte, lowest first)
 * and 2 (a length and that many bytes) are written; 1 and 5 (fixed numbers) are skipped.
 */
public final class Wire {

    /** No bytes: the value of a bytes field that is not set. */
    public static final byte[] NO_BYTES = {};

    private static final int NUMBER = 0;
    private static final int FIXED64 = 1;
    private static final int BYTES = 2;
    private static final int FIXED32 = 5;

    private Wire() {}

    static <M> M decode(byte[] data, Function<Reader, M> read) {
        return read.apply(new Reader(data));
    }

    /**
     * Writes messages from their end to their beginning, so that the length of a nested message is known when its turn comes, without a second pass. A message's
     * fields are therefore written last first. Methods that end in {@code Always} write a value that is the default, too.
     */
    public static final class Writer {
        private byte[] buffer = new byte[256];
        private int at = buffer.length; // what is written lies from here to the buffer's end

        byte[] toBytes() {
            return Arrays.copyOfRange(buffer, at, buffer.length);
        }

        private int size() {
            return buffer.length - at;
        }

        private void reserve(int bytes) {
            if (bytes > at) {
                int size = size();
                byte[] larger = new byte[Math.max(Math.addExact(size, bytes), buffer.length * 2)];
                System.arraycopy(buffer, at, larger, larger.length - size, size);
                at = larger.length - size;
                buffer = larger;
            }
        }

        private void number(long value) {
            int bytes = (70 - Long.numberOfLeadingZeros(value | 1)) / 7;
            reserve(bytes);
            at -= bytes;
            int to = at;
            for (long rest = value; ; rest >>>= 7) {
                if ((rest & ~127) == 0) {
                    buffer[to] = (byte) rest;
                    return;
                }
                buffer[to++] = (byte) (rest & 127 | 128);
            }
        }

        private void tag(int field, int type) {
            number((long) field << 3 | type);
        }

        private void raw(byte[] value) {
            reserve(value.length);
            at -= value.length;
            System.arraycopy(value, 0, buffer, at, value.length);
        }

        void uint64Always(int field, long value) {
            number(value);
            tag(field, NUMBER);
        }

        void uint64(int field, long value) {
            if (value != 0) {
                uint64Always(field, value);
            }
        }

        void int64(int field, long value) {
            uint64(field, value);
        }

        void int64Always(int field, long value) {
            uint64Always(field, value);
        }

        void uint32(int field, int value) {
            uint64(field, Integer.toUnsignedLong(value));
        }

        void uint32Always(int field, int value) {
            uint64Always(field, Integer.toUnsignedLong(value));
        }

        void int32(int field, int value) {
            uint64(field, value);
        }

        void int32Always(int field, int value) {
            uint64Always(field, value);
        }

        void sint32(int field, int value) {
            uint32(field, value << 1 ^ value >> 31);
        }

        void sint32Always(int field, int value) {
            uint32Always(field, value << 1 ^ value >> 31);
        }

        void sint64(int field, long value) {
            uint64(field, value << 1 ^ value >> 63);
        }

        void sint64Always(int field, long value) {
            uint64Always(field, value << 1 ^ value >> 63);
        }

        void bool(int field, boolean value) {
            uint64(field, value ? 1 : 0);
        }

        void boolAlways(int field, boolean value) {
            uint64Always(field, value ? 1 : 0);
        }

        void bytesAlways(int field, byte[] value) {
            raw(value);
            number(value.length);
            tag(field, BYTES);
        }

        void bytes(int field, byte[] value) {
            if (value.length > 0) {
                bytesAlways(field, value);
            }
        }

        void bytesList(int field, List<byte[]> values) {
            values.reversed().forEach(value -> bytesAlways(field, value));
        }

        void stringAlways(int field, String value) {
            bytesAlways(field, value.getBytes(StandardCharsets.UTF_8));
        }

        void string(int field, String value) {
            bytes(field, value.getBytes(StandardCharsets.UTF_8));
        }

        void stringList(int field, List<String> values) {
            values.reversed().forEach(value -> stringAlways(field, value));
        }

        void messageAlways(int field, Message value) {
            int after = size();
            value.write(this);
            number(size() - after);
            tag(field, BYTES);
        }

        /** Writes a message unless it is empty: absent and empty are the same. */
        void message(int field, Message value) {
            int after = size();
            value.write(this);
            if (size() > after) {
                number(size() - after);
                tag(field, BYTES);
            }
        }

        void messageList(int field, List<? extends Message> values) {
            values.reversed().forEach(value -> messageAlways(field, value));
        }

        void uint32List(int field, List<Integer> values) {
            packed(field, values, value -> Integer.toUnsignedLong(value));
        }

        void int32List(int field, List<Integer> values) {
            packed(field, values, value -> (long) value);
        }

        void uint64List(int field, List<Long> values) {
            packed(field, values, value -> value);
        }

        private <T> void packed(int field, List<T> values, Function<T, Long> bits) {
            if (!values.isEmpty()) {
                int after = size();
                values.reversed().forEach(value -> number(bits.apply(value)));
                number(size() - after);
                tag(field, BYTES);
            }
        }
    }

    /** Reads the fields of one message after the other. Every value is checked against the bytes that are there. */
    static final class Reader {
        private final byte[] data;
        private int at;
        private int end;
        private int tag;

        Reader(byte[] data) {
            this.data = data;
            this.end = data.length;
        }

        /** Goes to the next field; false at the end of the message. */
        boolean next() {
            if (at == end) {
                return false;
            }
            long read = number();
            tag = (int) read;
            if (read != tag || field() == 0) {
                throw new WireException("a field with tag " + Long.toUnsignedString(read));
            }
            return true;
        }

        int field() {
            return tag >>> 3;
        }

        private void expect(int type) {
            if ((tag & 7) != type) {
                throw new WireException("field " + field() + " with wire type " + (tag & 7) + " instead of " + type);
            }
        }

        private long number() {
            long value = 0;
            for (int shift = 0; shift < 70; shift += 7) {
                if (at == end) {
                    throw truncated();
                }
                byte next = data[at++];
                value |= (next & 127L) << shift;
                if (next >= 0) {
                    return value;
                }
            }
            throw new WireException("a number of more than 10 bytes");
        }

        private int length() {
            long length = number();
            if (length < 0 || length > end - at) {
                throw new WireException(
                        "a field of " + Long.toUnsignedString(length) + " bytes where " + (end - at) + " are left");
            }
            return (int) length;
        }

        private static WireException truncated() {
            return new WireException("the message ends in the middle of a field");
        }

        void skip() {
            switch (tag & 7) {
                case NUMBER -> number();
                case FIXED64 -> advance(8);
                case BYTES -> advance(length());
                case FIXED32 -> advance(4);
                default -> throw new WireException("field " + field() + " with unknown wire type " + (tag & 7));
            }
        }

        private void advance(int bytes) {
            if (bytes > end - at) {
                throw truncated();
            }
            at += bytes;
        }

        long uint64() {
            expect(NUMBER);
            return number();
        }

        long int64() {
            return uint64();
        }

        int uint32() {
            return (int) uint64();
        }

        int int32() {
            return (int) uint64();
        }

        int sint32() {
            int value = (int) uint64();
            return value >>> 1 ^ -(value & 1);
        }

        long sint64() {
            long value = uint64();
            return value >>> 1 ^ -(value & 1);
        }

        boolean bool() {
            return uint64() != 0;
        }

        byte[] bytes() {
            expect(BYTES);
            int length = length();
            at += length;
            return Arrays.copyOfRange(data, at - length, at);
        }

        String string() {
            expect(BYTES);
            int length = length();
            at += length;
            String text = new String(data, at - length, length, StandardCharsets.UTF_8);
            return text.indexOf('\uFFFD') < 0 ? text : strict(length);
        }

        /** The text that was just read, in which some character stands for bytes that are none, unless it is that very character. */
        private String strict(int length) {
            try {
                return StandardCharsets.UTF_8
                        .newDecoder()
                        .decode(ByteBuffer.wrap(data, at - length, length))
                        .toString();
            } catch (CharacterCodingException e) {
                throw new WireException("field " + field() + " holds text that is not UTF-8");
            }
        }

        <M> M message(Function<Reader, M> read) {
            expect(BYTES);
            int outer = end;
            int length = length();
            end = at + length;
            M message = read.apply(this);
            end = outer;
            return message;
        }

        void uint32List(List<Integer> values) {
            numbers(values, value -> (int) (long) value);
        }

        void int32List(List<Integer> values) {
            numbers(values, value -> (int) (long) value);
        }

        void uint64List(List<Long> values) {
            numbers(values, value -> value);
        }

        private <T> void numbers(List<T> values, Function<Long, T> convert) {
            if ((tag & 7) == NUMBER) {
                values.add(convert.apply(number()));
                return;
            }
            expect(BYTES);
            int outer = end;
            int length = length();
            end = at + length;
            while (at < end) {
                values.add(convert.apply(number()));
            }
            end = outer;
        }
    }
}
