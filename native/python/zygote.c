/* The zygote's loop (python/dragon/_zygote.py): forks workers at the agent's request, reports their ends, reaps them by its leave.
 *
 * It is not in Python because of what a fork costs: after each, the kernel copies every page that parent or child writes to, and an interpreter writes to hundreds of
 * them just to run a line. So nothing of the interpreter runs here, and what the loop writes to lies in pages that children do not get (MADV_DONTFORK). The interpreter's
 * own hooks of a fork are left out: they mend what other threads held, and a zygote has one thread. Only a template runs them, if modules of the user's have set some.
 *
 * One child is forked ahead, the *spare*, which waits for the frame of its birth on a socket of its own; the zygote hands the frame on as it came. A spare that is killed
 * while it waits is replaced, and the frame goes to the next one; one that is killed later is the process that was asked for, and its end is reported like any other.
 * A child is reaped only when the agent has recorded its end, so its pid means nobody else until then. All die with the zygote (PDEATHSIG), the zygote with the keeper. */
#include "shm.h"

#include "frame.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_DESCRIPTORS 253 /* the kernel passes no more with one message */
#define OFTEN 16 /* births: whoever asked for so many asks for more */
#define LARGEST_FRAME (1ul << 28)

/* A frame as it came, length and all, with its descriptors. */
struct message {
    uint8_t *bytes;
    size_t size, room;
    int descriptors[MOST_DESCRIPTORS];
    size_t count;
};

/* What the zygote alone knows; no child has it. */
struct zygote {
    int agent, deaths; /* the connection; where SIGCHLD is read */
    int spare;         /* socket to the child forked ahead */
    pid_t spare_pid;   /* 0: there is none */
    pid_t reported;    /* has ended, is told, waits to be reaped: the kernel shows no other until it is */
    unsigned births;   /* asked for */
    int forks;         /* since it last learned something */
    long processors;
    long living;       /* children that were handed their message and are not reaped */
    bool hooks;        /* a fork runs the interpreter's hooks */
    bool idle;         /* no child could be forked ahead; it is tried again at the next request */
    struct message message;
};

/* What the next children are likely to be told. */
struct known {
    PyObject *setting, *preparation;
    const char *folder; /* of that setting, and the signals it blocks (1 << number - 1) */
    unsigned long long blocked;
};

static struct zygote *zygote;
static struct sigaction interrupted; /* what SIGINT does in a worker; the zygote ignores it */

/* ---- messages ---- */

static void *unshared(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return NULL;
    (void)madvise(pages, size, MADV_DONTFORK);
    return pages;
}

static bool make_room(struct message *message, size_t size)
{
    if (size <= message->room) return true;
    size_t room = (size + 65535) & ~(size_t)65535;
    uint8_t *bytes = unshared(room);
    if (!bytes) return false;
    if (message->bytes) {
        memcpy(bytes, message->bytes, message->size);
        munmap(message->bytes, message->room);
    }
    message->bytes = bytes;
    message->room = room;
    return true;
}

static void take_descriptors(struct message *message, struct msghdr *header)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count && message->count < MOST_DESCRIPTORS; i++)
            memcpy(&message->descriptors[message->count++], CMSG_DATA(part) + i * sizeof(int), sizeof(int));
    }
}

/* Reads until the message has `size` bytes; false at the end of the connection. */
static bool read_to(int socket, struct message *message, size_t size)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
    } control;
    while (message->size < size) {
        struct iovec part = {message->bytes + message->size, size - message->size};
        struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        ssize_t n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        take_descriptors(message, &header);
        message->size += (size_t)n;
    }
    return true;
}

static bool receive(int socket, struct message *message)
{
    uint32_t size;
    message->size = message->count = 0;
    if (!make_room(message, 65536) || !read_to(socket, message, 4)) return false;
    memcpy(&size, message->bytes, 4); /* little endian, as all machines that Dragon runs on */
    return size <= LARGEST_FRAME && make_room(message, size + 4ul) && read_to(socket, message, size + 4ul);
}

static struct span frame_of(const struct message *message)
{
    return (struct span){message->bytes + 4, message->bytes + message->size};
}

/* Sends bytes, and descriptors with the first of them; false if nobody is at the other end. */
static bool send_all(int socket, const uint8_t *bytes, size_t size, const int *descriptors, size_t count)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
    } control;
    while (size) {
        struct iovec part = {(void *)(uintptr_t)bytes, size};
        struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
        if (count) {
            header.msg_control = &control;
            header.msg_controllen = CMSG_SPACE(count * sizeof(int));
            memset(&control, 0, header.msg_controllen);
            control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
            memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof(int));
        }
        ssize_t n = sendmsg(socket, &header, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes += n;
        size -= (size_t)n;
        count = 0;
    }
    return true;
}

/* Tells the agent. If it is gone, so is this process, and with its end the kernel kills its children: they asked for it. */
static void tell(uint32_t type, uint64_t first, uint64_t second, uint64_t third)
{
    uint8_t frame[64];
    size_t size = frame_write(frame, type, (uint64_t[]){first, second, third});
    if (!send_all(zygote->agent, frame, size, NULL, 0)) _exit(0);
}

/* ---- births ---- */

static void die_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) raise(SIGKILL); /* it was dead before this could be asked for */
}

/* In the child, which keeps its end of the socket alone. All signals stay blocked until it is what it is to be. */
static void be_spare(pid_t parent, const int *others, size_t count)
{
    die_with(parent);
    for (size_t i = 0; i < count; i++) close(others[i]);
    zygote = NULL;
    sigaction(SIGINT, &interrupted, NULL);
}

/* Forks the next child. In it: its socket. In the zygote: -1; the child's pid is there, or 0 and errno. */
static int fork_spare(void)
{
    int pair[2], others[MOST_DESCRIPTORS + 3], error; /* what is open here and not for the child, which cannot see the zygote's own memory */
    size_t count = 0;
    sigset_t all, before;
    pid_t self = getpid();
    bool hooks = zygote->hooks, spare_time = zygote->living < zygote->processors; /* else somebody waits for one */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) return -1;
    others[count++] = zygote->agent;
    others[count++] = zygote->deaths;
    others[count++] = pair[0];
    for (size_t i = 0; i < zygote->message.count; i++) others[count++] = zygote->message.descriptors[i];
    shm_ahead_prepare(zygote->forks++);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    if (hooks) PyOS_BeforeFork();
    pid_t pid = fork();
    error = errno;
    if (pid == 0) {
        be_spare(self, others, count);
        if (spare_time) shm_ahead_touch();
        if (hooks) PyOS_AfterFork_Child();
        return pair[1];
    }
    if (hooks) PyOS_AfterFork_Parent();
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(pair[1]);
    if (pid > 0) {
        zygote->spare = pair[0];
        zygote->spare_pid = pid;
    } else {
        close(pair[0]);
    }
    errno = error;
    return -1;
}

static void forget_spare(void)
{
    close(zygote->spare);
    zygote->spare_pid = 0;
}

/* 0, or the errno of why the spare cannot have the message. It ends then. */
static int hand_over(void)
{
    struct message *message = &zygote->message;
    int error = send_all(zygote->spare, message->bytes, message->size, message->descriptors, message->count) ? 0 : errno;
    forget_spare();
    return error == EPIPE || error == ECONNRESET ? ECHILD : error;
}

/* Makes the process that the message asks for. In it: its socket; in the zygote -1. */
static int give_birth(uint64_t process_id)
{
    int error = 0;
    for (int tries = 0; tries < 3; tries++) {
        if (!zygote->spare_pid) {
            int child = fork_spare();
            if (child >= 0) return child;
            error = errno;
            if (!zygote->spare_pid) break;
        }
        pid_t pid = zygote->spare_pid;
        error = hand_over();
        if (!error) {
            zygote->living++;
            tell(FRAME_FORKED, process_id, (uint64_t)pid, 0);
            return -1;
        }
        waitpid(pid, NULL, 0); /* it was killed while it waited, or ends now */
    }
    tell(FRAME_FORKED, process_id, 0, (uint64_t)error);
    return -1;
}

/* ---- deaths ---- */

/* Reports a child that has ended. The kernel shows the first that is not reaped; the next is seen when the agent has that one reaped. */
static void report(void)
{
    for (siginfo_t ended;;) {
        ended.si_pid = 0;
        if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) < 0 || !ended.si_pid || ended.si_pid == zygote->reported) return;
        if (ended.si_pid == zygote->spare_pid) {
            waitpid(ended.si_pid, NULL, 0);
            forget_spare();
            continue;
        }
        zygote->reported = ended.si_pid;
        int status = ended.si_code == CLD_EXITED ? (ended.si_status & 255) << 8 : ended.si_status | (ended.si_code == CLD_DUMPED ? 128 : 0);
        tell(FRAME_EXITED, 0, (uint64_t)ended.si_pid, (uint64_t)status);
    }
}

static void reap(struct span body)
{
    for (struct field field; frame_next(&body, &field);) {
        if (field.number != 1) continue;
        if (waitpid((pid_t)field.value, NULL, 0) > 0) zygote->living--;
        if ((pid_t)field.value == zygote->reported) zygote->reported = 0;
    }
    report();
}

/* ---- the child ---- */

static PyObject *bytes_of(struct span span)
{
    return PyBytes_FromStringAndSize((const char *)span.at, (Py_ssize_t)span_size(span));
}

/* Are the bytes others than the known ones? */
static bool is_new(struct span span, PyObject *known)
{
    return (Py_ssize_t)span_size(span) != PyBytes_Size(known) || memcmp(span.at, PyBytes_AsString(known), span_size(span)) != 0;
}

static PyObject *descriptors_of(const struct message *message)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 3; list && i < message->count; i++) {
        PyObject *number = PyLong_FromLong(message->descriptors[i]);
        if (!number || PyList_Append(list, number) < 0) Py_CLEAR(list);
        Py_XDECREF(number);
    }
    return list;
}

/* Blocks these signals (1 << number - 1), and no others. */
static void block(uint64_t signals)
{
    sigset_t blocked;
    sigemptyset(&blocked);
    for (int number = 1; number <= 64; number++)
        if (signals >> (number - 1) & 1) sigaddset(&blocked, number);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
}

static void take_streams(const struct message *message)
{
    for (int i = 0; i < 3 && (size_t)i < message->count; i++) {
        dup2(message->descriptors[i], i);
        close(message->descriptors[i]);
    }
}

static PyObject *text_of(struct span span)
{
    return PyUnicode_DecodeUTF8(span.at ? (const char *)span.at : "", (Py_ssize_t)span_size(span), NULL);
}

/* The bytes, or None if they are known. */
static PyObject *bytes_unless(bool known, struct span span)
{
    if (!known) return bytes_of(span);
    Py_RETURN_NONE;
}

/* Who this process is, if a zygote forked it: told when somebody asks. */
static struct {
    pid_t pid;
    uint64_t process_id;
    PyObject *name;
} newborn;

static PyObject *born(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (!newborn.pid || newborn.pid != getpid()) Py_RETURN_NONE;
    return Py_BuildValue("(iKIO)", (int)newborn.pid, (unsigned long long)newborn.process_id, shm_process.number, newborn.name);
}

/* Waits for what this child is to be, and becomes that client. Where its setting is the known one, it has its folder and its signals, too: else those stay blocked. */
static PyObject *birth(int socket, const struct known *known)
{
    static struct message message;
    struct span body = {0};
    if (!receive(socket, &message) || frame_body(frame_of(&message), &body) != FRAME_FORK) _exit(0); /* the zygote is gone */
    close(socket);
    take_streams(&message);
    struct fork_request request = frame_fork(body);
    if (!shm_adopt(request.client)) return NULL;
    bool settled = !is_new(request.setting, known->setting) && (!known->folder[0] || chdir(known->folder) == 0);
    newborn.process_id = request.process_id;
    newborn.name = text_of(request.name);
    if (!newborn.name) return NULL;
    newborn.pid = getpid();
    PyObject *result = Py_BuildValue("(ONNNN)", newborn.name, bytes_of(request.payload), bytes_unless(settled, request.setting),
                                     bytes_unless(!is_new(request.preparation, known->preparation), request.preparation), descriptors_of(&message));
    if (settled) block(known->blocked);
    munmap(message.bytes, message.room);
    message.bytes = NULL;
    message.room = 0;
    return result;
}

/* ---- the loop ---- */

static bool begin(int agent, bool hooks)
{
    sigset_t child;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (zygote) return true;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    int deaths = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    struct zygote *made = unshared(sizeof *made);
    if (deaths < 0 || !made) return false;
    sigprocmask(SIG_BLOCK, &child, NULL);
    sigaction(SIGINT, &ignore, &interrupted);
    made->agent = agent;
    made->deaths = deaths;
    made->hooks = hooks;
    made->processors = sysconf(_SC_NPROCESSORS_ONLN);
    zygote = made;
    return true;
}

static void drain_deaths(void)
{
    struct signalfd_siginfo signals[4]; /* SIGCHLD waits once, however many have ended */
    if (read(zygote->deaths, signals, sizeof signals) > 0) report();
}

/* Serves the message. In a child: its socket; in the zygote -1, and in `learn` what was asked for if it was other than what is known. */
static int serve(const struct known *known, struct fork_request *learn)
{
    struct message *message = &zygote->message;
    struct span body = {0};
    if (!receive(zygote->agent, message)) _exit(0);
    uint32_t type = frame_body(frame_of(message), &body);
    if (type == FRAME_REAP) reap(body);
    if (type != FRAME_FORK) return -1;
    struct fork_request request = frame_fork(body);
    int child = -1;
    if (message->count == request.passed + 3ul)
        child = give_birth(request.process_id);
    else
        tell(FRAME_FORKED, request.process_id, 0, EMFILE); /* the kernel drops those that there is no room for */
    if (child >= 0) return child;
    for (size_t i = 0; i < message->count; i++) close(message->descriptors[i]);
    message->count = 0;
    zygote->idle = false;
    if (is_new(request.setting, known->setting) || is_new(request.preparation, known->preparation) || ++zygote->births == OFTEN) *learn = request;
    return -1;
}

static PyObject *run_zygote(PyObject *module, PyObject *args)
{
    int agent, hooks;
    struct known known;
    (void)module;
    if (!PyArg_ParseTuple(args, "i(SSyKp)", &agent, &known.setting, &known.preparation, &known.folder, &known.blocked, &hooks)) return NULL;
    if (!begin(agent, hooks)) return PyErr_SetFromErrno(PyExc_OSError);
    zygote->forks = 0;
    shm_ahead_forget();
    for (;;) {
        if (!zygote->spare_pid && !zygote->idle) {
            int child = fork_spare();
            if (child >= 0) return birth(child, &known);
            zygote->idle = !zygote->spare_pid;
        }
        struct pollfd polled[2] = {{.fd = zygote->agent, .events = POLLIN}, {.fd = zygote->deaths, .events = POLLIN}};
        if (poll(polled, 2, -1) < 0) continue;
        if (polled[1].revents) drain_deaths();
        if (!polled[0].revents) continue;
        struct fork_request learn = {0};
        int child = serve(&known, &learn);
        if (child >= 0) return birth(child, &known);
        if (learn.client) return Py_BuildValue("(NN)", bytes_of(learn.setting), bytes_of(learn.preparation));
    }
}

static PyObject *die_with_parent(PyObject *module, PyObject *arg)
{
    long parent = PyLong_AsLong(arg);
    (void)module;
    if (parent == -1 && PyErr_Occurred()) return NULL;
    die_with((pid_t)parent);
    Py_RETURN_NONE;
}

/* As signal.pthread_sigmask, which would make an object of each signal that was blocked, and of all of them here. */
static PyObject *block_only(PyObject *module, PyObject *arg)
{
    unsigned long long signals = PyLong_AsUnsignedLongLong(arg);
    (void)module;
    if (PyErr_Occurred()) return NULL;
    block(signals);
    Py_RETURN_NONE;
}

/* As builtins.__import__ where pickle calls it, which takes the module it wants from sys.modules afterwards: nothing is to be done for one that is there. */
static PyObject *import_known(PyObject *module, PyObject *args)
{
    PyObject *name, *globals, *locals, *names;
    int level;
    (void)module;
    if (!PyArg_ParseTuple(args, "UOOOi", &name, &globals, &locals, &names, &level)) return NULL;
    PyObject *there = PyDict_GetItemWithError(PyImport_GetModuleDict(), name);
    if (!there && PyErr_Occurred()) return NULL;
    if (there && there != Py_None) Py_RETURN_NONE;
    return PyImport_ImportModuleLevelObject(name, globals, locals, names, level);
}

PyMethodDef shm_zygote_methods[] = {
    {"zygote", run_zygote, METH_VARARGS,
     "zygote(agent, (setting, preparation, folder, blocked, hooks))\n\nServe the agent. Returns in a child, once it is born, with what it is to be, "
     "and in the zygote with the "
     "(setting, preparation) of the last request if they are others, or once, when it is asked often."},
    SHM_SIMPLE("born", born, 0, "born()\n\nPid, process id, client number and name of this process, if a zygote forked it; else None."),
    {"block_only", block_only, METH_O, "block_only(signals)\n\nBlock those signals whose bit is set (1 << number - 1), and no others."},
    {"import_known", import_known, METH_VARARGS,
     "import_known(name, globals, locals, names, level)\n\nHave a module in sys.modules, as pickle wants it. Returns nothing of use."},
    {"die_with", die_with_parent, METH_O, "die_with(parent)\n\nHave the kernel kill this process when its parent, which has that pid, dies."},
    {NULL, NULL, 0, NULL},
};
