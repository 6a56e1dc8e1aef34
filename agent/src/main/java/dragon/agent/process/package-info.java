/**
 * The life of processes as a pure core: {@link Processes} takes what happened ({@link Event}) and says what is to be done ({@link Effect}); it does no I/O and
 * knows no time, so that every race is a unit test. {@link RunLife} is the same for the run as a whole.
 */
@NullMarked
package dragon.agent.process;

import org.jspecify.annotations.NullMarked;
