/* Lock and RLock. */
#include "shm.h"

static PyObject *create(PyObject *type, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"recursive", NULL};
    PyObject *values[1];
    struct dragon_plan plan = {.kind = DRAGON_LOCK, .role = DRAGON_USER};
    if (!shm_arguments("create", names, 0, args, count, keywords, values)) return NULL;
    int recursive = values[0] ? PyObject_IsTrue(values[0]) : 0;
    if (recursive < 0) return NULL;
    if (recursive) plan.kind = DRAGON_RLOCK;
    return shm_create(type, &plan);
}

static PyObject *bind_lock(PyObject *type, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    return shm_bind_to(type, args, count, keywords, false);
}

static PyObject *leave(PyObject *self, PyObject *args);

/* A free lock is taken without a record; a taken one is waited for. */
static PyObject *acquire_until(PyObject *self, int64_t deadline)
{
    struct shm_call call;
    struct dragon_acquire acquire;
    struct shm_object *object = (struct shm_object *)self;
    if (!shm_running("acquire") || (!shm_usable(object) && !shm_make_usable(object))) return NULL;
    acquire.lock = object->binding.object;
    acquire.owner_died = object->owner_died; /* the news outlives what its owner takes again */
    int result = dragon_lock_try(&shm_process, &acquire, 1);
    for (int i = 0; i < SHM_PATIENCE && result == DRAGON_AGAIN && deadline != DRAGON_NO_WAIT; i++) {
        dragon_pause();
        result = dragon_lock_try(&shm_process, &acquire, 1);
    }
    if (result == DRAGON_AGAIN && deadline != DRAGON_NO_WAIT) {
        if (!shm_begin(&call, self)) return NULL;
        shm_unlock(&call);
        result = dragon_lock_acquire(call.thread, &acquire, deadline);
        shm_lock(&call);
        shm_end(&call);
    }
    if (SHM_LIKELY(result == DRAGON_OK)) {
        object->owner_died = acquire.owner_died;
        return shm_acquired(self, leave);
    }
    if (result == DRAGON_TIMEOUT || result == DRAGON_AGAIN) Py_RETURN_FALSE;
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

static PyObject *release(PyObject *self, PyObject *unused)
{
    struct shm_call call;
    (void)unused;
    if (!shm_begin(&call, self)) return NULL;
    int result = dragon_lock_release(call.thread, call.object->binding.object);
    shm_end(&call);
    if (SHM_LIKELY(result == DRAGON_OK)) Py_RETURN_NONE;
    if (result == DRAGON_NOT_HELD)
        PyErr_SetString(PyExc_ValueError, "semaphore or lock released too many times");
    else if (result == DRAGON_NOT_OWNER)
        PyErr_SetString(PyExc_AssertionError, "attempt to release recursive lock not owned by thread");
    else
        shm_raise(result, "release");
    return NULL;
}

static PyObject *leave(PyObject *self, PyObject *args)
{
    (void)args;
    return release(self, NULL);
}

static PyObject *is_mine(PyObject *self, PyObject *unused)
{
    struct shm_call call;
    (void)unused;
    if (!shm_begin(&call, self)) return NULL;
    bool mine = dragon_lock_is_mine(&shm_process, call.object->binding.object);
    shm_end(&call);
    return PyBool_FromLong(mine);
}

static PyObject *count_of(PyObject *self, PyObject *unused)
{
    struct shm_call call;
    (void)unused;
    if (!shm_begin(&call, self)) return NULL;
    struct dragon_object *lock = call.object->binding.object;
    uint32_t held = !dragon_lock_is_mine(&shm_process, lock) ? 0 : lock->kind == DRAGON_RLOCK ? dragon_load(&lock->lock.count) : 1;
    shm_end(&call);
    return PyLong_FromUnsignedLong(held);
}

static PyObject *is_here(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (!shm_hold(self)) return NULL;
    uint64_t owner = dragon_load(&((struct shm_object *)self)->binding.object->lock.owner);
    shm_drop((struct shm_object *)self);
    return PyBool_FromLong(owner != DRAGON_LOCK_DIED && owner >> 32 == shm_process.number && shm_process.number);
}

static PyObject *locked(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (!shm_hold(self)) return NULL;
    uint64_t owner = dragon_load(&((struct shm_object *)self)->binding.object->lock.owner);
    shm_drop((struct shm_object *)self);
    return PyBool_FromLong(owner != 0 && owner != DRAGON_LOCK_DIED);
}

static PyObject *get_owner_died(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((struct shm_object *)self)->owner_died);
}

static int set_owner_died(PyObject *self, PyObject *value, void *unused)
{
    (void)unused;
    int yes = value ? PyObject_IsTrue(value) : 0;
    if (yes < 0) return -1;
    ((struct shm_object *)self)->owner_died = yes;
    return 0;
}

static PyMethodDef methods[] = {
    SHM_METHOD("create", create, METH_CLASS, "create(recursive=False)"),
    SHM_METHOD("bind", bind_lock, METH_CLASS, "bind(offset, id)"),
    SHM_METHOD("acquire", acquire, 0,
               "acquire($self, /, block=True, timeout=None)\n--\n\nTakes it; waits for that up to `timeout` seconds, None: for ever. False: it was "
               "not to be had."),
    SHM_SIMPLE("release", release, 0,
               "release($self, /)\n--\n\nLets it go. Raises ValueError (not locked), AssertionError (RLock of another owner)."),
    SHM_SIMPLE("is_mine", is_mine, 0, "is_mine()\n\nDoes this thread hold it?"),
    SHM_SIMPLE("count", count_of, 0, "count()\n\nHow often this thread holds it."),
    SHM_SIMPLE("is_here", is_here, 0, "is_here()\n\nDoes a thread of this process hold it?"),
    SHM_SIMPLE("locked", locked, 0, "locked()\n\nDoes anybody hold it?"),
    SHM_SIMPLE("__enter__", enter, 0, NULL),
    {"__exit__", leave, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"owner_died", get_owner_died, set_owner_died, "Was the owner before the last acquire killed while it held the lock?", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A lock with an owner: Lock (any process may release it) or RLock (only its owner may)."},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {0, NULL},
};

PyType_Spec shm_lock_spec = {"dragon._shm.Lock", sizeof(struct shm_object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
