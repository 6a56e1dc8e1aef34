/* Semaphore. */
#include "shm.h"

static PyObject *create(PyObject *type, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"value", "maximum", NULL};
    PyObject *values[2];
    uint32_t value = 0;
    struct dragon_plan plan = {.kind = DRAGON_SEMAPHORE, .role = DRAGON_USER, .detail = UINT32_MAX};
    if (!shm_arguments("create", names, 1, args, count, keywords, values)) return NULL;
    if (!shm_u32(values[0], "value", &value) || !shm_u32(values[1], "maximum", &plan.detail)) return NULL;
    if (value > plan.detail) return PyErr_Format(PyExc_ValueError, "value %u is above the maximum %u", value, plan.detail);
    plan.value = value;
    return shm_create(type, &plan);
}

static PyObject *bind_semaphore(PyObject *type, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    return shm_bind_to(type, args, count, keywords, false);
}

static PyObject *leave(PyObject *self, PyObject *args);

static PyObject *acquire_until(PyObject *self, int64_t deadline)
{
    struct shm_call call;
    if (!shm_running("acquire") || !shm_begin(&call, self)) return NULL;
    struct dragon_object *semaphore = call.object->binding.object;
    int result = dragon_semaphore_acquire(call.thread, semaphore, DRAGON_NO_WAIT);
    if (result == DRAGON_TIMEOUT && deadline != DRAGON_NO_WAIT) {
        shm_unlock(&call);
        result = dragon_semaphore_acquire(call.thread, semaphore, deadline);
        shm_lock(&call);
    }
    shm_end(&call);
    if (SHM_LIKELY(result == DRAGON_OK)) return shm_acquired(self, leave);
    if (result == DRAGON_TIMEOUT) Py_RETURN_FALSE;
    return shm_raise(result, "acquire");
}

static PyObject *acquire(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"block", "timeout", NULL};
    PyObject *values[2];
    int64_t deadline;
    if (!shm_arguments("acquire", names, 0, args, count, keywords, values) || !shm_block_and_timeout(values[0], values[1], &deadline)) return NULL;
    return acquire_until(self, deadline);
}

static PyObject *enter(PyObject *self, PyObject *unused)
{
    (void)unused;
    return acquire_until(self, DRAGON_FOREVER);
}

static PyObject *release_n(PyObject *self, uint32_t n)
{
    struct shm_call call;
    if (!shm_begin(&call, self)) return NULL;
    int result = dragon_semaphore_release(call.thread, call.object->binding.object, n);
    shm_end(&call);
    if (SHM_LIKELY(result == DRAGON_OK)) Py_RETURN_NONE;
    if (result != DRAGON_TOO_LARGE) return shm_raise(result, "release");
    PyErr_SetString(PyExc_ValueError, "semaphore or lock released too many times");
    return NULL;
}

static PyObject *release(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"n", NULL};
    PyObject *values[1];
    uint32_t n = 1;
    if (!shm_arguments("release", names, 0, args, count, keywords, values) || !shm_u32(values[0], "n", &n)) return NULL;
    return release_n(self, n);
}

static PyObject *leave(PyObject *self, PyObject *args)
{
    (void)args;
    return release_n(self, 1);
}

static PyObject *get_value(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (!shm_hold(self)) return NULL;
    uint32_t value = dragon_load(&((struct shm_object *)self)->binding.object->semaphore.value);
    shm_drop((struct shm_object *)self);
    return PyLong_FromUnsignedLong(value);
}

static PyMethodDef methods[] = {
    SHM_METHOD("create", create, METH_CLASS, "create(value, maximum=0xFFFFFFFF)"),
    SHM_METHOD("bind", bind_semaphore, METH_CLASS, "bind(offset, id)"),
    SHM_METHOD("acquire", acquire, 0,
               "acquire($self, /, block=True, timeout=None)\n--\n\nTakes it; waits for that up to `timeout` seconds, None: for ever. False: it was "
               "not to be had."),
    SHM_METHOD("release", release, 0, "release($self, /, n=1)\n--\n\nGives n back. Raises ValueError above the maximum."),
    SHM_SIMPLE("get_value", get_value, 0, "get_value()"),
    SHM_SIMPLE("__enter__", enter, 0, NULL),
    {"__exit__", leave, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A counter with waiters."},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec shm_semaphore_spec = {"dragon._shm.Semaphore", sizeof(struct shm_object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
