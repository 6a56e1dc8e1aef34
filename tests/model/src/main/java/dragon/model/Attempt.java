package dragon.model;

import dragon.model.Code.Sub;

/** What a waiter tries: one whole attempt at its operation, wakes and chain included. */
interface Attempt {
    /** Runs the attempt; {@code caller} goes on at {@code back}. */
    String call(Machine m, Sub caller, String back);

    /** Whether it succeeded; forgets the outcome. */
    boolean outcome(Machine m);
}
