/**
 * Messages between two JVM processes, or two threads, through Dragon's shared memory and through Aeron IPC. {@link dragon.benchmarks.ipc.Main} measures one shape
 * of exchange with both, in turn, and prints one line of JSON for each measurement.
 */
@NullMarked
package dragon.benchmarks.ipc;

import org.jspecify.annotations.NullMarked;
