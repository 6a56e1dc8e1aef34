/* What the extension's parts share. All state is the process's: one interpreter, one node's memory. Everything here is called with the interpreter's lock
 * (GIL) held, if it does not say otherwise. */
#ifndef DRAGON_SHM_H
#define DRAGON_SHM_H

#include "limited.h"

#include "../include/dragon/attach.h"
#include "../include/dragon/condition.h"
#include "../include/dragon/lock.h"
#include "../include/dragon/many.h"
#include "../include/dragon/semaphore.h"
#include "../include/dragon/tasks.h"

#define SHM_INTERNAL __attribute__((visibility("hidden")))
#define SHM_LIKELY(x) __builtin_expect(!!(x), 1)
#ifndef SHM_PATIENCE
#define SHM_PATIENCE 16 /* tries before other threads may run: letting go of the GIL and taking it again costs as much */
#endif
#define SHM_COPY_UNLOCKED 65536 /* larger copies let other threads run */

typedef PyObject *shm_fast(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names);
#define SHM_METHOD(name, function, flags, doc) {name, (PyCFunction)(void (*)(void))(function), METH_FASTCALL | METH_KEYWORDS | (flags), doc}
#define SHM_SIMPLE(name, function, flags, doc) {name, (PyCFunction)(void (*)(void))(function), METH_NOARGS | (flags), doc}

/* The Python object of an object in shared memory. */
struct shm_object {
    PyObject_HEAD struct dragon_binding binding;
    uint32_t busy; /* operations in progress and views: release() waits for the last of them */
    uint32_t views; /* of them, views of an area's bytes, which a forked child inherits */
    bool releasing, owner_died;
    PyObject *tasks; /* of a channel whose messages are tasks: the object that counts them; or NULL */
    struct shm_object *next, **link; /* all that are bound, to be bound anew in a forked child */
};

/* process.c: being a client, and the bracket around each operation. */
struct shm_call {
    struct dragon_thread *thread;
    struct shm_object *object;
    PyThreadState *unlocked; /* not NULL while the GIL is released */
};
SHM_INTERNAL extern struct dragon_process shm_process;
SHM_INTERNAL extern uint64_t *shm_mine;
SHM_INTERNAL extern uint32_t shm_signature; /* generation and number of this client, as its messages carry them */
SHM_INTERNAL extern __thread uint32_t shm_sender; /* the signature of the message that this thread took last */
SHM_INTERNAL bool shm_attach(void);
SHM_INTERNAL bool shm_adopt(uint32_t number);
SHM_INTERNAL bool shm_take(struct shm_call *call);
SHM_INTERNAL bool shm_make_usable(struct shm_object *object);
SHM_INTERNAL void shm_unlock(struct shm_call *call);
SHM_INTERNAL void shm_lock(struct shm_call *call); /* the only one called without the GIL */
SHM_INTERNAL extern PyMethodDef shm_process_methods[];
SHM_INTERNAL bool shm_process_init(void);

/* zygote.c */
SHM_INTERNAL extern PyMethodDef shm_zygote_methods[];

/* large.c */
SHM_INTERNAL extern PyMethodDef shm_large_methods[];

/* shown.c */
SHM_INTERNAL extern const dragon_u32 *shm_printed; /* how often workers have written to the run's streams; for a process that prints by itself */
SHM_INTERNAL extern uint32_t shm_seen; /* as far as that is shown */
SHM_INTERNAL bool shm_show(void);
SHM_INTERNAL PyObject *shm_let_go(PyObject *self, PyObject *leave(PyObject *, PyObject *));
SHM_INTERNAL extern PyMethodDef shm_shown_methods[];

/* malloc.c */
SHM_INTERNAL void shm_keep_memory_for(uint64_t message);

/* ahead.c */
SHM_INTERNAL void shm_ahead_forget(void);
SHM_INTERNAL void shm_ahead_prepare(int forks);
SHM_INTERNAL void shm_ahead_touch(void);
SHM_INTERNAL extern PyMethodDef shm_ahead_methods[];

/* object.c */
SHM_INTERNAL extern struct shm_object *shm_bound;
SHM_INTERNAL void shm_track(struct shm_object *object);
SHM_INTERNAL void shm_release(struct shm_object *object);
SHM_INTERNAL PyObject *shm_create(PyObject *type, const struct dragon_plan *plan);
SHM_INTERNAL PyObject *shm_bind_to(PyObject *type, PyObject *const *args, Py_ssize_t count, PyObject *names, bool with_role);
SHM_INTERNAL PyObject *shm_make_type(PyObject *module, PyType_Spec *spec, PyObject *base);
SHM_INTERNAL bool shm_objects_init(PyObject *module);
SHM_INTERNAL extern PyObject *shm_channel_type, *shm_event_type, *shm_lock_type, *shm_semaphore_type, *shm_tasks_type;

/* arguments.c */
SHM_INTERNAL bool shm_arguments(const char *function, const char *const *names, int required, PyObject *const *args, Py_ssize_t count,
                                PyObject *keywords, PyObject **out);
SHM_INTERNAL bool shm_deadline(PyObject *timeout, int64_t *deadline);
SHM_INTERNAL bool shm_u32(PyObject *value, const char *name, uint32_t *out);
SHM_INTERNAL bool shm_u64(PyObject *value, const char *name, uint64_t *out);
SHM_INTERNAL bool shm_block_and_timeout(PyObject *block, PyObject *timeout, int64_t *deadline);

/* errors.c */
SHM_INTERNAL extern PyObject *shm_error, *shm_timeout, *shm_closed, *shm_run_over, *shm_no_such_object;
SHM_INTERNAL PyObject *shm_raise(int result, const char *what);
SHM_INTERNAL bool shm_errors_init(PyObject *module);

/* channel.c, semaphore.c, lock.c, condition.c, event.c, area.c, barrier.c, tasks.c, many.c */
SHM_INTERNAL extern PyType_Spec shm_channel_spec, shm_semaphore_spec, shm_lock_spec, shm_condition_spec, shm_event_spec, shm_area_spec,
    shm_barrier_spec, shm_tasks_spec;
SHM_INTERNAL extern PyMethodDef shm_many_methods[];

/* The bracket around each operation, for most of them a few instructions. */
static inline bool shm_attached(void)
{
    return SHM_LIKELY(shm_process.number) && SHM_LIKELY(*shm_mine == ((uint64_t)shm_process.epoch << 32 | shm_process.number));
}

/* May an operation on the object begin right away? */
static inline bool shm_usable(const struct shm_object *object)
{
    return shm_attached() && SHM_LIKELY(object->binding.object && !object->releasing);
}

static inline void shm_give(struct shm_call *call)
{
    dragon_thread_give(call->thread);
}

/* Is the run still on? Asked by each operation that would otherwise never wait, and so never hear that the agent is lost. If not, the exception is set. */
static inline bool shm_running(const char *what)
{
    if (!shm_process.header || SHM_LIKELY(dragon_load(&shm_process.header->run_state) == DRAGON_RUNNING)) return true;
    shm_raise(DRAGON_RUN_OVER, what);
    return false;
}

/* Without a record: the object stays bound until shm_drop. */
static inline bool shm_hold(PyObject *self)
{
    struct shm_object *object = (struct shm_object *)self;
    if (!shm_usable(object) && !shm_make_usable(object)) return false;
    object->busy++;
    return true;
}

static inline void shm_drop(struct shm_object *object)
{
    if (object->busy && --object->busy == 0 && object->releasing) shm_release(object);
}

static inline bool shm_begin(struct shm_call *call, PyObject *self)
{
    struct dragon_thread *thread = shm_process.idle;
    if (!shm_hold(self)) return false;
    if (SHM_LIKELY(thread && thread == shm_process.idle && shm_process.records < DRAGON_INLINE_RECORDS - DRAGON_RECORDS_LEFT)) {
        shm_process.idle = thread->next;
        thread->caller = call;
        call->thread = thread;
        call->unlocked = NULL;
    } else if (!shm_take(call)) {
        shm_drop((struct shm_object *)self);
        return false;
    }
    call->object = (struct shm_object *)self;
    return true;
}

static inline bool shm_is_behind(void)
{
    return dragon_load(shm_printed) != shm_seen;
}

/* The result of what was received or waited for, once what its sender printed before is shown. NULL if a signal's handler raised meanwhile. */
static inline PyObject *shm_told(PyObject *result)
{
    if (!result || SHM_LIKELY(!shm_is_behind()) || shm_show()) return result;
    Py_DECREF(result);
    return NULL;
}

/* As shm_told, of what was acquired: it lets go again if a handler raised. */
static inline PyObject *shm_acquired(PyObject *self, PyObject *leave(PyObject *, PyObject *))
{
    if (SHM_LIKELY(!shm_is_behind()) || shm_show()) Py_RETURN_TRUE;
    return shm_let_go(self, leave);
}

static inline void shm_end(struct shm_call *call)
{
    shm_give(call);
    shm_drop(call->object);
}

#endif
