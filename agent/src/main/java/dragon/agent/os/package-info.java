/**
 * What the agent needs of the operating system and the JDK does not give: Unix sockets that pass descriptors and credentials, epoll, pidfd, posix_spawn.
 * {@link Linux} makes the calls, {@link Poller} is the one loop in which the agent lives, {@link FrameSocket} carries frames with descriptors.
 */
@NullMarked
package dragon.agent.os;

import org.jspecify.annotations.NullMarked;
