package dragon.agent;

import dragon.agent.control.Frame;
import dragon.agent.control.Lookup;
import dragon.agent.control.Named;
import dragon.agent.control.Publish;
import dragon.agent.control.StopWaiting;
import dragon.agent.control.Withdraw;

/** Serves requests for {@link Names}. */
final class NameDesk {
    /** Names stand for handles; data travels by the objects they lead to. */
    static final int LARGEST = 1 << 20;

    /** Of all names together: a full heap is the end of the run. */
    static final long MOST = 64 << 20;

    private final Names names;
    private final SharedMemory memory;

    NameDesk(SharedMemory memory) {
        this.memory = memory;
        this.names = new Names(memory);
        memory.onDeath(names::gone);
    }

    /** Serves the request if it is about names. */
    boolean serve(Connection from, int call, Frame.Body body) {
        if (!(body instanceof Publish
                || body instanceof Lookup
                || body instanceof Withdraw
                || body instanceof StopWaiting)) {
            return false;
        }
        Client client = from.client;
        if (client == null || !memory.lives(client)) {
            from.fail(call, "refused", "pid " + from.peer.pid() + " is no client of this run, or has ended", 0);
        } else if (body instanceof Publish publish) {
            publish(from, call, client, publish);
        } else if (body instanceof Lookup lookup) {
            lookup(from, call, client, lookup);
        } else if (body instanceof Withdraw withdraw) {
            from.reply(call, names.withdraw(withdraw.name()) ? new Named(true, new byte[0], 0) : Named.EMPTY);
        } else if (body instanceof StopWaiting stop) {
            names.stopWaiting(client.number(), stop.eventId());
        }
        return true;
    }

    private void publish(Connection from, int call, Client client, Publish asked) {
        if (asked.value().length > LARGEST) {
            from.fail(
                    call,
                    "size",
                    "what the name '" + asked.name() + "' is to stand for has " + asked.value().length
                            + " bytes when pickled, at most " + LARGEST
                            + " can be: publish a queue or shared memory, and put the data there",
                    0);
            return;
        }
        if (names.cost() + asked.value().length > MOST) {
            from.fail(
                    call,
                    "size",
                    "the names of this run stand for more than " + MOST + " bytes already, so '" + asked.name()
                            + "' cannot be published: withdraw those that are not needed any more",
                    0);
            return;
        }
        Names.Published done = names.publish(client, asked);
        if (done.isNew()) {
            done.wake().forEach(waiter -> memory.set(waiter.event(), waiter.eventId(), 1));
            from.reply(call, new Named(false, new byte[0], done.entry().serial()));
        } else if (asked.ifTaken() == Publish.IfTaken.GIVE) {
            from.reply(call, found(done.entry()));
        } else {
            from.fail(call, "taken", taken(asked.name(), done.entry()), 0);
        }
    }

    private static String taken(String name, Names.Entry entry) {
        Client owner = entry.owner();
        return "the name '" + name + "' is taken: process " + owner.process() + " (OS pid " + owner.pid()
                + ") published it" + (entry.kept() ? " for the whole run" : " and has not ended")
                + "; take another name, withdraw it first, or publish with replace=True";
    }

    private void lookup(Connection from, int call, Client client, Lookup asked) {
        if (asked.event() != 0) {
            names.await(asked.name(), new Names.Waiter(client.number(), asked.event(), asked.eventId()));
        }
        Names.Entry entry = names.find(asked.name());
        from.reply(call, entry == null ? Named.EMPTY : found(entry));
    }

    private static Named found(Names.Entry entry) {
        return new Named(true, entry.value(), entry.serial());
    }
}
