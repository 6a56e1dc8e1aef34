/** What the Java benchmarks share: {@link dragon.benchmarks.Node} is the memory they run on. */
@NullMarked
package dragon.benchmarks;

import org.jspecify.annotations.NullMarked;
