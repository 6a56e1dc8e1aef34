package dragon.channel;

import static org.assertj.core.api.Assertions.assertThat;

import dragon.memory.Client;
import dragon.memory.Raw;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** An object whose handle is on its way stays, whenever its pin is read. */
class AuditTest {
    private final TestNode node = new TestNode();
    private final Client giver = node.client();
    private final News news = new News(node.memory);
    private final Pins pins = new Pins(node.memory, news);
    private final Audit audit = new Audit(node.memory, pins, news);

    @AfterEach
    void close() {
        node.close();
    }

    private int state(long object) {
        return Raw.getIntAcquire(node.memory.address(object) + ObjectLayout.STATE);
    }

    private void auditWithPinReadAtLook(int look) {
        Semaphore given = Semaphore.create(giver, 0, 1);
        long object = given.offset();
        given.close();
        audit.add(object);
        int[] looks = {0};
        audit.run(() -> {
            if (++looks[0] == look) {
                pins.pin(look, object | Role.USER.bit());
            }
            return true;
        });
        assertThat(looks[0]).isEqualTo(look);
        assertThat(state(object)).isEqualTo(ObjectLayout.LIVE);
        assertThat(audit.isDue()).isTrue();
        audit.run(() -> true);
        assertThat(state(object)).isEqualTo(ObjectLayout.LIVE);
        audit.add(pins.unpin(look));
        audit.run(() -> true);
        assertThat(Slots.isObject(node.memory, object)).isFalse();
    }

    @Test
    void thePinCameDuringTheFirstLook() {
        auditWithPinReadAtLook(1);
    }

    @Test
    void thePinCameDuringTheSecondLook() {
        auditWithPinReadAtLook(2);
    }

    @Test
    void aLetterIsBeingWrittenStill() {
        Semaphore given = Semaphore.create(giver, 0, 1);
        long object = given.offset();
        given.close();
        audit.add(object);
        audit.run(() -> false);
        assertThat(state(object)).isEqualTo(ObjectLayout.LIVE);
        assertThat(audit.isDue()).isTrue();
    }
}
