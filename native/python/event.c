/* Event. */
#include "shm.h"

static PyObject *create(PyObject *type, PyObject *unused)
{
    (void)unused;
    return shm_create(type, &(struct dragon_plan){.kind = DRAGON_EVENT, .role = DRAGON_USER});
}

static PyObject *bind_event(PyObject *type, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    return shm_bind_to(type, args, count, keywords, false);
}

static PyObject *set_to(PyObject *self, uint64_t value)
{
    struct shm_call call;
    if (!shm_begin(&call, self)) return NULL;
    if (value)
        dragon_event_set(call.thread, call.object->binding.object, value);
    else
        dragon_store(&call.object->binding.object->event.value, 0);
    shm_end(&call);
    Py_RETURN_NONE;
}

static PyObject *set_event(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"value", NULL};
    PyObject *values[1];
    uint64_t value = 1;
    if (!shm_arguments("set", names, 0, args, count, keywords, values) || !shm_u64(values[0], "value", &value)) return NULL;
    if (!value) return PyErr_Format(PyExc_ValueError, "an event is set to a value other than 0; clear() unsets it");
    return set_to(self, value);
}

static PyObject *clear(PyObject *self, PyObject *unused)
{
    (void)unused;
    return set_to(self, 0);
}

static PyObject *wait_event(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"timeout", NULL};
    PyObject *values[1];
    struct shm_call call;
    int64_t deadline;
    if (!shm_arguments("wait", names, 0, args, count, keywords, values) || !shm_deadline(values[0], &deadline) || !shm_begin(&call, self))
        return NULL;
    struct dragon_object *event = call.object->binding.object;
    int result = dragon_try_event(call.thread, event);
    if (result == DRAGON_AGAIN && deadline != DRAGON_NO_WAIT) {
        shm_unlock(&call);
        result = dragon_event_wait(call.thread, event, deadline);
        shm_lock(&call);
    }
    shm_end(&call);
    if (result == DRAGON_OK) return shm_told(PyBool_FromLong(true));
    if (result == DRAGON_AGAIN && !shm_running("wait")) return NULL;
    if (result == DRAGON_AGAIN || result == DRAGON_TIMEOUT) Py_RETURN_FALSE;
    return shm_raise(result, "wait");
}

static PyObject *get_value(PyObject *self, void *unused)
{
    (void)unused;
    if (!shm_hold(self)) return NULL;
    uint64_t value = dragon_load(&((struct shm_object *)self)->binding.object->event.value);
    shm_drop((struct shm_object *)self);
    return PyLong_FromUnsignedLongLong(value);
}

static PyMethodDef methods[] = {
    SHM_SIMPLE("create", create, METH_CLASS, "create()"),
    SHM_METHOD("bind", bind_event, METH_CLASS, "bind(offset, id)"),
    SHM_METHOD("set", set_event, 0, "set(value=1)"),
    SHM_SIMPLE("clear", clear, 0, "clear()"),
    SHM_METHOD("wait", wait_event, 0, "wait(timeout=None)\n\nTrue when it is set."),
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"value", get_value, NULL, "0 while it is not set.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A value that is 0 until it is set."},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {0, NULL},
};

PyType_Spec shm_event_spec = {"dragon._shm.Event", sizeof(struct shm_object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
