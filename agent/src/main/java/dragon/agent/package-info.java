/**
 * The node agent. {@link Agent} is where the parts meet; {@link Clients} knows who is attached, {@link Workers} makes processes, {@link SharedMemory} keeps the node's
 * memory. {@link Main} starts it for a program that runs without the launcher.
 */
@NullMarked
package dragon.agent;

import org.jspecify.annotations.NullMarked;
