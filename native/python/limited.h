/* Python.h with the stable ABI of 3.9, and what that ABI has in every CPython from 3.9 on without 3.9's header saying so in the limited mode: the buffer
 * protocol (official since 3.11; the structure is that of 3.0) and the fast calling convention (official since 3.10). */
#ifndef DRAGON_LIMITED_H
#define DRAGON_LIMITED_H

#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x03090000
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if Py_LIMITED_API + 0 < 0x030b0000
typedef struct {
    void *buf;
    PyObject *obj;
    Py_ssize_t len, itemsize;
    int readonly, ndim;
    char *format;
    Py_ssize_t *shape, *strides, *suboffsets;
    void *internal;
} Py_buffer;

PyAPI_FUNC(int) PyObject_GetBuffer(PyObject *object, Py_buffer *view, int flags);
PyAPI_FUNC(void) PyBuffer_Release(Py_buffer *view);
PyAPI_FUNC(int) PyBuffer_FillInfo(Py_buffer *view, PyObject *object, void *bytes, Py_ssize_t size, int readonly, int flags);

#define PyBUF_SIMPLE 0
#define PyBUF_WRITABLE 1
#define Py_bf_getbuffer 1
#define Py_bf_releasebuffer 2
#endif

#ifndef METH_FASTCALL
#define METH_FASTCALL 0x0080
#endif

#endif
