/* What a process printed is on the screen before others print what it told them afterwards.
 *
 * A worker's lines reach the screen by the agent, what it sends reaches others by itself, and sooner. So a worker counts in the memory's header how often it has written to its standard
 * streams. Whoever prints by itself (the head, and what is no worker) looks at that count when it has received, acquired or waited for something: if it has grown, it has the agent show all
 * lines first. Workers never wait for that; who has nothing to show pays a look at a word. A worker that is killed before it has counted has told nobody anything. */
#include "shm.h"

static const dragon_u32 nothing;

const dragon_u32 *shm_printed = &nothing;
uint32_t shm_seen;

bool shm_show(void)
{
    uint32_t printed = dragon_load(shm_printed);
    PyObject *agent = PyImport_ImportModule("dragon._agent");
    PyObject *shown = agent ? PyObject_CallMethod(agent, "show", NULL) : NULL;
    bool fine = shown || !agent; /* at the interpreter's end there is no module to ask any more */
    shm_seen = printed; /* not before: another thread may not take it for shown */
    if (!agent) PyErr_Clear();
    Py_XDECREF(shown);
    Py_XDECREF(agent);
    return fine;
}

PyObject *shm_let_go(PyObject *self, PyObject *leave(PyObject *, PyObject *))
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    Py_XDECREF(leave(self, NULL));
    PyErr_Restore(type, value, traceback);
    return NULL;
}

static PyObject *wrote(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (shm_process.header) dragon_add(&shm_process.header->printed, 1);
    Py_RETURN_NONE;
}

static PyObject *prints_by_itself(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (shm_process.header) shm_printed = &shm_process.header->printed;
    Py_RETURN_NONE;
}

static PyObject *is_behind(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyBool_FromLong(shm_is_behind());
}

static PyObject *catch_up(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (shm_is_behind() && !shm_show()) return NULL;
    Py_RETURN_NONE;
}

PyMethodDef shm_shown_methods[] = {
    SHM_SIMPLE("wrote", wrote, 0, "wrote()\n\nThis worker has written to its stdout or stderr."),
    SHM_SIMPLE("prints_by_itself", prints_by_itself, 0,
               "prints_by_itself()\n\nWhat workers have written is to be shown before this process learns what came after it."),
    SHM_SIMPLE("is_behind", is_behind, 0, "is_behind()\n\nHave workers written something that may not be shown yet?"),
    SHM_SIMPLE("catch_up", catch_up, 0, "catch_up()\n\nIf so, have it shown."),
    {NULL, NULL, 0, NULL},
};
