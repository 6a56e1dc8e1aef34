/**
 * An exhaustive checker of the protocol in {@code spec/shared-memory.md}: {@link dragon.model.Search} takes every interleaving of a {@link dragon.model.Scenario}, with deaths at any step and the agent's sweep running
 * beside the survivors, and says whether a wake-up or a message was lost, a message doubled or overtaken, a lock held twice, or a schedule never ends. Each algorithm is a class of labelled atomic steps
 * ({@link dragon.model.Code}); {@link dragon.model.Faults} lists the faults that are planted to prove that the checker finds them. {@link dragon.model.Main} runs it from the command line.
 */
@NullMarked
package dragon.model;

import org.jspecify.annotations.NullMarked;
