/* Condition: wait() takes a Lock (or RLock, wholly let go) or a Semaphore. */
#include "shm.h"

static PyObject *create(PyObject *type, PyObject *unused)
{
    (void)unused;
    return shm_create(type, &(struct dragon_plan){.kind = DRAGON_CONDITION, .role = DRAGON_USER});
}

static PyObject *bind_condition(PyObject *type, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    return shm_bind_to(type, args, count, keywords, false);
}

/* Lets go of the lock; `*held` is how to take it again. */
static int let_go(struct shm_call *lock, uint32_t *held)
{
    struct dragon_object *object = lock->object->binding.object;
    *held = 1;
    switch (object->kind) {
    case DRAGON_SEMAPHORE: return dragon_semaphore_release(lock->thread, object, 1);
    case DRAGON_LOCK: return dragon_lock_free(lock->thread, object);
    default:
        if (!dragon_lock_is_mine(&shm_process, object)) return DRAGON_NOT_OWNER;
        *held = dragon_peek(&object->lock.count);
        dragon_store(&object->lock.count, 0);
        return dragon_lock_free(lock->thread, object);
    }
}

static int take_again(struct shm_call *lock, uint32_t held)
{
    struct dragon_object *object = lock->object->binding.object;
    if (object->kind == DRAGON_SEMAPHORE) return dragon_semaphore_acquire(lock->thread, object, DRAGON_FOREVER);
    struct dragon_acquire acquire = {.lock = object};
    int result = dragon_lock_acquire_again(lock->thread, &acquire, held, DRAGON_FOREVER);
    if (result == DRAGON_OK) lock->object->owner_died = acquire.owner_died;
    return result;
}

/* Takes the lock again whatever happened; an exception of the sleep (a signal handler's) is kept for afterwards. */
static int take_again_unlocked(struct shm_call *lock, uint32_t held)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    shm_unlock(lock);
    int result = take_again(lock, held);
    shm_lock(lock);
    if (!type) return result;
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    return result;
}

static PyObject *outcome(int slept, int taken)
{
    if (PyErr_Occurred()) return NULL;
    if (taken != DRAGON_OK) return shm_raise(taken, "wait (taking the lock again)");
    if (slept == DRAGON_OK) Py_RETURN_TRUE;
    if (slept == DRAGON_TIMEOUT) Py_RETURN_FALSE;
    return shm_raise(slept, "wait");
}

/* Arm, let go, sleep, take again. The condition's operation stays open until the lock is held, so that a notification that dies here is told on. */
static PyObject *wait_with(struct shm_call *call, struct shm_call *lock, int64_t deadline)
{
    struct dragon_sleep sleep;
    uint32_t held;
    int result = dragon_condition_arm(call->thread, call->object->binding.object, &sleep, deadline);
    if (result != DRAGON_OK) return shm_raise(result, "wait");
    if ((result = let_go(lock, &held)) != DRAGON_OK) {
        dragon_condition_cancel(call->thread, &sleep);
        if (result == DRAGON_NOT_OWNER) return PyErr_Format(PyExc_AssertionError, "must acquire() the condition's lock before using wait()");
        return PyErr_Format(PyExc_ValueError, "the condition's lock is not held");
    }
    shm_unlock(call);
    int slept = dragon_condition_sleep(call->thread, &sleep);
    shm_lock(call);
    int taken = take_again_unlocked(lock, held);
    dragon_end(call->thread);
    return outcome(slept, taken);
}

static PyObject *wait_condition(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"lock", "timeout", NULL};
    PyObject *values[2], *result = NULL;
    struct shm_call call, lock;
    int64_t deadline;
    if (!shm_arguments("wait", names, 1, args, count, keywords, values) || !shm_deadline(values[1], &deadline)) return NULL;
    int fits = PyObject_IsInstance(values[0], shm_lock_type);
    if (fits == 0) fits = PyObject_IsInstance(values[0], shm_semaphore_type);
    if (fits < 0) return NULL;
    if (!fits) return PyErr_Format(PyExc_TypeError, "a Lock or a Semaphore expected, not %R", values[0]);
    if (!shm_begin(&call, self)) return NULL;
    if (shm_begin(&lock, values[0])) {
        result = wait_with(&call, &lock, deadline);
        shm_end(&lock);
    }
    shm_end(&call);
    return shm_told(result);
}

static PyObject *notify_n(PyObject *self, uint32_t n)
{
    struct shm_call call;
    if (!shm_begin(&call, self)) return NULL;
    uint32_t chosen = dragon_condition_notify(call.thread, call.object->binding.object, n);
    shm_end(&call);
    return PyLong_FromUnsignedLong(chosen);
}

static PyObject *notify(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"n", NULL};
    PyObject *values[1];
    uint32_t n = 1;
    if (!shm_arguments("notify", names, 0, args, count, keywords, values) || !shm_u32(values[0], "n", &n)) return NULL;
    return notify_n(self, n);
}

static PyObject *notify_all(PyObject *self, PyObject *unused)
{
    (void)unused;
    return notify_n(self, UINT32_MAX);
}

static PyObject *waiters(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (!shm_hold(self)) return NULL;
    uint32_t n = dragon_queue_parked(&shm_process, &((struct shm_object *)self)->binding.object->queue[0]);
    shm_drop((struct shm_object *)self);
    return PyLong_FromUnsignedLong(n);
}

static PyMethodDef methods[] = {
    SHM_SIMPLE("create", create, METH_CLASS, "create()"),
    SHM_METHOD("bind", bind_condition, METH_CLASS, "bind(offset, id)"),
    SHM_METHOD("wait", wait_condition, 0,
               "wait(lock, timeout=None)\n\nRelease lock, sleep until notified, take it again. False: the time limit passed."),
    SHM_METHOD("notify", notify, 0, "notify(n=1)\n\nReturns how many were woken."),
    SHM_SIMPLE("notify_all", notify_all, 0, "notify_all()\n\nReturns how many were woken."),
    SHM_SIMPLE("waiters", waiters, 0, "waiters()\n\nHow many sleep on it."),
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Sleepers that are woken exactly, by whoever holds the lock."},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec shm_condition_spec = {"dragon._shm.Condition", sizeof(struct shm_object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
