/* Ends every descendant of the keeper, those that left its session or lost their parents included.
 *
 * The keeper is a subreaper, so each descendant hangs, at the end of its chain of parents, on a child of the keeper: once wait() says that there
 * is no child, there is no descendant. Before the killing they are stopped, all of them, so that none can fork while the list is read. */
#define _GNU_SOURCE
#include "keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct process {
    pid_t pid, parent;
    bool ended, descendant, stopped, killed;
};
static struct process *table; /* sorted by pid */
static size_t count;

/* Fields 3, 4 and 20 of /proc/PID/stat; the name in field 2 may hold blanks and parentheses, so they are looked for from its end. A process whose
 * first thread has ended looks like one that has ended, but for its number of threads. */
static bool read_stat(pid_t pid, struct process *process)
{
    char path[32], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0) return false;
    text[size] = 0;
    const char *end = strrchr(text, ')');
    char state;
    int parent, threads;
    if (!end || sscanf(end + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d", &state, &parent, &threads) != 3)
        return false;
    process->ended = (state == 'Z' || state == 'X') && threads <= 1;
    process->pid = pid;
    process->parent = parent;
    return true;
}

static int by_pid(const void *a, const void *b)
{
    return ((const struct process *)a)->pid - ((const struct process *)b)->pid;
}

static struct process *find(pid_t pid)
{
    struct process key = {.pid = pid};
    return count ? bsearch(&key, table, count, sizeof *table, by_pid) : NULL;
}

static void mark_descendants(void)
{
    pid_t self = getpid();
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < count; i++) {
            struct process *parent = table[i].descendant ? NULL : find(table[i].parent);
            if (table[i].parent != self && (!parent || !parent->descendant)) continue;
            if (!table[i].descendant) again = table[i].descendant = true;
        }
    }
}

/* Lists all processes as they are now and marks the descendants; what was signalled before stays marked so. */
static bool list(void)
{
    DIR *proc = opendir("/proc");
    if (!proc) return false;
    struct process *old = table;
    size_t old_count = count, capacity = 0;
    table = NULL, count = 0;
    for (struct dirent *entry; (entry = readdir(proc));) {
        pid_t pid = atoi(entry->d_name);
        struct process process = {0};
        if (pid <= 0 || !read_stat(pid, &process)) continue;
        if (count == capacity) {
            struct process *larger = realloc(table, (capacity = capacity * 2 + 256) * sizeof *table);
            if (!larger) break;
            table = larger;
        }
        const struct process *before = old_count ? bsearch(&process, old, old_count, sizeof *old, by_pid) : NULL;
        process.stopped = before && before->stopped && before->parent == process.parent;
        table[count++] = process;
    }
    closedir(proc);
    free(old);
    qsort(table, count, sizeof *table, by_pid);
    mark_descendants();
    return true;
}

static bool target(const struct process *process)
{
    return process->descendant && !process->ended;
}

/* Stops what it has not stopped yet, until a list brings nothing new (or a storm outruns it: kill_descendants looks again). */
static bool stop_all(void)
{
    for (int round = 0; round < 50; round++) {
        if (!list()) return false;
        size_t fresh = 0;
        for (size_t i = 0; i < count; i++)
            if (target(&table[i]) && !table[i].stopped && kill(table[i].pid, SIGSTOP) == 0) table[i].stopped = true, fresh++;
        if (!fresh) return true;
    }
    return true;
}

/* Kills what stop_all listed; returns how many of them it may not kill. */
static size_t kill_all(void)
{
    size_t foreign = 0;
    for (size_t i = 0; i < count; i++) {
        if (!target(&table[i])) continue;
        table[i].killed = kill(table[i].pid, SIGKILL) == 0;
        if (!table[i].killed && errno == EPERM) foreign++;
    }
    return foreign;
}

/* Reaps what has ended. True: there is no child left. */
static bool reap_ended(void (*reaped)(pid_t, int))
{
    for (int status;;) {
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid <= 0) return pid < 0;
        reaped(pid, status);
    }
}

/* Waits for the end of its own children among the killed, and of no other: one that the list missed may live on for ever. It is in the next list, as a
 * child, since whoever stood between is dead by then. */
static void reap_killed(void (*reaped)(pid_t, int))
{
    pid_t self = getpid();
    for (size_t i = 0; i < count; i++) {
        int status;
        if (table[i].killed && table[i].parent == self && waitpid(table[i].pid, &status, 0) > 0) reaped(table[i].pid, status);
    }
}

void kill_descendants(void (*reaped)(pid_t, int))
{
    while (!reap_ended(reaped)) {
        if (!stop_all()) {
            fprintf(stderr, "dragon: /proc cannot be read (%s): processes that the run's programs started may be left\n", strerror(errno));
            return;
        }
        size_t foreign = kill_all();
        if (foreign) {
            fprintf(stderr, "dragon: %zu process(es) of the run belong to another user now and could not be ended\n", foreign);
            return;
        }
        reap_killed(reaped);
    }
}
