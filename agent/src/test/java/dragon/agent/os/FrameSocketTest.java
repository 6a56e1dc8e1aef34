package dragon.agent.os;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FrameSocketTest {
    private record Received(byte[] bytes, int[] descriptors) {}

    private final List<Received> received = new ArrayList<>();
    private final Linux.Pair pair = Linux.socketPair(false);
    private final FrameSocket sender = new FrameSocket(pair.mine());
    private final FrameSocket receiver = new FrameSocket(pair.other());
    private boolean closed;

    @AfterEach
    void close() {
        if (!closed) {
            sender.close();
        }
        receiver.close();
    }

    private FrameSocket.Reading read() {
        return receiver.read((bytes, descriptors) -> received.add(new Received(bytes, descriptors)));
    }

    @Test
    void framesArriveWholeAndInOrder() {
        sender.send(new byte[] {1, 2, 3});
        sender.send(new byte[0]);
        sender.send(new byte[] {4});
        assertThat(read()).isEqualTo(FrameSocket.Reading.LATER);
        assertThat(received)
                .extracting(Received::bytes)
                .containsExactly(new byte[] {1, 2, 3}, new byte[0], new byte[] {4});
    }

    @Test
    void aFrameLargerThanTheSocketGoesInParts() {
        byte[] large = new byte[3 << 20];
        Arrays.fill(large, (byte) 7);
        sender.send(large);
        assertThat(sender.sending()).isTrue();
        while (received.isEmpty()) {
            read();
            sender.flush();
        }
        assertThat(sender.sending()).isFalse();
        assertThat(received.getFirst().bytes).isEqualTo(large);
    }

    @Test
    void descriptorsComeWithTheirFrame() {
        int before = open();
        int file = Linux.open("/dev/null", true);
        sender.send(new byte[] {1});
        sender.send(new byte[] {2}, file, file);
        sender.send(new byte[] {3});
        Linux.close(file);
        read();
        assertThat(received).extracting(each -> each.descriptors.length).containsExactly(0, 2, 0);
        received.forEach(each -> FrameSocket.closeAll(each.descriptors));
        assertThat(open()).isEqualTo(before);
    }

    @Test
    void descriptorsOfAFrameThatHasToWaitAreKeptOpenForIt() {
        int before = open();
        sender.send(new byte[1 << 20]);
        int file = Linux.open("/dev/null", true);
        sender.send(new byte[] {2}, file);
        Linux.close(file);
        while (received.size() < 2) {
            read();
            sender.flush();
        }
        assertThat(received.get(1).descriptors).hasSize(1);
        FrameSocket.closeAll(received.get(1).descriptors);
        assertThat(open()).isEqualTo(before);
    }

    @Test
    void aFrameTooLongIsNoFrame() {
        Linux.write(pair.mine(), bytes(255, 255, 255, 127), 4);
        assertThat(read()).isEqualTo(FrameSocket.Reading.BROKEN);
    }

    @Test
    void theEndIsSeenAfterTheLastFrame() {
        sender.send(new byte[] {9});
        sender.close();
        closed = true;
        assertThat(read()).isEqualTo(FrameSocket.Reading.LATER);
        assertThat(received).hasSize(1);
        assertThat(read()).isEqualTo(FrameSocket.Reading.END);
        assertThat(received).hasSize(1);
    }

    private static java.lang.foreign.MemorySegment bytes(int... values) {
        java.lang.foreign.MemorySegment segment =
                java.lang.foreign.Arena.ofAuto().allocate(values.length);
        for (int i = 0; i < values.length; i++) {
            segment.set(java.lang.foreign.ValueLayout.JAVA_BYTE, i, (byte) values[i]);
        }
        return segment;
    }

    private static int open() {
        String[] all = new File("/proc/self/fd").list();
        return all == null ? -1 : all.length;
    }
}
