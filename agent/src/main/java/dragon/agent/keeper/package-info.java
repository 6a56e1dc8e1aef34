/**
 * The agent's side of the keeper, the small C program that is parent and reaper of all processes of a run (spec/keeper.md). {@link Keeper} starts it and speaks to
 * it; {@link Program} says what is to be executed.
 */
@NullMarked
package dragon.agent.keeper;

import org.jspecify.annotations.NullMarked;
