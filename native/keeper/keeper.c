/* The keeper: parent, reaper and, when the agent is gone, end of all processes of a run on this node. See spec/keeper.md.
 *
 * One thread, one loop over two descriptors: the agent's socket and a signalfd. It keeps no state that matters: when it is killed,
 * the kernel kills what it started (PDEATHSIG), and the agent cleans up. */
#define _GNU_SOURCE
#include "keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
    uint64_t id;
    pid_t pid;
};
static struct child *children; /* started and not reaped */
static size_t children_count, children_capacity;

static int memory = -1;
static int signals;
static bool seen[65]; /* signals that the keeper got itself since the last FORWARD of them */
static bool agent_gone;

/* ---- to the agent ---- */

static void send_frame(uint8_t type, const void *body, uint32_t size)
{
    uint8_t head[5];
    uint32_t length = size + 1;
    memcpy(head, &length, 4);
    head[4] = type;
    struct iovec parts[2] = {{head, sizeof head}, {(void *)(uintptr_t)body, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    while (parts[0].iov_len + parts[1].iov_len > 0 && !agent_gone) {
        ssize_t sent = sendmsg(CONTROL, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) {
            agent_gone = true;
            return;
        }
        for (int i = 0; i < 2; i++) {
            size_t n = (size_t)sent < parts[i].iov_len ? (size_t)sent : parts[i].iov_len;
            parts[i].iov_base = (uint8_t *)parts[i].iov_base + n;
            parts[i].iov_len -= n;
            sent -= (ssize_t)n;
        }
    }
}

enum { BATCH = 128, ENTRY = 16 };
static uint8_t batch[4 + BATCH * ENTRY];
static uint32_t batched;

static void flush_exits(void)
{
    if (batched == 0) return;
    memcpy(batch, &batched, 4);
    send_frame(EXITED, batch, 4 + batched * ENTRY);
    batched = 0;
}

/* id 0: not asked for by the agent, it lost its parent; the agent may know it as a worker of a zygote that was killed. */
static void reaped(pid_t pid, int status)
{
    uint64_t id = 0;
    for (size_t i = 0; i < children_count && !id; i++) {
        if (children[i].pid != pid) continue;
        id = children[i].id;
        children[i] = children[--children_count];
    }
    if (batched == BATCH) flush_exits();
    uint8_t *entry = batch + 4 + batched++ * ENTRY;
    memcpy(entry, &id, 8);
    memcpy(entry + 8, &pid, 4);
    memcpy(entry + 12, &status, 4);
}

static void reap(void)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) reaped(pid, status);
    flush_exits();
}

/* Takes in what has come. With it goes a SIGCHLD, and nothing else would tell of that child's end: so whoever reads signals reaps. */
static void take_in_signals(void)
{
    struct signalfd_siginfo info[16];
    for (ssize_t size; (size = read(signals, info, sizeof info)) > 0;)
        for (size_t i = 0; i < (size_t)size / sizeof *info; i++) seen[info[i].ssi_signo] = true;
    reap();
}

/* ---- the end ---- */

static void kill_own_children(void)
{
    for (size_t i = 0; i < children_count; i++) kill(children[i].pid, SIGKILL);
}

static _Noreturn void end(void)
{
    kill_own_children();
    kill_descendants(reaped);
    flush_exits();
    exit(0);
}

static _Noreturn void agent_died(void)
{
    agent_gone = true;
    if (memory >= 0) memory_lost(memory);
    end();
}

static _Noreturn void broken(const char *what)
{
    fprintf(stderr, "dragon: the keeper (pid %d) got a request it does not understand (%s); agent and keeper are not of the same build\n",
            (int)getpid(), what);
    agent_died();
}

/* ---- requests ---- */

static struct child *child(uint64_t id)
{
    for (size_t i = 0; i < children_count; i++)
        if (children[i].id == id) return &children[i];
    return NULL;
}

static bool remember(uint64_t id, pid_t pid)
{
    if (children_count == children_capacity) {
        struct child *larger = realloc(children, (children_capacity = children_capacity * 2 + 64) * sizeof *children);
        if (!larger) return false;
        children = larger;
    }
    children[children_count++] = (struct child){id, pid};
    return true;
}

static void start(const uint8_t *body, size_t size, int *descriptors, size_t count)
{
    struct start request;
    if (!start_read(body, size, &request) || request.targets.count != count) broken("START");
    request.descriptors = descriptors;
    struct failure failure = {0};
    pid_t pid = start_process(&request, &failure);
    if (pid > 0 && !remember(request.id, pid)) kill(pid, SIGKILL), pid = 0, failure = (struct failure){ENOMEM, STEP_FORK};
    uint8_t reply[20];
    memcpy(reply, &request.id, 8);
    memcpy(reply + 8, &pid, 4);
    memcpy(reply + 12, &failure, 8);
    start_free(&request);
    send_frame(STARTED, reply, sizeof reply);
}

static void deliver(const uint8_t *body, size_t size, bool unless_seen)
{
    uint64_t id;
    uint32_t number;
    if (size != 12) broken("SIGNAL");
    memcpy(&id, body, 8);
    memcpy(&number, body + 8, 4);
    if (number > 64) broken("SIGNAL");
    take_in_signals();
    struct child *to = child(id);
    if (to && !(unless_seen && seen[number])) kill(to->pid, (int)number);
    if (unless_seen) seen[number] = false;
}

static void request(const uint8_t *frame, size_t size, int *descriptors, size_t count)
{
    switch (size ? frame[0] : 0) {
    case MEMORY:
        if (count != 1) broken("MEMORY");
        memory = descriptors[0];
        return; /* kept */
    case START: start(frame + 1, size - 1, descriptors, count); break;
    case SIGNAL: deliver(frame + 1, size - 1, false); break;
    case FORWARD: deliver(frame + 1, size - 1, true); break;
    case END: end();
    default: broken("type");
    }
    for (size_t i = 0; i < count; i++) close(descriptors[i]);
}

/* ---- from the agent: at most one frame is read at a time, so descriptors are those of that frame ---- */

static uint8_t *frame;
static size_t frame_size, frame_got, frame_capacity; /* the length word included */
static int received[MAX_DESCRIPTORS];
static size_t received_count;

static bool read_some(void)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof received)];
    } extra;
    struct iovec part = {frame + frame_got, frame_size - frame_got};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &extra, .msg_controllen = sizeof extra};
    ssize_t got = recvmsg(CONTROL, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (got <= 0) agent_died();
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (received_count + n > MAX_DESCRIPTORS) broken("descriptors");
        memcpy(received + received_count, CMSG_DATA(c), n * sizeof(int));
        received_count += n;
    }
    frame_got += (size_t)got;
    return true;
}

static void make_room(size_t size)
{
    if (size <= frame_capacity) return;
    uint8_t *larger = realloc(frame, size);
    if (!larger) {
        fprintf(stderr, "dragon: the keeper (pid %d) has no memory for a request of %zu bytes\n", (int)getpid(), size);
        agent_died();
    }
    frame = larger;
    frame_capacity = size;
}

static void read_requests(void)
{
    while (read_some()) {
        if (frame_got == 4 && frame_size == 4) {
            uint32_t length;
            memcpy(&length, frame, 4);
            if (length == 0 || length > 1u << 28) broken("length");
            make_room(frame_size = 4 + (size_t)length);
        } else if (frame_got == frame_size) {
            request(frame + 4, frame_size - 4, received, received_count);
            frame_size = 4, frame_got = 0, received_count = 0;
        }
    }
}

static void close_inherited(void)
{
    DIR *open = opendir("/proc/self/fd");
    if (!open) {
        for (int fd = CONTROL + 1; fd < 4096; fd++) close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(open));) {
        int fd = atoi(entry->d_name);
        if (fd > CONTROL && fd != dirfd(open)) close(fd);
    }
    closedir(open);
}

static void take_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    int all[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) sigaddset(&set, all[i]);
    sigprocmask(SIG_SETMASK, &set, NULL);
    signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    uint64_t action[4] = {0}; /* posix_spawn leaves the C library's own two signals ignored, and sigaction does not take them */
    for (int own = 32; own <= 33; own++) syscall(SYS_rt_sigaction, own, action, NULL, 8);
}

/* What the JVM was started without, or with another value, is the programs': for a variable NAME that was changed, DRAGON_NAME is "=value before", or nothing if it was not
 * set. */
static void restore_environment(void)
{
    static const char *const changed[] = {"DRAGON_LC_ALL", "DRAGON_JAVA_TOOL_OPTIONS", "DRAGON_JDK_JAVA_OPTIONS", "DRAGON__JAVA_OPTIONS"};
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
        const char *before = getenv(changed[i]), *name = changed[i] + sizeof "DRAGON_" - 1;
        if (!before) continue;
        if (*before == '=')
            setenv(name, before + 1, 1);
        else
            unsetenv(name);
        unsetenv(changed[i]);
    }
}

/* keeper begin DESCRIPTOR PROGRAM [ARG...]: becomes the program, which is the agent, when it has a keeper as its child, whose socket to it is that descriptor. So the keeper is
 * at work while the agent's JVM starts. */
static int begin(char **argv)
{
    int control = atoi(argv[2]);
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(control, CONTROL) == CONTROL) execl(argv[0], argv[0], (char *)NULL);
        _exit(127);
    }
    if (pid > 0) {
        char number[16];
        snprintf(number, sizeof number, "%d", (int)pid);
        setenv("DRAGON_KEEPER", number, 1);
        close(control);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        execv(argv[3], argv + 3);
    }
    fprintf(stderr, "dragon: cannot %s %s: %s\n", pid < 0 ? "fork for" : "execute", argv[3], strerror(errno));
    return 127;
}

int main(int argc, char **argv)
{
    if (argc > 3 && strcmp(argv[1], "begin") == 0) return begin(argv);
    int type;
    socklen_t size = sizeof type;
    if (argc != 1 || getsockopt(CONTROL, SOL_SOCKET, SO_TYPE, &type, &size) < 0) {
        fputs("This is a part of Dragon, started by its agent; run a program with: dragon PROG [ARG...]\n", stderr);
        return 2;
    }
    restore_environment();
    close_inherited();
    fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGCHLD, SIG_DFL); /* ignored by inheritance, it would hide the ends of children */
    take_signals();
    make_room(4096);
    frame_size = 4;
    struct pollfd on[2] = {{.fd = CONTROL, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    for (;;) {
        if (poll(on, 2, -1) < 0) continue;
        if (on[1].revents) take_in_signals();
        if (on[0].revents) read_requests();
        if (agent_gone) agent_died();
    }
}
