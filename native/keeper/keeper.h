/* The keeper's parts. What it does and the protocol it speaks: spec/keeper.md. Single-threaded throughout. */
#ifndef DRAGON_KEEPER_H
#define DRAGON_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { CONTROL = 3 };         /* the descriptor of the agent's socket */
enum { MAX_DESCRIPTORS = 250 }; /* the kernel takes at most 253 with one message */

enum request { MEMORY = 1, START, SIGNAL, FORWARD, END };
enum report { STARTED = 1, EXITED };
enum flag { NEW_SESSION = 1, DIE_WITH_KEEPER = 2, CREDENTIALS = 4, WHOLE_ENVIRONMENT = 8, NICE = 16, UMASK = 32, OOM = 64 };
enum step {
    STEP_FORK,
    STEP_SESSION,
    STEP_DESCRIPTORS,
    STEP_PRIORITY,
    STEP_LIMITS,
    STEP_AFFINITY,
    STEP_CREDENTIALS,
    STEP_CWD,
    STEP_PARENT,
    STEP_EXEC
};

struct list {
    uint32_t count;
    const uint8_t *bytes;
}; /* `count` elements, unaligned, where they lie in the frame */

struct start { /* a START request; all pointers lead into its frame */
    uint64_t id;
    uint32_t flags, umask;
    int32_t nice, oom;
    uint32_t uid, euid, gid, egid;
    struct list groups, limits, cpus, blocked, ignored, targets;
    const char *cwd, *program;
    char **arguments, **variables; /* allocated, each ends with NULL */
    int *descriptors;              /* as many as targets; the keeper closes them afterwards */
};

struct failure {
    int32_t error;
    uint32_t step;
};

/* start.c: fork and exec; returns the pid, or 0 and why. */
bool start_read(const uint8_t *frame, size_t size, struct start *start);
void start_free(struct start *start);
pid_t start_process(const struct start *start, struct failure *failure);

/* kill.c: ends every descendant of this process; each reaped child is told to `reaped`. */
void kill_descendants(void (*reaped)(pid_t pid, int status));

/* memory.c: marks the run LOST in the node's memory and wakes every waiter, if it is still RUNNING. */
void memory_lost(int memory);

#endif
