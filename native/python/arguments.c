/* Arguments of the fast calling convention. */
#include "shm.h"

/* Sorts arguments by name into `out`, NULL where absent. `names` ends with NULL; the first `required` must be there. The errors are worded as CPython's newest. */
bool shm_arguments(const char *function, const char *const *names, int required, PyObject *const *args, Py_ssize_t count, PyObject *keywords,
                   PyObject **out)
{
    int known = 0;
    while (names[known]) out[known++] = NULL;
    if (count > known) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most %d argument%s (%zd given)", function, known, known == 1 ? "" : "s", count);
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++) out[i] = args[i];
    Py_ssize_t named = keywords ? PyTuple_Size(keywords) : 0;
    for (Py_ssize_t k = 0; k < named; k++) {
        PyObject *keyword = PyTuple_GetItem(keywords, k);
        int i = 0;
        while (i < known && PyUnicode_CompareWithASCIIString(keyword, names[i]) != 0) i++;
        if (i == known) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument %R", function, keyword);
            return false;
        }
        if (out[i]) {
            PyErr_Format(PyExc_TypeError, "argument for %s() given by name (%R) and position (%d)", function, keyword, i + 1);
            return false;
        }
        out[i] = args[count + k];
    }
    for (int i = 0; i < required; i++) {
        if (out[i]) continue;
        PyErr_Format(PyExc_TypeError, "%s() missing required argument '%s' (pos %d)", function, names[i], i + 1);
        return false;
    }
    return true;
}

/* Seconds from now as an absolute time; absent or None: without limit. */
bool shm_deadline(PyObject *timeout, int64_t *deadline)
{
    *deadline = DRAGON_FOREVER;
    if (!timeout || timeout == Py_None) return true;
    double seconds = PyFloat_AsDouble(timeout);
    if (seconds == -1.0 && PyErr_Occurred()) return false;
    if (seconds != seconds) {
        PyErr_SetString(PyExc_ValueError, "Invalid value NaN (not a number) for a timeout in seconds");
        return false;
    }
    if (!(seconds > 0))
        *deadline = DRAGON_NO_WAIT;
    else if (seconds < 9e8)
        *deadline = dragon_now() + (int64_t)(seconds * 1e9);
    return true;
}

/* The arguments of acquire(block=True, timeout=None). */
bool shm_block_and_timeout(PyObject *block, PyObject *timeout, int64_t *deadline)
{
    if (block && block != Py_True) {
        int yes = PyObject_IsTrue(block);
        if (yes < 0) return false;
        if (!yes) {
            *deadline = DRAGON_NO_WAIT;
            return true;
        }
    }
    return shm_deadline(timeout, deadline);
}

bool shm_u64(PyObject *value, const char *name, uint64_t *out)
{
    if (!value) return true;
    unsigned long long number = PyLong_AsUnsignedLongLong(value);
    if (number == (unsigned long long)-1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_OverflowError))
            PyErr_Format(PyExc_ValueError, "%s must not be negative nor above 2**64 - 1, not %R", name, value);
        return false;
    }
    *out = number;
    return true;
}

bool shm_u32(PyObject *value, const char *name, uint32_t *out)
{
    uint64_t number = *out;
    if (!shm_u64(value, name, &number)) return false;
    if (number > UINT32_MAX) {
        PyErr_Format(PyExc_ValueError, "%s must not be above 2**32 - 1, not %R", name, value);
        return false;
    }
    *out = (uint32_t)number;
    return true;
}
