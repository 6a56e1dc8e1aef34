package dragon.agent;

import dragon.agent.control.Hello;
import dragon.agent.control.Welcome;
import dragon.agent.os.Linux;
import dragon.agent.os.Poller;
import dragon.agent.process.Birth;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Who is attached, and the death of those that no zygote reports: the head, and processes that user code started. Each of these has a pidfd in the agent's loop;
 * workers need none.
 */
final class Clients {
    static final int PROTOCOL = 1;

    private record Watched(Client client, int pidfd, Connection connection) {}

    private final Poller poller;
    private final SharedMemory memory;
    private final Workers workers;
    private final Ids ids;
    private final String host;
    private final Map<Integer, Watched> watched = new HashMap<>(); // by pid

    Clients(Poller poller, SharedMemory memory, Workers workers, Ids ids, String host) {
        this.poller = poller;
        this.memory = memory;
        this.workers = workers;
        this.ids = ids;
        this.host = host;
    }

    /** A process says who it is. {@code headPid}: the head's, 0 if not known. */
    void hello(Connection from, int call, Hello hello, int headPid) {
        if (hello.version() != PROTOCOL) {
            from.fail(
                    call,
                    "version",
                    "the run's agent speaks version " + PROTOCOL + " of the control protocol, pid " + from.peer.pid()
                            + " version " + hello.version() + "; use the launcher and the package of one build",
                    0);
            return;
        }
        String refusal = hello.client() == 0 ? Build.refusal(hello.build(), from.peer.pid()) : null;
        if (refusal != null) {
            from.fail(call, "version", refusal, 0);
            return;
        }
        if (hello.client() == 0 && memory.full()) {
            from.fail(call, "processes", memory.clientsUsedUp(), Linux.EAGAIN);
            return;
        }
        Client client = hello.client() != 0 ? known(from, hello) : attach(from, from.peer.pid() == headPid);
        if (client == null) {
            from.fail(
                    call,
                    "refused",
                    "pid " + from.peer.pid() + " is not client " + hello.client() + " of this run, or has ended",
                    0);
            return;
        }
        from.client = client;
        from.reply(
                call,
                new Welcome(client.number(), client.process(), memory.runId(), memory.node(), host),
                memory.descriptor());
    }

    /** A zygote gets the memory, which its workers inherit, and no number. */
    void welcomeZygote(Connection from, int call, long id) {
        from.reply(call, new Welcome(0, id, memory.runId(), memory.node(), host), memory.descriptor());
    }

    private @Nullable Client known(Connection from, Hello hello) {
        int pid = from.peer.pid();
        Watched other = watched.get(pid);
        if (other != null && other.client.number() == hello.client()) {
            return other.client;
        }
        Birth birth = workers.birth(hello.processId());
        if (birth == null || birth.client() != hello.client()) {
            return null;
        }
        int told = workers.pid(birth.process()); // 0: its zygote has not told yet
        return told == pid || told == 0 ? new Client(birth.client(), birth.process(), pid) : null;
    }

    private @Nullable Client attach(Connection from, boolean head) {
        int pid = from.peer.pid();
        Watched before = watched.get(pid);
        if (before != null) {
            gone(pid, before); // it has executed another program: the client it was is dead
        }
        int pidfd = Linux.pidfd(pid);
        if (pidfd < 0) {
            return null;
        }
        long process = head ? ids.head() : ids.other();
        int number = memory.newClient(process);
        if (number == 0) {
            Linux.close(pidfd);
            return null;
        }
        memory.clientIs(number, pid);
        Client client = new Client(number, process, pid);
        Watched entry = new Watched(client, pidfd, from);
        watched.put(pid, entry);
        poller.add(pidfd, Poller.IN, _ -> {
            if (head) { // the run ends with it, and all who wait for it: a sweep would have them tell of its death
                // before
                forget(pid, entry);
            } else {
                gone(pid, entry);
            }
        });
        return client;
    }

    private void forget(int pid, Watched entry) {
        watched.remove(pid);
        poller.remove(entry.pidfd);
        Linux.close(entry.pidfd);
    }

    private void gone(int pid, Watched entry) {
        forget(pid, entry);
        memory.gone(entry.client.number());
        workers.clientGone(entry.client.process());
    }
}
