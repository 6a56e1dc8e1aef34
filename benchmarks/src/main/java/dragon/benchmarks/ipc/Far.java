package dragon.benchmarks.ipc;

import java.util.Map;
import java.util.Objects;

/** The other end: answers what {@link Near} sends. In a thread of this process or in a process of its own. */
interface Far extends AutoCloseable {

    /** Lets the far end begin with a task; the near end may begin at once. */
    void start(Task task);

    @Override
    void close();

    /** The far end's part of a task. */
    static void answer(Task task, Map<String, Link> links) {
        Link link = Objects.requireNonNull(links.get(task.medium()));
        int count = task.count();
        Cpu.urgent(true);
        link.send(0); // ready
        switch (task.shape()) {
            case ROUND_TRIP -> link.echo(count);
            case ONE_BY_ONE -> link.send(link.receiveEach(count));
            case BATCHES -> link.send(link.receiveBatches(count));
            case COPIED -> link.send(link.receiveCopies(task.size(), count));
            case IN_PLACE -> link.send(link.receiveInPlace(task.size(), count));
        }
        Cpu.urgent(false);
    }
}
