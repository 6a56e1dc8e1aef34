package dragon.benchmarks.ipc;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;

/** The far end as a thread of this process. If it fails, the process ends: the near end would wait for ever. */
final class FarThread implements Far {
    private final LinkedBlockingQueue<Optional<Task>> tasks = new LinkedBlockingQueue<>();
    private final List<Medium> media;
    private final Thread thread;

    FarThread(List<Medium> media) {
        this.media = media;
        this.thread = Thread.ofPlatform().name("far").start(this::run);
    }

    private void run() {
        try {
            Map<String, Link> links = new HashMap<>();
            media.forEach(medium -> links.put(medium.name(), medium.far()));
            Cpu.bindToLast();
            while (true) {
                Optional<Task> task = tasks.take();
                if (task.isEmpty()) {
                    links.values().forEach(Link::close);
                    return;
                }
                Far.answer(task.get(), links);
            }
        } catch (Throwable failure) {
            failure.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    @Override
    public void start(Task task) {
        tasks.add(Optional.of(task));
    }

    @Override
    public void close() {
        tasks.add(Optional.empty());
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
