package dragon.model;

import dragon.model.Code.Sub;

/** What a waiter tries: one whole attempt at its operation, wakes and chain included. */
interface Attempt {
    /** The condition does not hold. */
    int FAILED = 0;

    /** Done: something was taken. */
    int TOOK = 1;

    /** Done, and nothing was taken (a look, the end of a channel): it has to be passed on. */
    int LOOKED = 2;

    /** Runs the attempt; {@code caller} goes on at {@code back}. */
    String call(Machine m, Sub caller, String back);

    /** How it ended; forgets that. */
    int outcome(Machine m);
}
