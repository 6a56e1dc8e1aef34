package dragon.channel;

import dragon.memory.DragonException;

/** A handle names an object that no longer exists. */
public final class NoSuchObjectException extends DragonException {
    private static final long serialVersionUID = 1L;

    NoSuchObjectException(String message) {
        super(Category.USER, "object.gone", message);
    }
}
