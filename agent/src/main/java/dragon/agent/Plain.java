package dragon.agent;

import dragon.agent.os.Linux;

/** What is special where the head started the agent, and not the agent the head. */
final class Plain {
    private Plain() {}

    /** The head listened to these until the agent was there; held on to, they would keep its reader waiting after its end. */
    static void letGoOfStandardStreams() {
        int nowhere = Linux.open("/dev/null", true);
        for (int fd = 0; fd < 3; fd++) {
            Linux.dup2(nowhere, fd);
        }
        Linux.close(nowhere);
    }
}
