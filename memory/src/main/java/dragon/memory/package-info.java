/**
 * The node's shared memory: one anonymous file, mapped by every process of the run, and all that is done with its bytes below the level of
 * communication objects. {@link dragon.memory.Memory} maps it, {@link dragon.memory.Client} is this process's place in it, {@link
 * dragon.memory.Blocks} hands out its bytes and {@link dragon.memory.AgentBooks} keeps its budget. The layout and every state machine are
 * those of {@code spec/shared-memory.md}.
 */
@NullMarked
package dragon.memory;

import org.jspecify.annotations.NullMarked;
