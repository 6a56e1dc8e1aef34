/* The module's exceptions, and which of them a result of the library becomes. */
#include "shm.h"

PyObject *shm_error, *shm_timeout, *shm_closed, *shm_run_over, *shm_no_such_object;

static PyObject *run_over(void)
{
    uint32_t state = dragon_load(&shm_process.header->run_state);
    PyErr_SetString(shm_run_over, state == DRAGON_LOST ? "the node's agent died, and the run with it" : "the run is over");
    return NULL;
}

/* Raises what `result` means; an exception that a hook has set goes first. */
PyObject *shm_raise(int result, const char *what)
{
    if (PyErr_Occurred()) return NULL;
    switch (result) {
    case DRAGON_TIMEOUT: return PyErr_Format(shm_timeout, "%s: the time limit passed", what);
    case DRAGON_CLOSED: return PyErr_Format(shm_closed, "%s: the channel is closed, or its other side is gone", what);
    case DRAGON_RUN_OVER: return run_over();
    case DRAGON_GONE: return PyErr_Format(shm_no_such_object, "%s: the object no longer exists; was its last handle let go of?", what);
    case DRAGON_NO_MEMORY:
        return PyErr_Format(PyExc_MemoryError, "%s: no block of the node's memory is free, and there is no agent to ask for more", what);
    case DRAGON_TOO_LARGE: return PyErr_Format(PyExc_ValueError, "%s: larger than any block of the node's memory", what);
    case DRAGON_SYSTEM: return PyErr_SetFromErrno(shm_error);
    default: return PyErr_Format(PyExc_SystemError, "%s: unexpected result %d", what, result);
    }
}

static bool add(PyObject *module, PyObject **to, const char *name, PyObject *base, const char *doc)
{
    char full[64];
    snprintf(full, sizeof full, "dragon._shm.%s", name);
    *to = PyErr_NewExceptionWithDoc(full, doc, base, NULL);
    if (!*to) return false;
    Py_INCREF(*to);
    return PyModule_AddObject(module, name, *to) == 0;
}

bool shm_errors_init(PyObject *module)
{
    return add(module, &shm_error, "Error", PyExc_OSError, "Something in the node's shared memory went wrong.") &&
           add(module, &shm_timeout, "Timeout", shm_error, "The time limit passed; nothing was sent or taken.") &&
           add(module, &shm_closed, "Closed", shm_error,
               "The other side is gone or the channel was closed: nothing more will come, or nobody would ever read it.") &&
           add(module, &shm_run_over, "RunOver", shm_error, "The run ended, or its agent died: args say which.") &&
           add(module, &shm_no_such_object, "NoSuchObject", shm_error, "The handle names an object that no longer exists.");
}
