package dragon.channel;

import dragon.memory.Client;
import dragon.memory.Memory;
import dragon.memory.Raw;
import dragon.memory.ThreadRecord;
import org.jspecify.annotations.Nullable;

/**
 * By which clients tell the agent that they let go of objects or gave handles away (section 10): an unbounded channel that only the agent receives from.
 * The agent may be reached that way by processes that are not connected to it.
 */
public final class Mailbox {
    static final int RELEASE = 1;
    static final int PIN = 2;
    static final int UNPIN = 3;
    static final int CARRY = 4;

    private static final int SLOT_SIZE = 64;

    private final Client client;
    private final @Nullable Channel channel;

    private Mailbox(Client client, @Nullable Channel channel) {
        this.client = client;
        this.channel = channel;
    }

    /** Makes the node's mailbox, for its agent. */
    static Channel create(Client agent) {
        Channel channel = Channel.create(agent, 0, SLOT_SIZE, false, Role.RECEIVER);
        agent.memory().mailbox(channel.offset());
        return channel;
    }

    /** The mailbox as a client uses it. The agent is bound to it for ever, so nobody else is. A memory without one (a test's) swallows all. */
    public static Mailbox of(Client client) {
        Memory memory = client.memory();
        long offset = memory.mailbox();
        if (offset == 0) {
            return new Mailbox(client, null);
        }
        long id = Raw.getLongAcquire(memory.address(offset) + ObjectLayout.ID);
        return new Mailbox(client, new Channel(client, new Handle(offset, id), Role.SENDER, null));
    }

    /** The last reference with that role is cleared. */
    void released(ThreadRecord record, Handle handle, Role role) {
        tell(record, RELEASE, handle, role, 0);
    }

    /**
     * A handle leaves this process, which is bound to the object: that lives, in that role, until the token is unpinned. To be called before the handle is handed over. Returns
     * the token, which travels with it.
     */
    public long pin(Handle handle, Role role) {
        long token = client.nextToken();
        tell(client.record(), PIN, handle, role, token);
        if (Ends.tracked(client.memory(), handle.offset())) {
            Ends.count(client.memory(), handle.offset(), role.bit(), token);
        }
        return token;
    }

    /** The handle with that token goes into a message of the channel: to be called before that is sent. If it is lost there, the object is not kept for it. */
    public void carry(Handle channel, long token) {
        tell(client.record(), CARRY, channel, Role.USER, token);
    }

    /** A handle that travelled with that token is bound here. */
    public void unpin(Handle handle, Role role, long token) {
        if (Ends.tracked(client.memory(), handle.offset()) && Ends.claim(client.memory(), token)) {
            ThreadRecord record = client.record();
            record.begin(ThreadRecord.UPDATE, handle.offset());
            Ends.dropAndTell(client, handle.offset(), role.bit());
            record.end();
        }
        tell(client.record(), UNPIN, handle, role, token);
    }

    private void tell(ThreadRecord record, int type, Handle handle, Role role, long token) {
        if (channel != null) {
            long typeAndClient = (long) client.number() << 32 | type;
            channel.sendWords(record, typeAndClient, handle.id(), handle.offset() | role.bit(), token);
        }
    }
}
