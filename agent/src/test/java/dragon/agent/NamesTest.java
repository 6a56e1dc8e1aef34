package dragon.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dragon.agent.control.Publish;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class NamesTest {
    private static final Client ANN = new Client(2, 1006, 60);
    private static final Client BOB = new Client(3, 1007, 70);

    private final Map<Long, Long> held = new HashMap<>(); // token -> reference
    private final Names names = new Names(new Names.Objects() {
        private long next;

        @Override
        public long hold(long reference) {
            held.put(++next, reference);
            return next;
        }

        @Override
        public void letGo(long token) {
            assertThat(held.remove(token)).isNotNull();
        }
    });

    private static Publish asked(String name, int value, boolean keep, Publish.IfTaken ifTaken) {
        return new Publish(name, new byte[] {(byte) value}, List.of(value * 64L, value * 64L + 1), keep, ifTaken);
    }

    private Names.Published publish(Client owner, String name, int value) {
        return names.publish(owner, asked(name, value, false, Publish.IfTaken.REFUSE));
    }

    private int value(String name) {
        Names.Entry entry = names.find(name);
        return entry == null ? -1 : entry.value()[0];
    }

    @Test
    void aNameHoldsItsObjectsUntilItIsWithdrawn() {
        assertThat(publish(ANN, "a", 1).isNew()).isTrue();
        assertThat(value("a")).isEqualTo(1);
        assertThat(held.values()).containsExactlyInAnyOrder(64L, 65L);
        assertThat(names.withdraw("a")).isTrue();
        assertThat(value("a")).isEqualTo(-1);
        assertThat(held).isEmpty();
        assertThat(names.withdraw("a")).isFalse();
    }

    @Test
    void aTakenNameIsNotPublishedAndTellsItsOwner() {
        publish(ANN, "a", 1);
        Names.Published second = publish(BOB, "a", 2);
        assertThat(second.isNew()).isFalse();
        assertThat(second.entry().owner()).isEqualTo(ANN);
        assertThat(value("a")).isEqualTo(1);
        assertThat(held).hasSize(2);
    }

    @Test
    void whoIsGivenATakenNameGetsTheFirst() {
        names.publish(ANN, asked("a", 1, true, Publish.IfTaken.GIVE));
        assertThat(names.publish(BOB, asked("a", 2, true, Publish.IfTaken.GIVE))
                        .entry()
                        .value())
                .containsExactly(1);
    }

    @Test
    void whatReplacesANameBelongsToItsPublisher() {
        publish(ANN, "a", 1);
        names.publish(BOB, asked("a", 2, false, Publish.IfTaken.REPLACE));
        assertThat(held.values()).containsExactlyInAnyOrder(128L, 129L);
        names.gone(ANN.number());
        assertThat(value("a")).isEqualTo(2);
        names.gone(BOB.number());
        assertThat(value("a")).isEqualTo(-1);
        assertThat(held).isEmpty();
    }

    @Test
    void namesGoWithTheirPublisherUnlessTheyAreKept() {
        publish(ANN, "a", 1);
        names.publish(ANN, asked("kept", 2, true, Publish.IfTaken.REFUSE));
        publish(BOB, "b", 3);
        names.gone(ANN.number());
        assertThat(value("a")).isEqualTo(-1);
        assertThat(value("kept")).isEqualTo(2);
        assertThat(value("b")).isEqualTo(3);
        assertThat(held).hasSize(4);
    }

    @Test
    void whoWaitsIsToldOfEachPublicationUntilHeStops() {
        Names.Waiter waiter = new Names.Waiter(BOB.number(), 4096, 17);
        names.await("a", waiter);
        assertThat(publish(ANN, "b", 1).wake()).isEmpty();
        assertThat(publish(ANN, "a", 1).wake()).containsExactly(waiter);
        names.withdraw("a");
        assertThat(publish(ANN, "a", 2).wake()).containsExactly(waiter);
        names.withdraw("a");
        names.stopWaiting(BOB.number(), 17);
        assertThat(publish(ANN, "a", 3).wake()).isEmpty();
        assertThat(names.waits()).isZero();
    }

    @Test
    void theDeadWaitForNothing() {
        names.await("a", new Names.Waiter(BOB.number(), 4096, 17));
        names.await("a", new Names.Waiter(BOB.number(), 8192, 18));
        names.await("a", new Names.Waiter(ANN.number(), 9999, 19));
        names.gone(BOB.number());
        assertThat(names.waits()).isEqualTo(1);
        assertThat(publish(ANN, "a", 1).wake()).hasSize(1);
    }

    @Test
    void whatNamesTakeIsCountedAndGivenBack() {
        assertThat(names.cost()).isZero();
        publish(ANN, "a", 1);
        long one = names.cost();
        assertThat(one).isPositive();
        publish(ANN, "b", 2);
        assertThat(names.cost()).isEqualTo(2 * one);
        names.publish(BOB, asked("b", 3, true, Publish.IfTaken.REPLACE));
        assertThat(names.cost()).isEqualTo(2 * one);
        names.gone(ANN.number());
        names.withdraw("b");
        assertThat(names.cost()).isZero();
    }

    @Test
    void anEventWaitsForTheNameThatWasAskedForLast() {
        Names.Waiter waiter = new Names.Waiter(BOB.number(), 4096, 17);
        names.await("a", waiter);
        names.await("b", waiter);
        assertThat(names.waits()).isEqualTo(1);
        assertThat(publish(ANN, "a", 1).wake()).isEmpty();
        assertThat(publish(ANN, "b", 2).wake()).containsExactly(waiter);
    }
}
