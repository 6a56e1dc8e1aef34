package dragon.agent;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class IdsTest {
    @Test
    void theFirstWorkerOfARunHasTheIdThatUsersKnow() {
        Ids ids = new Ids(0);
        ids.other();
        assertThat(ids.worker()).isEqualTo(4294967302L);
        assertThat(ids.other()).isEqualTo(4294967303L);
        assertThat(ids.worker()).isEqualTo(4294967304L);
    }

    @Test
    void anIdSaysWhichNodeItIsOf() {
        assertThat(new Ids(2).agent()).isEqualTo(3L << 32 | 1);
        assertThat(new Ids(2).laterZygotes() >>> 32).isEqualTo(3);
    }
}
