/* Tasks: how many messages of a channel are not done with yet. */
#include "shm.h"

static PyObject *create(PyObject *type, PyObject *unused)
{
    struct dragon_plan plan = {.kind = DRAGON_TASKS, .role = DRAGON_USER};
    (void)unused;
    return shm_create(type, &plan);
}

static PyObject *bind_tasks(PyObject *type, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    return shm_bind_to(type, args, count, keywords, false);
}

/* Begins an operation on the tasks and their channel; ends with end_both. */
static struct dragon_object *begin_both(struct shm_call *call, PyObject *self, PyObject *channel)
{
    if (!PyObject_TypeCheck(channel, (PyTypeObject *)shm_channel_type))
        return PyErr_Format(PyExc_TypeError, "a Channel expected, not %R", channel), NULL;
    if (!shm_begin(call, self)) return NULL;
    if (shm_hold(channel)) return ((struct shm_object *)channel)->binding.object;
    shm_end(call);
    return NULL;
}

static void end_both(struct shm_call *call, PyObject *channel)
{
    shm_drop((struct shm_object *)channel);
    shm_end(call);
}

static PyObject *done(PyObject *self, PyObject *channel)
{
    struct shm_call call;
    struct dragon_object *messages = begin_both(&call, self, channel);
    if (!messages) return NULL;
    int result = dragon_task_done(call.thread, &call.object->binding, messages);
    end_both(&call, channel);
    if (result == DRAGON_OK) Py_RETURN_NONE;
    if (result != DRAGON_NOT_HELD) return shm_raise(result, "task_done");
    PyErr_SetString(PyExc_ValueError, "task_done() called too many times");
    return NULL;
}

static PyObject *join(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"channel", "timeout", NULL};
    PyObject *values[2];
    struct shm_call call;
    int64_t deadline;
    if (!shm_arguments("join", names, 1, args, count, keywords, values) || !shm_deadline(values[1], &deadline) || !shm_running("join")) return NULL;
    struct dragon_object *messages = begin_both(&call, self, values[0]);
    if (!messages) return NULL;
    shm_unlock(&call);
    int result = dragon_tasks_join(call.thread, call.object->binding.object, messages, deadline);
    shm_lock(&call);
    end_both(&call, values[0]);
    if (result == DRAGON_OK) return shm_told(PyBool_FromLong(true));
    if (result == DRAGON_TIMEOUT) Py_RETURN_FALSE;
    return shm_raise(result, "join");
}

static PyObject *unfinished(PyObject *self, PyObject *channel)
{
    struct shm_call call;
    struct dragon_object *messages = begin_both(&call, self, channel);
    if (!messages) return NULL;
    int64_t n = dragon_tasks_unfinished(&shm_process, call.object->binding.object, messages);
    end_both(&call, channel);
    return PyLong_FromLongLong(n > 0 ? n : 0);
}

static PyObject *get_lost(PyObject *self, void *unused)
{
    (void)unused;
    if (!shm_hold(self)) return NULL;
    uint64_t lost = dragon_load(&((struct shm_object *)self)->binding.object->tasks.lost);
    shm_drop((struct shm_object *)self);
    return PyLong_FromUnsignedLongLong(lost);
}

static PyMethodDef methods[] = {
    SHM_SIMPLE("create", create, METH_CLASS, "create()"),
    SHM_METHOD("bind", bind_tasks, METH_CLASS, "bind(offset, id)"),
    {"done", done, METH_O, "done(channel)\n\nOne of the messages is done with. Raises ValueError if none is left that could be."},
    SHM_METHOD("join", join, 0, "join(channel, timeout=None)\n\nWaits until all are done with; False: the time limit passed."),
    {"unfinished", unfinished, METH_O, "unfinished(channel)\n\nHow many are not done with."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"lost", get_lost, NULL, "How many were in the hands of processes that were killed; nobody waits for them.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Counts the messages of a channel that are not done with yet."},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {0, NULL},
};

PyType_Spec shm_tasks_spec = {"dragon._shm.Tasks", sizeof(struct shm_object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
