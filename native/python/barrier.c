/* Barrier. */
#include "shm.h"

#include "../include/dragon/barrier.h"

static PyObject *create(PyObject *type, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"parties", NULL};
    PyObject *values[1];
    struct dragon_plan plan = {.kind = DRAGON_BARRIER, .role = DRAGON_USER};
    if (!shm_arguments("create", names, 1, args, count, keywords, values) || !shm_u64(values[0], "parties", &plan.value)) return NULL;
    if (plan.value > 0 && plan.value <= DRAGON_BARRIER_MOST) return shm_create(type, &plan);
    return PyErr_Format(PyExc_ValueError, "parties must be from 1 to %u, not %R", DRAGON_BARRIER_MOST, values[0]);
}

static PyObject *bind_barrier(PyObject *type, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    return shm_bind_to(type, args, count, keywords, false);
}

/* The last one acts for all, then lets them pass; an exception breaks the barrier. */
static int act_and_pass(struct shm_call *call, struct dragon_pass *pass, PyObject *action)
{
    PyObject *done = PyObject_CallObject(action, NULL);
    if (!done) return dragon_barrier_break(call->thread, pass->barrier, &pass->generation);
    Py_DECREF(done);
    return dragon_barrier_advance(call->thread, pass->barrier, &pass->generation, false) ? DRAGON_OK : DRAGON_CLOSED;
}

typedef int half_way(struct dragon_thread *thread, struct dragon_pass *pass, int64_t deadline);

static int unlocked(struct shm_call *call, half_way *half, struct dragon_pass *pass, int64_t deadline)
{
    shm_unlock(call);
    int result = half(call->thread, pass, deadline);
    shm_lock(call);
    return result;
}

static int go_through(struct shm_call *call, struct dragon_pass *pass, PyObject *action, int64_t deadline)
{
    int result = dragon_barrier_enter(call->thread, pass);
    if (result == DRAGON_AGAIN) result = unlocked(call, dragon_barrier_come, pass, deadline);
    if (result != DRAGON_OK) return result;
    if (!pass->last) return unlocked(call, dragon_barrier_await, pass, deadline);
    if (pass->act) return act_and_pass(call, pass, action);
    dragon_barrier_tell(call->thread, pass->barrier);
    return DRAGON_OK;
}

static PyObject *wait_barrier(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"timeout", "action", NULL};
    PyObject *values[2];
    struct shm_call call;
    int64_t deadline;
    if (!shm_arguments("wait", names, 0, args, count, keywords, values) || !shm_deadline(values[0], &deadline)) return NULL;
    if (!shm_running("wait") || !shm_begin(&call, self)) return NULL;
    struct dragon_pass pass = {.barrier = call.object->binding.object, .act = values[1] && values[1] != Py_None};
    dragon_begin(call.thread, DRAGON_UPDATE, dragon_offset(&shm_process, pass.barrier));
    int result = go_through(&call, &pass, values[1], deadline);
    dragon_end(call.thread);
    shm_end(&call);
    if (PyErr_Occurred()) return NULL;
    if (result == DRAGON_OK) return shm_told(PyLong_FromUnsignedLong(pass.index));
    if (result == DRAGON_CLOSED) Py_RETURN_NONE;
    return shm_raise(result, "wait");
}

static PyObject *change(PyObject *self, bool reset)
{
    struct shm_call call;
    if (!shm_begin(&call, self)) return NULL;
    struct dragon_object *barrier = call.object->binding.object;
    dragon_begin(call.thread, DRAGON_UPDATE, dragon_offset(&shm_process, barrier));
    if (reset)
        dragon_barrier_advance(call.thread, barrier, NULL, true);
    else
        dragon_barrier_break(call.thread, barrier, NULL);
    dragon_end(call.thread);
    shm_end(&call);
    Py_RETURN_NONE;
}

static PyObject *reset(PyObject *self, PyObject *unused)
{
    (void)unused;
    return change(self, true);
}

static PyObject *abort_barrier(PyObject *self, PyObject *unused)
{
    (void)unused;
    return change(self, false);
}

static bool look(PyObject *self, uint64_t *word)
{
    if (!shm_hold(self)) return false;
    *word = dragon_load(&((struct shm_object *)self)->binding.object->barrier.word);
    shm_drop((struct shm_object *)self);
    return true;
}

static PyObject *get_waiting(PyObject *self, void *unused)
{
    uint64_t word;
    (void)unused;
    if (!look(self, &word)) return NULL;
    return PyLong_FromUnsignedLong(dragon_barrier_state(word) == DRAGON_FILLING ? dragon_barrier_count(word) : 0);
}

static PyObject *get_broken(PyObject *self, void *unused)
{
    uint64_t word;
    (void)unused;
    if (!look(self, &word)) return NULL;
    return PyBool_FromLong(dragon_barrier_state(word) == DRAGON_BROKEN);
}

static PyMethodDef methods[] = {
    SHM_METHOD("create", create, METH_CLASS, "create(parties)"),
    SHM_METHOD("bind", bind_barrier, METH_CLASS, "bind(offset, id)"),
    SHM_METHOD("wait", wait_barrier, 0,
               "wait(timeout=None, action=None)\n\nIn which order this one came, from 0; None: the barrier is broken, or was reset."),
    SHM_SIMPLE("reset", reset, 0, "reset()\n\nWho waits gives up; the barrier is as new."),
    SHM_SIMPLE("abort", abort_barrier, 0, "abort()\n\nBreaks it."),
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"waiting", get_waiting, NULL, "How many wait.", NULL},
    {"broken", get_broken, NULL, "Is it broken?", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A point that a number of parties pass together."},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {0, NULL},
};

PyType_Spec shm_barrier_spec = {"dragon._shm.Barrier", sizeof(struct shm_object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
