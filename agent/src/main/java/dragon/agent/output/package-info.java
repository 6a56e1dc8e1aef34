/**
 * What workers print, on its way to the user: {@link Output} reads the zygotes' output sockets, whose chunks carry the writer's pid; {@link Lines} puts whole lines together;
 * a {@link StreamWriter} for each of stdout and stderr writes them, and holds up the readers, not the agent, when the terminal is slow. Bytes pass as they are.
 */
@NullMarked
package dragon.agent.output;

import org.jspecify.annotations.NullMarked;
