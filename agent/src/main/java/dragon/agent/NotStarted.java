package dragon.agent;

import dragon.agent.os.Linux;
import dragon.agent.process.RunLife;

/** Why the user's program could not be started, and the exit codes that shells have for it. */
final class NotStarted {
    private static final int ENOENT = 2;
    private static final int ENOEXEC = 8;
    private static final int NOT_FOUND = 127;
    private static final int NOT_EXECUTABLE = 126;

    private NotStarted() {}

    static RunLife.Event event(String program, int errno, String step) {
        if (!step.equals("execute")) {
            return new RunLife.Event.NotStarted(
                    program + " could not be started: " + step + ": " + Linux.explain(errno), 2);
        }
        String why = switch (errno) {
            case ENOENT -> "it, or the interpreter its first line names, does not exist";
            case Linux.EACCES -> "it is not executable (chmod +x makes it so)";
            case ENOEXEC -> "it is no program: its first line should name an interpreter (#!/bin/sh)";
            default -> Linux.explain(errno);
        };
        return new RunLife.Event.NotStarted(program + ": " + why, errno == ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
    }
}
