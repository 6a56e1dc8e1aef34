/**
 * What the Java benchmarks share: {@link dragon.benchmarks.Node} is the memory they run on. {@link dragon.benchmarks.Operations} are JMH benchmarks of single
 * operations; those of two ends are in {@link dragon.benchmarks.ipc}.
 */
package dragon.benchmarks;
