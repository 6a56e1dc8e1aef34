/**
 * Communication objects in the node's shared memory: {@link dragon.channel.Channel}, {@link dragon.channel.Semaphore}, {@link
 * dragon.channel.Lock}, {@link dragon.channel.Event}, {@link dragon.channel.Condition} and plain {@link dragon.channel.Area}s, which any process of
 * the node can be bound to by offset and id. All stand on {@link dragon.channel.Ring} and {@link dragon.channel.WaitQueue}; {@link
 * dragon.channel.Sweeper} is the agent's part, which repairs what the dead left. The protocol is {@code spec/shared-memory.md}.
 */
@NullMarked
package dragon.channel;

import org.jspecify.annotations.NullMarked;
