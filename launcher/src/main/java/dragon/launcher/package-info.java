/**
 * The {@code dragon} command. {@link Main} finds what is to be run ({@link CommandLine}, {@link Heads}), and becomes the agent of the run; it ends with the head's exit code.
 */
@NullMarked
package dragon.launcher;

import org.jspecify.annotations.NullMarked;
