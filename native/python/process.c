/* This process as a client of the node's memory: mapping, number, forks, and the bracket around each operation. */
#include "shm.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

struct dragon_process shm_process;
uint64_t *shm_mine; /* epoch << 32 | client number, in a page that the kernel wipes in a forked child */

uint32_t shm_signature;
__thread uint32_t shm_sender;
enum { GENERATION_BITS = 3 };

static PyObject *attach_callback, *grow_callback;
static PyThread_type_lock attaching;    /* held while the attach callback runs */
static unsigned long attaching_thread;  /* by this thread */
static PyThread_type_lock records_made; /* held while memory for more thread records is asked for */
static unsigned long records_thread;    /* by this thread */

static bool ask_for_memory(uint32_t class)
{
    if (!grow_callback || PyErr_Occurred()) return false;
    PyObject *callback = grow_callback;
    Py_INCREF(callback);
    PyObject *result = PyObject_CallFunction(callback, "I", class);
    Py_DECREF(callback);
    Py_XDECREF(result);
    return result != NULL;
}

/* Asks the agent for memory through Python, where other threads may run; may be called without the GIL. */
static int grow(struct dragon_thread *thread, uint32_t class)
{
    struct shm_call *call = thread->caller;
    bool unlocked = call->unlocked, for_records = thread == shm_process.growing;
    if (unlocked) shm_lock(call);
    if (for_records) {
        PyThread_acquire_lock(records_made, WAIT_LOCK);
        records_thread = PyThread_get_thread_ident();
    }
    bool grown = ask_for_memory(class);
    if (for_records) {
        records_thread = 0;
        PyThread_release_lock(records_made);
    }
    if (unlocked) shm_unlock(call);
    return grown ? DRAGON_OK : DRAGON_NO_MEMORY;
}

/* Waits until another thread has made more thread records. False: this very thread is making them, and came here from a finalizer meanwhile. */
static bool await_records(void)
{
    struct shm_call waiting;
    if (records_thread == PyThread_get_thread_ident()) return false;
    shm_unlock(&waiting);
    PyThread_acquire_lock(records_made, WAIT_LOCK);
    PyThread_release_lock(records_made);
    shm_lock(&waiting);
    return true;
}

/* Runs Python's signal handlers. Before parking that matters in the main thread only: a signal that came while it spun has not broken any system call. */
static bool interrupted(struct dragon_thread *thread)
{
    struct shm_call *call = thread->caller;
    bool unlocked = call->unlocked;
    if (dragon_tid(&shm_process) != (uint32_t)getpid()) return false;
    if (unlocked) shm_lock(call);
    bool raised = PyErr_Occurred() || PyErr_CheckSignals() < 0;
    if (unlocked) shm_unlock(call);
    return raised;
}

static const struct dragon_hooks hooks = {grow, interrupted};

void shm_unlock(struct shm_call *call)
{
    call->unlocked = PyEval_SaveThread();
}

void shm_lock(struct shm_call *call)
{
    PyThreadState *state = call->unlocked;
    call->unlocked = NULL;
    PyEval_RestoreThread(state);
}

/* What a forked child inherited is its parent's: its number, its records, its entries. */
static void forget_parent(void)
{
    shm_process.idle = NULL; /* some may have been in use by threads the child does not have */
    shm_process.records = 0;
    shm_process.growing = NULL;
    shm_process.number = 0;
    shm_process.entry = NULL;
    for (struct shm_object *object = shm_bound; object; object = object->next) object->busy = object->views;
}

/* In a forked child nobody is attaching or making records, whatever its parent's threads were at. */
static void unlock_all(void)
{
    attaching = PyThread_allocate_lock();
    records_made = PyThread_allocate_lock();
    attaching_thread = records_thread = 0;
}

static bool call_attach(void)
{
    if (!attach_callback) {
        PyErr_SetString(shm_error, shm_process.base
                                       ? "this process is no client of the run yet, and nothing is set that could make it one (set_attach)"
                                       : "no node's memory is mapped, and nothing is set that could attach this process to a run (set_attach)");
        return false;
    }
    PyObject *callback = attach_callback;
    Py_INCREF(callback);
    PyObject *result = PyObject_CallObject(callback, NULL);
    Py_DECREF(callback);
    if (!result) return false;
    Py_DECREF(result);
    if (shm_attached()) return true;
    PyErr_SetString(shm_error, "the attach callback returned without having adopted a client number");
    return false;
}

/* An operation found no number: asks Python to attach this process. Threads that come here meanwhile wait for the first. */
bool shm_attach(void)
{
    if (shm_process.number && !shm_attached()) forget_parent();
    if (attaching_thread == PyThread_get_thread_ident()) {
        PyErr_SetString(shm_error, "the attach callback used an object before it adopted a client number");
        return false;
    }
    if (!PyThread_acquire_lock(attaching, NOWAIT_LOCK)) {
        struct shm_call waiting;
        shm_unlock(&waiting);
        PyThread_acquire_lock(attaching, WAIT_LOCK);
        shm_lock(&waiting);
    }
    attaching_thread = PyThread_get_thread_ident();
    bool done = shm_attached() || call_attach();
    attaching_thread = 0;
    PyThread_release_lock(attaching);
    return done;
}

/* Takes a thread record for an operation that is not on one object. */
bool shm_take(struct shm_call *call)
{
    int result = DRAGON_OK;
    if (!shm_attached() && !shm_attach()) return false;
    call->unlocked = NULL;
    call->object = NULL;
    do {
        call->thread = dragon_thread_take(&shm_process, call, &result);
    } while (!call->thread && result == DRAGON_AGAIN && await_records());
    if (!call->thread) shm_raise(result == DRAGON_AGAIN ? DRAGON_NO_MEMORY : result, "taking a thread record");
    return call->thread;
}

/* Why it is not usable: not attached yet, which is mended here; or released; or gone. */
bool shm_make_usable(struct shm_object *object)
{
    if (!shm_attached() && !shm_attach()) return false;
    if (shm_usable(object)) return true;
    if (object->releasing)
        PyErr_SetString(PyExc_ValueError, "the object was released by this process");
    else
        shm_raise(DRAGON_GONE, "forked child");
    return false;
}

static PyObject *map(PyObject *module, PyObject *arg)
{
    struct dragon_process mapped = {0};
    char why[512];
    (void)module;
    int fd = (int)PyLong_AsLong(arg);
    if (fd == -1 && PyErr_Occurred()) return NULL;
    if (!dragon_map(&mapped, fd, why, sizeof why)) {
        PyErr_SetString(shm_error, why);
        return NULL;
    }
    if (!shm_process.base) {
        shm_process.base = mapped.base;
        shm_process.header = mapped.header;
        shm_process.hooks = &hooks;
        Py_RETURN_NONE;
    }
    bool same = memcmp(mapped.header->run_id, shm_process.header->run_id, sizeof mapped.header->run_id) == 0 &&
                mapped.header->node == shm_process.header->node;
    munmap(mapped.base, mapped.header->size);
    if (same) Py_RETURN_NONE;
    PyErr_SetString(shm_error, "the memory of another run is mapped in this process already");
    return NULL;
}

/* Binds all objects to this client, which is a new one: the table of the old one is not ours. An object that is gone says so when it is used. */
static bool bind_again(void)
{
    struct shm_call call;
    if (!shm_bound) return true;
    if (!shm_take(&call)) return false;
    for (struct shm_object *object = shm_bound; object; object = object->next) {
        dragon_binding_forget(&object->binding);
        int result = dragon_bind(call.thread, &object->binding);
        if (result == DRAGON_OK || result == DRAGON_GONE) continue;
        shm_give(&call);
        shm_raise(result, "binding again");
        return false;
    }
    shm_give(&call);
    return true;
}

static uint32_t signature_of(uint32_t number)
{
    uint64_t generation = dragon_load(&dragon_client_at(&shm_process, number)->state) >> 8;
    return number << GENERATION_BITS | (uint32_t)(generation & ((1u << GENERATION_BITS) - 1));
}

/* Becomes a client; if it cannot, the exception is set. */
bool shm_adopt(uint32_t number)
{
    if (!shm_process.base) return PyErr_Format(shm_error, "cannot be client %u: no node's memory is mapped", number);
    if (shm_process.number && !shm_attached()) forget_parent();
    if (shm_process.number) return PyErr_Format(shm_error, "cannot be client %u: this process is client %u already", number, shm_process.number);
    if (!dragon_adopt(&shm_process, number)) return PyErr_Format(shm_error, "the agent has no live client with the number %u", number);
    *shm_mine = (uint64_t)shm_process.epoch << 32 | number;
    shm_signature = signature_of(number);
    return bind_again();
}

static PyObject *adopt(PyObject *module, PyObject *arg)
{
    uint32_t number = 0;
    (void)module;
    if (!shm_u32(arg, "client", &number) || !shm_adopt(number)) return NULL;
    Py_RETURN_NONE;
}

/* None: it carries no signature, or who sent it is no client any more. */
static PyObject *sender(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    uint32_t number = shm_sender >> GENERATION_BITS;
    if (!number || !shm_process.base || number >= dragon_load(&shm_process.header->clients_high) || signature_of(number) != shm_sender)
        Py_RETURN_NONE;
    const struct dragon_client *entry = dragon_client_at(&shm_process, number);
    if ((dragon_load(&entry->state) & 0xff) != DRAGON_CLIENT_LIVE) Py_RETURN_NONE;
    return Py_BuildValue("(KI)", (unsigned long long)entry->process_id, (unsigned)entry->os_pid);
}

static PyObject *client(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyLong_FromUnsignedLong(shm_attached() ? shm_process.number : 0);
}

static PyObject *set_callback(PyObject **to, PyObject *callback)
{
    if (callback != Py_None && !PyCallable_Check(callback)) return PyErr_Format(PyExc_TypeError, "a callable or None expected, not %R", callback);
    PyObject *old = *to;
    *to = callback == Py_None ? NULL : callback;
    Py_XINCREF(*to);
    Py_XDECREF(old);
    Py_RETURN_NONE;
}

static PyObject *set_attach(PyObject *module, PyObject *callback)
{
    (void)module;
    return set_callback(&attach_callback, callback);
}

static PyObject *set_grow(PyObject *module, PyObject *callback)
{
    (void)module;
    return set_callback(&grow_callback, callback);
}

/* As resource.getrlimit of each, without thirty objects for what mostly is as it was. */
static PyObject *limits(PyObject *module, PyObject *unused)
{
    struct rlimit all[RLIM_NLIMITS] = {0};
    (void)module, (void)unused;
    for (int each = 0; each < RLIM_NLIMITS; each++)
        if (getrlimit(each, &all[each]) < 0) return PyErr_SetFromErrno(PyExc_OSError);
    return PyBytes_FromStringAndSize((const char *)all, sizeof all);
}

static PyObject *orderly(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (shm_attached()) dragon_set_bits(&shm_process.entry->flags, (uint32_t)DRAGON_ORDERLY);
    Py_RETURN_NONE;
}

static PyObject *run_state(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyLong_FromUnsignedLong(shm_process.base ? dragon_load(&shm_process.header->run_state) : 0);
}

static PyObject *info(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    const struct dragon_header *header = shm_process.header;
    if (!header) return PyErr_Format(shm_error, "no node's memory is mapped");
    return Py_BuildValue("{s:y#,s:I,s:I,s:K,s:K,s:K,s:I,s:I}", "run_id", (const char *)header->run_id, (Py_ssize_t)sizeof header->run_id, "node",
                         header->node, "agent_pid", header->agent_pid, "size", (unsigned long long)header->size, "limit",
                         (unsigned long long)dragon_load(&header->limit), "granted", (unsigned long long)dragon_load(&header->granted), "client",
                         shm_attached() ? shm_process.number : 0u, "version", header->version);
}

/* The thread of watch(): sleeps until the agent's pidfd says that it died. */
static void *watch_agent(void *argument)
{
    struct pollfd agent = {.fd = (int)(intptr_t)argument, .events = POLLIN};
    while (poll(&agent, 1, -1) < 0 && errno == EINTR) {}
    if (agent.revents & POLLIN) dragon_end_run(shm_process.base, DRAGON_LOST);
    close(agent.fd);
    return NULL;
}

static PyObject *watch(PyObject *module, PyObject *arg)
{
    (void)module;
    int fd = (int)PyLong_AsLong(arg);
    if (fd == -1 && PyErr_Occurred()) return NULL;
    if (!shm_process.base) return PyErr_Format(shm_error, "no node's memory is mapped");
    if ((fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0) return PyErr_SetFromErrno(shm_error);
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 65536);
    int error = pthread_create(&thread, &attributes, watch_agent, (void *)(intptr_t)fd);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!error) Py_RETURN_NONE;
    close(fd);
    errno = error;
    return PyErr_SetFromErrno(shm_error);
}

/* Tells the agent of a handle; if it cannot be told, the exception is set. */
static bool mail(uint32_t type, uint64_t offset, uint64_t id, uint64_t role, uint64_t token)
{
    struct shm_call call;
    if (!shm_take(&call)) return false;
    int result = dragon_mail(call.thread, type, id, offset | role, token);
    shm_give(&call);
    return result == DRAGON_OK || shm_raise(result, "telling the agent");
}

static PyObject *unpin(PyObject *module, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"offset", "id", "role", "token", NULL};
    PyObject *values[4];
    uint64_t numbers[4] = {0};
    (void)module;
    if (!shm_arguments("unpin", names, 4, args, count, keywords, values)) return NULL;
    for (int i = 0; i < 4; i++)
        if (!shm_u64(values[i], names[i], &numbers[i])) return NULL;
    if (!mail(DRAGON_MAIL_UNPIN, numbers[0], numbers[1], numbers[2], numbers[3])) return NULL;
    Py_RETURN_NONE;
}

static PyObject *carry(PyObject *module, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"offset", "id", "token", NULL};
    PyObject *values[3];
    uint64_t numbers[3];
    (void)module;
    if (!shm_arguments("carry", names, 3, args, count, keywords, values)) return NULL;
    for (int i = 0; i < 3; i++)
        if (!shm_u64(values[i], names[i], &numbers[i])) return NULL;
    if (!mail(DRAGON_MAIL_CARRY, numbers[0], numbers[1], DRAGON_USER, numbers[2])) return NULL;
    Py_RETURN_NONE;
}

PyMethodDef shm_process_methods[] = {
    {"map", map, METH_O, "map(fd)\n\nMap the node's memory; fd may be closed after."},
    {"adopt", adopt, METH_O, "adopt(client)\n\nBe this client from now on."},
    SHM_SIMPLE("sender", sender, 0, "sender()\n\nWho sent the message that this thread took last by recv_message."),
    SHM_SIMPLE("client", client, 0, "client()\n\nThis process's client number; 0 when it has none."),
    {"set_attach", set_attach, METH_O, "set_attach(callback)\n\nCalled when an operation finds no client number: it must map and adopt, or raise."},
    {"set_grow", set_grow, METH_O, "set_grow(callback)\n\nCalled with a class number when memory of that class is used up."},
    SHM_SIMPLE("limits", limits, 0, "limits()\n\nAll resource limits of this process, to be compared with what they were."),
    SHM_SIMPLE("orderly", orderly, 0, "orderly()\n\nSay that this process is ending in order."),
    SHM_SIMPLE("run_state", run_state, 0, "run_state()\n\n1 running, 2 over, 3 agent lost; 0 when nothing is mapped."),
    SHM_SIMPLE("info", info, 0, "info()\n\nWhat the header of the node's memory says."),
    {"watch", watch, METH_O, "watch(pidfd)\n\nStart the native thread that marks the run as lost when the agent dies."},
    SHM_METHOD("unpin", unpin, 0, "unpin(offset, id, role, token)\n\nTell the agent that the handle with this token will not be bound."),
    SHM_METHOD("carry", carry, 0, "carry(offset, id, token)\n\nTell the agent that the handle with this token goes into a message of that channel."),
    {NULL, NULL, 0, NULL},
};

bool shm_process_init(void)
{
    if (shm_mine) return true;
    void *page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || madvise(page, (size_t)sysconf(_SC_PAGESIZE), MADV_WIPEONFORK) < 0) {
        PyErr_Format(PyExc_ImportError, "dragon needs Linux 5.4 or newer: no memory that is wiped on fork (errno %d)", errno);
        return false;
    }
    shm_mine = page;
    attaching = PyThread_allocate_lock();
    records_made = PyThread_allocate_lock();
    return attaching && records_made && pthread_atfork(NULL, NULL, unlock_all) == 0;
}
