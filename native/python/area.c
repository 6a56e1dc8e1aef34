/* Area: plain shared memory through the buffer protocol. */
#include "shm.h"

static PyObject *create(PyObject *type, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"size", NULL};
    PyObject *values[1];
    struct dragon_plan plan = {.kind = DRAGON_AREA, .role = DRAGON_USER};
    if (!shm_arguments("create", names, 1, args, count, keywords, values) || !shm_u64(values[0], "size", &plan.value)) return NULL;
    if (plan.value >= UINT64_C(1) << 40) return PyErr_Format(PyExc_ValueError, "size must be below 2**40, not %R", values[0]);
    return shm_create(type, &plan);
}

static PyObject *bind_area(PyObject *type, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    return shm_bind_to(type, args, count, keywords, false);
}

/* A view keeps this object, and so the memory, alive; release() waits for it as for any operation in progress. */
static int get_buffer(PyObject *self, Py_buffer *view, int flags)
{
    struct shm_object *object = (struct shm_object *)self;
    view->obj = NULL;
    if (!shm_hold(self)) return -1;
    struct dragon_object *area = object->binding.object;
    int result = PyBuffer_FillInfo(view, self, (uint8_t *)area + DRAGON_AREA_BYTES, (Py_ssize_t)area->area.size, 0, flags);
    if (result < 0)
        shm_drop(object);
    else
        object->views++;
    return result;
}

static void release_buffer(PyObject *self, Py_buffer *view)
{
    (void)view;
    ((struct shm_object *)self)->views--;
    shm_drop((struct shm_object *)self);
}

static PyObject *get_size(PyObject *self, void *unused)
{
    (void)unused;
    if (!shm_hold(self)) return NULL;
    uint64_t size = ((struct shm_object *)self)->binding.object->area.size;
    shm_drop((struct shm_object *)self);
    return PyLong_FromUnsignedLongLong(size);
}

static PyObject *get_views(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLong(((struct shm_object *)self)->views);
}

static PyMethodDef methods[] = {
    SHM_METHOD("create", create, METH_CLASS, "create(size)"),
    SHM_METHOD("bind", bind_area, METH_CLASS, "bind(offset, id)"),
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"size", get_size, NULL, "Bytes.", NULL},
    {"views", get_views, NULL, "How many buffers of it are in use in this process.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Plain shared memory, writable through the buffer protocol; zero at first."},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {Py_bf_getbuffer, get_buffer},
    {Py_bf_releasebuffer, release_buffer},
    {0, NULL},
};

PyType_Spec shm_area_spec = {"dragon._shm.Area", sizeof(struct shm_object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
