package dragon.channel;

import dragon.memory.DragonException;
import java.time.Duration;

/** A time limit passed; nothing was sent or taken. Says what was awaited and for how long. */
public final class TimeLimitException extends DragonException {
    private static final long serialVersionUID = 1L;

    TimeLimitException(String awaited, Duration limit) {
        super(Category.USER, "time-limit", "no " + awaited + " within " + limit);
    }
}
