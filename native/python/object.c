/* The base of all objects: a binding with a Python face. */
#include "shm.h"

struct shm_object *shm_bound;
PyObject *shm_channel_type, *shm_event_type, *shm_lock_type, *shm_semaphore_type, *shm_tasks_type;

void shm_track(struct shm_object *object)
{
    object->next = shm_bound;
    object->link = &shm_bound;
    if (shm_bound) shm_bound->link = &object->next;
    shm_bound = object;
}

static void untrack(struct shm_object *object)
{
    if (!object->link) return;
    *object->link = object->next;
    if (object->next) object->next->link = object->link;
    object->link = NULL;
}

/* Ends the binding; when other threads are at work on it, the last of them does. In a forked child that has no number yet nothing is bound. */
void shm_release(struct shm_object *object)
{
    struct shm_call call, mailer;
    object->releasing = true;
    if (object->busy) return;
    untrack(object);
    bool ours = shm_process.number && *shm_mine == ((uint64_t)shm_process.epoch << 32 | shm_process.number);
    if (!ours || !object->binding.object || dragon_keeps(&shm_process, &object->binding)) return;
    if (shm_take(&call)) {
        if (shm_take(&mailer)) {
            dragon_unbind(call.thread, mailer.thread, &object->binding);
            shm_give(&mailer);
        }
        shm_give(&call);
    }
}

static void dealloc(PyObject *self)
{
    PyObject *type, *value, *traceback, *class = (PyObject *)Py_TYPE(self);
    freefunc free_object = (freefunc)PyType_GetSlot((PyTypeObject *)class, Py_tp_free);
    PyErr_Fetch(&type, &value, &traceback);
    shm_release((struct shm_object *)self);
    if (PyErr_Occurred()) PyErr_WriteUnraisable(class);
    PyErr_Restore(type, value, traceback);
    Py_XDECREF(((struct shm_object *)self)->tasks);
    free_object(self);
    Py_DECREF(class);
}

/* The types, and which kinds of objects are theirs (a bit each). */
static struct {
    PyType_Spec *spec;
    uint32_t kinds;
    PyObject *type;
} faces[] = {
    {&shm_channel_spec, 1u << DRAGON_CHANNEL, NULL},
    {&shm_semaphore_spec, 1u << DRAGON_SEMAPHORE, NULL},
    {&shm_lock_spec, 1u << DRAGON_LOCK | 1u << DRAGON_RLOCK, NULL},
    {&shm_event_spec, 1u << DRAGON_EVENT, NULL},
    {&shm_tasks_spec, 1u << DRAGON_TASKS, NULL},
    {&shm_condition_spec, 1u << DRAGON_CONDITION, NULL},
    {&shm_area_spec, 1u << DRAGON_AREA, NULL},
    {&shm_barrier_spec, 1u << DRAGON_BARRIER, NULL},
};

static uint32_t kinds_of(PyObject *type)
{
    for (size_t i = 0; i < sizeof faces / sizeof *faces; i++)
        if (faces[i].type == type) return faces[i].kinds;
    return 0;
}

static struct shm_object *allocate(PyObject *type)
{
    allocfunc alloc = (allocfunc)PyType_GetSlot((PyTypeObject *)type, Py_tp_alloc);
    return (struct shm_object *)alloc((PyTypeObject *)type, 0);
}

PyObject *shm_create(PyObject *type, const struct dragon_plan *plan)
{
    struct shm_call call;
    struct shm_object *object = allocate(type);
    if (!object) return NULL;
    if (!shm_take(&call)) goto failed;
    int result = dragon_create(call.thread, plan, &object->binding);
    shm_give(&call);
    if (result != DRAGON_OK) {
        shm_raise(result, "creating an object");
        goto failed;
    }
    shm_track(object);
    return (PyObject *)object;
failed:
    Py_DECREF(object);
    return NULL;
}

static PyObject *bound(PyObject *type, const struct dragon_binding *to)
{
    struct shm_call call;
    if (to->role == 0 || to->role & ~(uint32_t)DRAGON_ROLES)
        return PyErr_Format(PyExc_ValueError, "role must be USER, SENDER, RECEIVER or a combination, not %u", to->role);
    struct shm_object *object = allocate(type);
    if (!object) return NULL;
    object->binding = *to;
    if (!shm_take(&call)) goto failed;
    int result = dragon_bind(call.thread, &object->binding);
    shm_give(&call);
    if (result != DRAGON_OK) {
        shm_raise(result, "binding");
        goto failed;
    }
    shm_track(object);
    uint32_t kind = object->binding.object->kind;
    if (kinds_of(type) >> kind & 1) return (PyObject *)object;
    PyErr_Format(PyExc_TypeError, "the handle is of another kind of object (%u) than %R", kind, type);
failed:
    Py_DECREF(object);
    return NULL;
}

/* bind(offset, id[, role]) */
PyObject *shm_bind_to(PyObject *type, PyObject *const *args, Py_ssize_t count, PyObject *keywords, bool with_role)
{
    static const char *const with[] = {"offset", "id", "role", NULL}, *const without[] = {"offset", "id", NULL};
    PyObject *values[3] = {0};
    struct dragon_binding to = {.role = DRAGON_USER};
    if (!shm_arguments("bind", with_role ? with : without, 2, args, count, keywords, values)) return NULL;
    if (!shm_u64(values[0], "offset", &to.offset) || !shm_u64(values[1], "id", &to.id) || !shm_u32(values[2], "role", &to.role)) return NULL;
    return bound(type, &to);
}

/* Tells the agent of a handle's pin; if it cannot be told, the exception is set. */
static bool tell(struct shm_call *call, uint32_t type, uint64_t token)
{
    const struct dragon_binding *binding = &call->object->binding;
    int result = dragon_mail(call->thread, type, binding->id, binding->offset | binding->role, token);
    return result == DRAGON_OK || shm_raise(result, "telling the agent");
}

static PyObject *pin(PyObject *self, PyObject *unused)
{
    struct shm_call call;
    const struct dragon_binding *binding = &((struct shm_object *)self)->binding;
    (void)unused;
    if (!shm_begin(&call, self)) return NULL;
    uint64_t token = dragon_new_token(&shm_process);
    dragon_set_bits(&binding->object->flags, (uint32_t)DRAGON_SHARED);
    bool told = tell(&call, DRAGON_MAIL_PIN, token);
    if (told && dragon_tracks_ends(binding->object)) dragon_pin_counts(&shm_process, binding->object, binding->role, token);
    shm_end(&call);
    return told ? PyLong_FromUnsignedLongLong(token) : NULL;
}

/* The handle with that token is bound, or will not be: it needs its pin no longer. */
static bool let_go(PyObject *object, uint64_t token)
{
    struct shm_call call;
    const struct dragon_binding *binding = &((struct shm_object *)object)->binding;
    if (!shm_begin(&call, object)) return false;
    if (dragon_tracks_ends(binding->object) && dragon_pin_claim(&shm_process, token)) {
        dragon_begin(call.thread, DRAGON_UPDATE, binding->offset);
        dragon_end_dropped(call.thread, binding->object, binding->role);
        dragon_end(call.thread);
    }
    bool told = tell(&call, DRAGON_MAIL_UNPIN, token);
    shm_end(&call);
    return told;
}

static PyObject *unpin(PyObject *self, PyObject *number)
{
    uint64_t token;
    if (!shm_u64(number, "token", &token) || !let_go(self, token)) return NULL;
    Py_RETURN_NONE;
}

/* Binds what a handle names, and takes its pin back. None if this process is no client of the handle's run, or not yet. */
static PyObject *arrive(PyObject *type, PyObject *handle)
{
    const char *run;
    Py_ssize_t size;
    unsigned long long offset, id, token;
    unsigned role;
    if (!PyArg_ParseTuple(handle, "y#KKIK", &run, &size, &offset, &id, &role, &token)) return NULL;
    const uint64_t *own = shm_process.header ? shm_process.header->run_id : NULL;
    if (!shm_attached() || size != 2 * sizeof *own || memcmp(run, own, (size_t)size) != 0) Py_RETURN_NONE;
    PyObject *object = bound(type, &(struct dragon_binding){.offset = offset, .id = id, .role = role});
    if (object && !let_go(object, token)) Py_CLEAR(object);
    return object;
}

static PyObject *release(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (!((struct shm_object *)self)->releasing) shm_release((struct shm_object *)self);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

static PyObject *get_released(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((struct shm_object *)self)->releasing);
}

static PyObject *get_offset(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(((struct shm_object *)self)->binding.offset);
}

static PyObject *get_id(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(((struct shm_object *)self)->binding.id);
}

static PyObject *get_role(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLong(((struct shm_object *)self)->binding.role);
}

static PyObject *refuse_new(PyObject *type, PyObject *args, PyObject *keywords)
{
    (void)args, (void)keywords;
    return PyErr_Format(PyExc_TypeError, "%R is made by its create() or bind()", type);
}

static PyMethodDef methods[] = {
    {"arrive", arrive, METH_O | METH_CLASS,
     "arrive(handle)\n\nRefer to what a handle (run_id, offset, id, role, token) names, and tell the agent that it has arrived; None: this process "
     "is no client of that run."},
    SHM_SIMPLE("pin", pin, 0, "pin()\n\nTell the agent that a handle of it leaves this process; returns the token it travels with."),
    {"unpin", unpin, METH_O, "unpin(token)\n\nTell the agent that the handle with this token needs its pin no longer."},
    SHM_SIMPLE("release", release, 0, "release()\n\nEnd this reference; operations in progress in other threads finish first."),
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"offset", get_offset, NULL, "Where it lies in the node's memory.", NULL},
    {"id", get_id, NULL, "Its id.", NULL},
    {"role", get_role, NULL, "USER, SENDER, RECEIVER.", NULL},
    {"released", get_released, NULL, "Was this reference ended?", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A reference to an object in shared memory; it ends with release() or with this Python object."},
    {Py_tp_new, refuse_new},
    {Py_tp_dealloc, dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {0, NULL},
};

static PyType_Spec base_spec = {"dragon._shm._Object", sizeof(struct shm_object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

PyObject *shm_make_type(PyObject *module, PyType_Spec *spec, PyObject *base)
{
    PyObject *bases = base ? PyTuple_Pack(1, base) : NULL;
    PyObject *type = base && !bases ? NULL : PyType_FromSpecWithBases(spec, bases);
    Py_XDECREF(bases);
    if (!type) return NULL;
    Py_INCREF(type);
    if (PyModule_AddObject(module, strrchr(spec->name, '.') + 1, type) == 0) return type;
    Py_DECREF(type);
    Py_DECREF(type);
    return NULL;
}

bool shm_objects_init(PyObject *module)
{
    PyObject *base = shm_make_type(module, &base_spec, NULL);
    for (size_t i = 0; base && i < sizeof faces / sizeof *faces; i++)
        if (!(faces[i].type = shm_make_type(module, faces[i].spec, base))) return false;
    shm_channel_type = faces[0].type;
    shm_semaphore_type = faces[1].type;
    shm_lock_type = faces[2].type;
    shm_event_type = faces[3].type;
    shm_tasks_type = faces[4].type;
    return base;
}
