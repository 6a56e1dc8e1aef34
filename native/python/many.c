/* wait(): on several objects and descriptors at once. */
#include "shm.h"

struct several {
    struct shm_object **held;
    Py_ssize_t count, fds_count;
    struct dragon_many many;
    struct dragon_place *places;
};

static void close_all(struct several *all)
{
    while (all->count) {
        struct shm_object *object = all->held[--all->count];
        shm_drop(object);
        Py_DECREF(object);
    }
    PyMem_Free(all->held);
    PyMem_Free(all->places);
    PyMem_Free(all->many.objects);
    PyMem_Free(all->many.ready);
    PyMem_Free(all->many.fds);
}

static bool add_object(struct several *all, PyObject *object)
{
    int fits = object ? PyObject_IsInstance(object, shm_channel_type) : -1;
    if (fits == 0) fits = PyObject_IsInstance(object, shm_event_type);
    if (fits == 0) PyErr_Format(PyExc_TypeError, "Channel or Event expected, not %R", object);
    if (fits <= 0 || !shm_hold(object)) return false;
    Py_INCREF(object);
    all->held[all->count] = (struct shm_object *)object;
    all->many.objects[all->count] = all->held[all->count]->binding.object;
    all->many.count = (uint32_t)++all->count;
    return true;
}

static bool add_descriptor(struct several *all, PyObject *number)
{
    long fd = number ? PyLong_AsLong(number) : -1;
    if (fd == -1 && PyErr_Occurred()) return false;
    if (fd < 0 || fd > INT32_MAX) {
        PyErr_Format(PyExc_ValueError, "not a descriptor: %R", number);
        return false;
    }
    all->many.fds[all->many.fds_count++] = (struct pollfd){.fd = (int)fd, .events = POLLIN};
    return true;
}

static bool open_all(struct several *all, PyObject *objects, PyObject *fds)
{
    Py_ssize_t n = PySequence_Size(objects), m = fds && fds != Py_None ? PySequence_Size(fds) : 0;
    *all = (struct several){0};
    if (n < 0 || m < 0) return false;
    all->held = PyMem_Malloc(((size_t)n + 1) * sizeof(struct shm_object *));
    all->places = PyMem_Malloc(((size_t)n + 1) * sizeof *all->places);
    all->many.objects = PyMem_Malloc(((size_t)n + 1) * sizeof *all->many.objects);
    all->many.ready = PyMem_Malloc((size_t)n + 1);
    all->many.fds = PyMem_Malloc(((size_t)m + 1) * sizeof *all->many.fds);
    if (!all->held || !all->places || !all->many.objects || !all->many.ready || !all->many.fds) return PyErr_NoMemory() != NULL;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *item = PySequence_GetItem(objects, i);
        bool fine = add_object(all, item);
        Py_XDECREF(item);
        if (!fine) return false;
    }
    for (Py_ssize_t i = 0; i < m; i++) {
        PyObject *item = PySequence_GetItem(fds, i);
        bool fine = add_descriptor(all, item);
        Py_XDECREF(item);
        if (!fine) return false;
    }
    return true;
}

static bool append(PyObject *list, long number)
{
    PyObject *value = PyLong_FromLong(number);
    bool fine = value && PyList_Append(list, value) == 0;
    Py_XDECREF(value);
    return fine;
}

/* ([indices of ready objects], [ready descriptors]) */
static PyObject *report(const struct several *all, bool any)
{
    PyObject *objects = PyList_New(0), *fds = PyList_New(0), *pair = NULL;
    bool fine = objects && fds;
    for (uint32_t i = 0; fine && any && i < all->many.count; i++) fine = !all->many.ready[i] || append(objects, (long)i);
    for (uint32_t i = 0; fine && any && i < all->many.fds_count; i++) fine = !all->many.fds[i].revents || append(fds, all->many.fds[i].fd);
    if (fine) pair = PyTuple_Pack(2, objects, fds);
    Py_XDECREF(objects);
    Py_XDECREF(fds);
    return pair;
}

static PyObject *wait_several(PyObject *module, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"objects", "fds", "timeout", NULL};
    PyObject *values[3], *result = NULL;
    struct several all;
    struct shm_call call;
    int64_t deadline;
    (void)module;
    if (!shm_arguments("wait", names, 1, args, count, keywords, values) || !shm_deadline(values[2], &deadline)) return NULL;
    if (open_all(&all, values[0], values[1]) && shm_take(&call)) {
        shm_unlock(&call);
        int outcome = dragon_wait_many(call.thread, &all.many, all.places, deadline);
        shm_lock(&call);
        shm_give(&call);
        if (outcome == DRAGON_OK || outcome == DRAGON_TIMEOUT)
            result = report(&all, outcome == DRAGON_OK);
        else
            shm_raise(outcome, "wait");
    }
    close_all(&all);
    return result;
}

PyMethodDef shm_many_methods[] = {
    SHM_METHOD("wait", wait_several, 0,
               "wait(objects, fds, timeout=None)\n\nWait until one is ready; returns ([indices of ready objects], [ready descriptors])."),
    {NULL, NULL, 0, NULL},
};
