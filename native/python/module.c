/* dragon._shm: channels and synchronisation in the node's shared memory. Its interface is python/dragon/_shm.pyi, the protocol spec/shared-memory.md. */
#include "shm.h"

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    "dragon._shm",
    "Channels and synchronisation in the node's shared memory.",
    0,
    /* so that another interpreter comes to PyInit, too */ NULL,
    NULL,
    NULL,
    NULL,
    NULL,
};

/* One interpreter, with its lock: the state is the process's. */
static bool refuse_others(void)
{
    if (PyInterpreterState_GetID(PyInterpreterState_Get()) != 0) {
        PyErr_SetString(PyExc_ImportError, "dragon._shm cannot be imported in a sub-interpreter; use it in the main interpreter");
        return false;
    }
    PyObject *flags = PySys_GetObject("abiflags"), *threaded = PyUnicode_FromString("t");
    int found = flags && threaded ? PyUnicode_Contains(flags, threaded) : 0;
    Py_XDECREF(threaded);
    if (found > 0) PyErr_SetString(PyExc_ImportError, "dragon does not support free-threaded builds of CPython yet; use the build with the GIL");
    return found == 0;
}

static bool fill(PyObject *module)
{
    return shm_errors_init(module) && shm_objects_init(module) && PyModule_AddFunctions(module, shm_process_methods) == 0 &&
           PyModule_AddFunctions(module, shm_many_methods) == 0 && PyModule_AddFunctions(module, shm_zygote_methods) == 0 &&
           PyModule_AddFunctions(module, shm_large_methods) == 0 && PyModule_AddFunctions(module, shm_ahead_methods) == 0 &&
           PyModule_AddFunctions(module, shm_shown_methods) == 0 && PyModule_AddIntConstant(module, "USER", DRAGON_USER) == 0 &&
           PyModule_AddIntConstant(module, "SENDER", DRAGON_SENDER) == 0 && PyModule_AddIntConstant(module, "RECEIVER", DRAGON_RECEIVER) == 0;
}

PyMODINIT_FUNC PyInit__shm(void);

PyMODINIT_FUNC PyInit__shm(void)
{
    if (!refuse_others() || !shm_process_init()) return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module && fill(module)) return module;
    Py_XDECREF(module);
    return NULL;
}
