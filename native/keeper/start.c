/* Starts one program: reads the request, forks, makes the child what the request says, and executes. */
#define _GNU_SOURCE
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* ---- the request ---- */

struct cursor {
    const uint8_t *at, *end;
    bool bad;
};

static const uint8_t *take(struct cursor *c, size_t size)
{
    if (c->bad || (size_t)(c->end - c->at) < size) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *at = c->at;
    c->at += size;
    return at;
}

static uint64_t number(struct cursor *c, size_t size)
{
    uint64_t value = 0;
    const uint8_t *at = take(c, size);
    if (at) memcpy(&value, at, size);
    return value;
}

static struct list list(struct cursor *c, size_t element)
{
    struct list list = {.count = (uint32_t)number(c, 4)};
    list.bytes = take(c, list.count * element);
    if (c->bad) list.count = 0;
    return list;
}

static uint32_t element(struct list list, uint32_t i)
{
    uint32_t value;
    memcpy(&value, list.bytes + 4 * (size_t)i, 4);
    return value;
}

static char *text(struct cursor *c)
{
    uint32_t size = (uint32_t)number(c, 4);
    const uint8_t *at = take(c, size);
    if (!at || size == 0 || at[size - 1] != 0) {
        c->bad = true;
        return NULL;
    }
    return (char *)(uintptr_t)at; /* execve takes char *, and does not write */
}

static char **texts(struct cursor *c, size_t extra)
{
    uint32_t n = (uint32_t)number(c, 4);
    if (c->bad || n > (size_t)(c->end - c->at) / 5) {
        c->bad = true;
        return NULL;
    }
    char **all = calloc(n + extra + 1, sizeof *all);
    for (uint32_t i = 0; all && i < n; i++) all[i] = text(c);
    if (!all) c->bad = true;
    return all;
}

static bool same_name(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");
    return strncmp(a, b, n) == 0 && b[n] == '=';
}

/* Appends those of the keeper's own variables that the request does not name. */
static void add_own_environment(char **variables)
{
    size_t named = 0, n;
    while (variables[named]) named++;
    n = named;
    for (char **own = environ; *own; own++) {
        bool replaced = false;
        for (size_t i = 0; i < named && !replaced; i++) replaced = same_name(variables[i], *own);
        if (!replaced) variables[n++] = *own;
    }
}

static size_t environment_size(void)
{
    size_t n = 0;
    while (environ[n]) n++;
    return n;
}

bool start_read(const uint8_t *frame, size_t size, struct start *start)
{
    struct cursor c = {frame, frame + size, false};
    memset(start, 0, sizeof *start);
    start->id = number(&c, 8);
    start->flags = (uint32_t)number(&c, 4);
    start->umask = (uint32_t)number(&c, 4);
    start->nice = (int32_t)number(&c, 4);
    start->oom = (int32_t)number(&c, 4);
    start->uid = (uint32_t)number(&c, 4);
    start->euid = (uint32_t)number(&c, 4);
    start->gid = (uint32_t)number(&c, 4);
    start->egid = (uint32_t)number(&c, 4);
    start->groups = list(&c, 4);
    start->limits = list(&c, 12);
    start->cpus = list(&c, 4);
    start->blocked = list(&c, 4);
    start->ignored = list(&c, 4);
    start->targets = list(&c, 4);
    start->cwd = text(&c);
    start->program = text(&c);
    start->arguments = texts(&c, 0);
    start->variables = texts(&c, environment_size());
    if (c.bad || c.at != c.end) {
        start_free(start);
        return false;
    }
    if (!(start->flags & WHOLE_ENVIRONMENT)) add_own_environment(start->variables);
    return true;
}

void start_free(struct start *start)
{
    free(start->arguments);
    free(start->variables);
    start->arguments = start->variables = NULL;
}

/* ---- the child ---- */

static int put_descriptors(const struct start *start)
{
    int high[MAX_DESCRIPTORS]; /* out of the way of the targets first: a target may be the number of another one that comes later */
    uint32_t floor = CONTROL;
    for (uint32_t i = 0; i < start->targets.count; i++)
        if (element(start->targets, i) > floor) floor = element(start->targets, i);
    for (uint32_t i = 0; i < start->targets.count; i++)
        if ((high[i] = fcntl(start->descriptors[i], F_DUPFD_CLOEXEC, floor + 1)) < 0) return -1;
    for (uint32_t i = 0; i < start->targets.count; i++)
        if (dup2(high[i], (int)element(start->targets, i)) < 0) return -1;
    return 0;
}

static int put_oom_score(int score)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int r = dprintf(fd, "%d", score) < 0 ? -1 : 0;
    close(fd);
    return r;
}

static int put_limits(struct list limits)
{
    for (uint32_t i = 0; i < limits.count; i++) {
        uint32_t resource;
        uint64_t soft;
        struct rlimit limit;
        memcpy(&resource, limits.bytes + 12 * (size_t)i, 4);
        memcpy(&soft, limits.bytes + 12 * (size_t)i + 4, 8);
        if (getrlimit(resource, &limit) < 0) return -1;
        limit.rlim_cur = soft == UINT64_MAX ? RLIM_INFINITY : (rlim_t)soft;
        if (limit.rlim_max != RLIM_INFINITY && limit.rlim_cur > limit.rlim_max) limit.rlim_max = limit.rlim_cur;
        if (setrlimit(resource, &limit) < 0) return -1;
    }
    return 0;
}

static int put_affinity(struct list cpus)
{
    if (cpus.count == 0) return 0;
    size_t n = 1024;
    for (uint32_t i = 0; i < cpus.count; i++)
        if (element(cpus, i) >= n) n = element(cpus, i) + 1;
    cpu_set_t *set = CPU_ALLOC(n);
    if (!set) return -1;
    CPU_ZERO_S(CPU_ALLOC_SIZE(n), set);
    for (uint32_t i = 0; i < cpus.count; i++) CPU_SET_S(element(cpus, i), CPU_ALLOC_SIZE(n), set);
    return sched_setaffinity(0, CPU_ALLOC_SIZE(n), set);
}

static int put_credentials(const struct start *start)
{
    gid_t groups[1024];
    if (start->groups.count > 1024) {
        errno = EINVAL;
        return -1;
    }
    for (uint32_t i = 0; i < start->groups.count; i++) groups[i] = element(start->groups, i);
    if (geteuid() == 0 && setgroups(start->groups.count, groups) < 0) return -1;
    if (setresgid(start->gid, start->egid, start->egid) < 0) return -1;
    return setresuid(start->uid, start->euid, start->euid);
}

static void put_signals(const struct start *start)
{
    sigset_t mask;
    sigemptyset(&mask);
    for (uint32_t i = 0; i < start->blocked.count; i++) sigaddset(&mask, (int)element(start->blocked, i));
    for (uint32_t i = 0; i < start->ignored.count; i++) signal((int)element(start->ignored, i), SIG_IGN);
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* Returns the step that failed; only then does it return. Privileges go last, the tie to the keeper after them (a change of user clears it). */
static enum step become(const struct start *start, pid_t keeper)
{
    put_signals(start);
    if ((start->flags & NEW_SESSION) && setsid() < 0) return STEP_SESSION;
    if (put_descriptors(start) < 0) return STEP_DESCRIPTORS;
    if (start->flags & UMASK) umask(start->umask);
    if ((start->flags & OOM) && put_oom_score(start->oom) < 0 && errno != EACCES && errno != ENOENT) return STEP_PRIORITY;
    if ((start->flags & NICE) && setpriority(PRIO_PROCESS, 0, start->nice) < 0) return STEP_PRIORITY;
    if (put_affinity(start->cpus) < 0) return STEP_AFFINITY;
    if (put_limits(start->limits) < 0) return STEP_LIMITS;
    if ((start->flags & CREDENTIALS) && put_credentials(start) < 0) return STEP_CREDENTIALS;
    if (start->cwd[0] && chdir(start->cwd) < 0) return STEP_CWD;
    if (start->flags & DIE_WITH_KEEPER) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != keeper) return STEP_PARENT;
    }
    execve(start->program, start->arguments, start->variables);
    return STEP_EXEC;
}

pid_t start_process(const struct start *start, struct failure *failure)
{
    int news[2]; /* ends without a word when the program runs */
    pid_t keeper = getpid(), pid = -1;
    failure->step = STEP_FORK;
    if (pipe2(news, O_CLOEXEC) == 0) {
        pid = fork();
        if (pid < 0) close(news[0]), close(news[1]);
    }
    failure->error = pid < 0 ? errno : 0;
    if (pid < 0) return 0;
    if (pid == 0) {
        int to = fcntl(news[1], F_DUPFD_CLOEXEC, 512); /* so that no target hits it */
        if (to < 0) to = news[1];
        struct failure mine = {.step = become(start, keeper)};
        mine.error = errno;
        ssize_t written = write(to, &mine, sizeof mine);
        _exit(written == sizeof mine ? 127 : 126);
    }
    close(news[1]);
    ssize_t got;
    while ((got = read(news[0], failure, sizeof *failure)) < 0 && errno == EINTR) {}
    close(news[0]);
    return got == sizeof *failure ? 0 : pid;
}
