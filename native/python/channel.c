/* Channel: messages of bytes. A message of parts starts with their count and sizes (u64 each); its flag PARTS says so. Of a message's 24 bits of flags the
 * lowest three are the caller's; the others are the sender's signature: 3 bits of its client's generation, 18 of its number. */
#include "shm.h"

enum { PARTS = 1, CALLERS = 7, SIGNATURE_SHIFT = 3, MAX_SLOT = 65536, STACK_PARTS = 8 };

static inline struct dragon_object *channel_of(const struct shm_call *call)
{
    return call->object->binding.object;
}

static PyObject *create(PyObject *type, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"capacity", "slot_size", "ends", "role", "limit", NULL};
    PyObject *values[5];
    uint32_t capacity = 0;
    struct dragon_plan plan = {.kind = DRAGON_CHANNEL, .role = DRAGON_USER, .detail = 128};
    if (!shm_arguments("create", names, 0, args, count, keywords, values)) return NULL;
    if (!shm_u32(values[0], "capacity", &capacity) || !shm_u32(values[1], "slot_size", &plan.detail) || !shm_u32(values[3], "role", &plan.role))
        return NULL;
    if (!shm_u64(values[4], "limit", &plan.limit)) return NULL;
    int ends = values[2] ? PyObject_IsTrue(values[2]) : 0;
    if (ends < 0) return NULL;
    if (capacity > DRAGON_MAX_RING)
        return PyErr_Format(PyExc_ValueError, "capacity must be at most %d (0: unbounded), not %u", DRAGON_MAX_RING, capacity);
    if (plan.detail < 48 || plan.detail > MAX_SLOT || plan.detail % 16)
        return PyErr_Format(PyExc_ValueError, "slot_size must be a multiple of 16 from 48 to %d, not %u", MAX_SLOT, plan.detail);
    if (plan.role == 0 || plan.role & ~(uint32_t)DRAGON_ROLES)
        return PyErr_Format(PyExc_ValueError, "role must be USER, SENDER, RECEIVER or a combination, not %u", plan.role);
    plan.value = capacity;
    plan.flags = ends ? DRAGON_ENDS : 0;
    return shm_create(type, &plan);
}

static PyObject *bind_channel(PyObject *type, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    return shm_bind_to(type, args, count, keywords, true);
}

/* The message is sent; a sender that is far ahead of the receivers is held up here. */
static int settle(struct shm_call *call, int64_t deadline)
{
    struct dragon_object *channel = channel_of(call);
    if (!dragon_channel_outweighs(&shm_process, channel, channel->channel.limit)) return DRAGON_OK;
    shm_unlock(call);
    int result = dragon_channel_settle(call->thread, channel, deadline);
    shm_lock(call);
    return result;
}

/* Sends without the GIL only what may wait or takes long. */
static PyObject *send_message(PyObject *self, struct dragon_outgoing *message, PyObject *timeout)
{
    struct shm_call call;
    int64_t deadline;
    int result = DRAGON_TIMEOUT;
    if (!shm_deadline(timeout, &deadline) || !shm_running("send") || !shm_begin(&call, self)) return NULL;
    message->channel = channel_of(&call);
    message->flags |= shm_signature << SIGNATURE_SHIFT;
    bool small = message->length <= SHM_COPY_UNLOCKED;
    if (small)
        result = dragon_channel_send(call.thread, message, DRAGON_NO_WAIT);
    else
        shm_keep_memory_for(message->length);
    if (result == DRAGON_TIMEOUT && !(small && deadline == DRAGON_NO_WAIT)) {
        shm_unlock(&call);
        result = dragon_channel_send(call.thread, message, deadline);
        shm_lock(&call);
    }
    if (result == DRAGON_OK && message->weighed && deadline != DRAGON_NO_WAIT) result = settle(&call, deadline);
    shm_end(&call);
    if (SHM_LIKELY(result == DRAGON_OK)) Py_RETURN_NONE;
    return shm_raise(result, "send");
}

static bool view_of(PyObject *data, Py_buffer *view, struct iovec *part)
{
    if (PyObject_GetBuffer(data, view, PyBUF_SIMPLE) < 0) return false;
    *part = (struct iovec){view->buf, (size_t)view->len};
    return true;
}

static PyObject *send_one(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"data", "timeout", "flags", NULL};
    PyObject *values[3], *result;
    struct iovec part;
    struct dragon_outgoing message = {.parts = &part, .count = 1};
    if (!shm_arguments("send", names, 1, args, count, keywords, values) || !shm_u32(values[2], "flags", &message.flags)) return NULL;
    if (message.flags & (PARTS | ~(uint32_t)CALLERS)) return PyErr_Format(PyExc_ValueError, "flags must be even and below 8, not %u", message.flags);
    if (PyBytes_Check(values[0])) {
        part = (struct iovec){PyBytes_AsString(values[0]), (size_t)PyBytes_Size(values[0])};
        message.length = part.iov_len;
        return send_message(self, &message, values[1]);
    }
    Py_buffer view;
    if (!view_of(values[0], &view, &part)) return NULL;
    message.length = part.iov_len;
    result = send_message(self, &message, values[1]);
    PyBuffer_Release(&view);
    return result;
}

/* The buffers of a message of parts, and the first part, which lists the others. */
struct gathered {
    Py_buffer *views;
    struct iovec *parts;
    uint64_t *sizes;
    Py_ssize_t count, open;
    void *memory;
};

static void scatter(struct gathered *all)
{
    while (all->open) PyBuffer_Release(&all->views[--all->open]);
    PyMem_Free(all->memory);
}

static bool gather(struct gathered *all, PyObject *sequence, uint64_t *length)
{
    *all = (struct gathered){.count = PySequence_Size(sequence)};
    if (all->count < 0) return false;
    size_t n = (size_t)all->count;
    all->memory = PyMem_Malloc(n * sizeof(Py_buffer) + (n + 1) * (sizeof(struct iovec) + sizeof(uint64_t)));
    if (!all->memory) return PyErr_NoMemory() != NULL;
    all->views = all->memory;
    all->parts = (struct iovec *)(all->views + n);
    all->sizes = (uint64_t *)(all->parts + n + 1);
    all->sizes[0] = n;
    all->parts[0] = (struct iovec){all->sizes, (n + 1) * sizeof(uint64_t)};
    *length = all->parts[0].iov_len;
    for (; all->open < all->count; all->open++) {
        PyObject *item = PySequence_GetItem(sequence, all->open);
        bool fine = item && view_of(item, &all->views[all->open], &all->parts[all->open + 1]);
        Py_XDECREF(item);
        if (!fine) {
            scatter(all);
            return false;
        }
        all->sizes[all->open + 1] = all->parts[all->open + 1].iov_len;
        *length += all->sizes[all->open + 1];
    }
    return true;
}

static PyObject *send_parts(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"parts", "timeout", "flags", NULL};
    PyObject *values[3];
    struct gathered all;
    struct dragon_outgoing message = {.flags = PARTS};
    if (!shm_arguments("send_parts", names, 1, args, count, keywords, values) || !shm_u32(values[2], "flags", &message.flags)) return NULL;
    if (!(message.flags & PARTS) || message.flags & ~(uint32_t)CALLERS)
        return PyErr_Format(PyExc_ValueError, "flags must be odd and below 8, not %u", message.flags);
    if (!gather(&all, values[0], &message.length)) return NULL;
    message.parts = all.parts;
    message.count = (uint32_t)all.count + 1;
    PyObject *result = send_message(self, &message, values[1]);
    scatter(&all);
    return result;
}

typedef int receive_way(struct dragon_thread *thread, struct dragon_incoming *message, int64_t deadline);

/* Receives one message and leaves it open: shm_end and dragon_message_done are the caller's. */
static bool receive(PyObject *self, struct shm_call *call, struct dragon_incoming *message, PyObject *timeout)
{
    int64_t deadline;
    if (!shm_deadline(timeout, &deadline) || !shm_running("recv") || !shm_begin(call, self)) return false;
    PyObject *tasks = call->object->tasks;
    if (tasks && !shm_hold(tasks)) {
        shm_end(call);
        return false;
    }
    *message = (struct dragon_incoming){.channel = channel_of(call), .tasks = tasks ? &((struct shm_object *)tasks)->binding : NULL};
    receive_way *way = tasks ? dragon_tasks_receive : dragon_channel_receive;
    int result = tasks ? dragon_tasks_room(call->thread, &((struct shm_object *)tasks)->binding) : DRAGON_OK;
    if (result == DRAGON_OK) result = way(call->thread, message, DRAGON_NO_WAIT);
    if (result == DRAGON_TIMEOUT && deadline != DRAGON_NO_WAIT) {
        shm_unlock(call);
        result = way(call->thread, message, deadline);
        shm_lock(call);
    }
    if (tasks) shm_drop((struct shm_object *)tasks);
    if (SHM_LIKELY(result == DRAGON_OK)) return true;
    shm_end(call);
    shm_raise(result, "recv");
    return false;
}

static void done(struct shm_call *call, struct dragon_incoming *message)
{
    dragon_message_done(call->thread, message);
    shm_end(call);
}

static void copy_out(struct shm_call *call, void *to, const uint8_t *from, uint64_t size)
{
    if (size > SHM_COPY_UNLOCKED) shm_unlock(call);
    memcpy(to, from, size);
    if (size > SHM_COPY_UNLOCKED) shm_lock(call);
}

static PyObject *to_bytes(struct shm_call *call, const struct dragon_incoming *message)
{
    if (message->length <= SHM_COPY_UNLOCKED) return PyBytes_FromStringAndSize((const char *)message->bytes, (Py_ssize_t)message->length);
    shm_keep_memory_for(message->length);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)message->length);
    if (bytes) copy_out(call, PyBytes_AsString(bytes), message->bytes, message->length);
    return bytes;
}

static PyObject *recv_bytes(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"timeout", NULL};
    PyObject *values[1];
    struct shm_call call;
    struct dragon_incoming message;
    if (!shm_arguments("recv", names, 0, args, count, keywords, values) || !receive(self, &call, &message, values[0])) return NULL;
    PyObject *bytes = to_bytes(&call, &message);
    done(&call, &message);
    return shm_told(bytes);
}

/* [bytearray, ...]; the sizes are checked, since any process of the run may have written them. */
static PyObject *to_parts(struct shm_call *call, const struct dragon_incoming *message)
{
    uint64_t n = 0, left = message->length;
    if (left >= 8) memcpy(&n, message->bytes, 8);
    if (left < 8 || n > (left - 8) / 8)
        return PyErr_Format(shm_error, "recv: a message of parts contradicts itself (%llu parts)", (unsigned long long)n);
    const uint8_t *sizes = message->bytes + 8, *from = sizes + n * 8;
    left -= 8 + n * 8;
    if (left > SHM_COPY_UNLOCKED) shm_keep_memory_for(left);
    PyObject *list = PyList_New((Py_ssize_t)n);
    for (uint64_t i = 0; list && i < n; i++) {
        uint64_t size;
        memcpy(&size, sizes + i * 8, 8);
        PyObject *part = size <= left ? PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)size)
                                      : PyErr_Format(shm_error, "recv: part %llu is cut off", (unsigned long long)i);
        if (!part) {
            Py_DECREF(list);
            return NULL;
        }
        copy_out(call, PyByteArray_AsString(part), from, size);
        PyList_SetItem(list, (Py_ssize_t)i, part);
        from += size;
        left -= size;
    }
    return list;
}

static PyObject *take_message(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"timeout", NULL};
    PyObject *values[1];
    struct shm_call call;
    struct dragon_incoming message;
    if (!shm_arguments("recv_message", names, 0, args, count, keywords, values) || !receive(self, &call, &message, values[0])) return NULL;
    PyObject *data = message.flags & PARTS ? to_parts(&call, &message) : to_bytes(&call, &message);
    done(&call, &message);
    shm_sender = message.flags >> SIGNATURE_SHIFT;
    PyObject *flags = data ? PyLong_FromUnsignedLong(message.flags & CALLERS) : NULL;
    PyObject *pair = flags ? PyTuple_Pack(2, flags, data) : NULL;
    Py_XDECREF(flags);
    Py_XDECREF(data);
    return pair;
}

static PyObject *recv_message(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    return shm_told(take_message(self, args, count, keywords));
}

/* A buffer too small: the message goes into the exception. */
static void too_short(struct shm_call *call, const struct dragon_incoming *message)
{
    PyObject *bytes = to_bytes(call, message);
    PyObject *text =
        bytes ? PyUnicode_FromFormat("recv_into: the message has %llu bytes, more than the buffer has room for", (unsigned long long)message->length)
              : NULL;
    PyObject *args = text ? PyTuple_Pack(2, text, bytes) : NULL;
    if (args) PyErr_SetObject(shm_error, args);
    Py_XDECREF(args);
    Py_XDECREF(text);
    Py_XDECREF(bytes);
}

static PyObject *recv_into(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"buffer", "offset", "timeout", NULL};
    PyObject *values[3], *result = NULL;
    struct shm_call call;
    struct dragon_incoming message;
    Py_buffer view;
    uint64_t offset = 0;
    if (!shm_arguments("recv_into", names, 1, args, count, keywords, values) || !shm_u64(values[1], "offset", &offset)) return NULL;
    if (PyObject_GetBuffer(values[0], &view, PyBUF_WRITABLE) < 0) return NULL;
    if (offset > (uint64_t)view.len) {
        PyErr_Format(PyExc_ValueError, "offset %llu is behind the buffer's end", (unsigned long long)offset);
    } else if (receive(self, &call, &message, values[2])) {
        if (message.length > (uint64_t)view.len - offset) {
            too_short(&call, &message);
        } else {
            copy_out(&call, (uint8_t *)view.buf + offset, message.bytes, message.length);
            result = PyLong_FromUnsignedLongLong(message.length);
        }
        done(&call, &message);
    }
    PyBuffer_Release(&view);
    return shm_told(result);
}

static PyObject *poll_channel(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"timeout", NULL};
    PyObject *values[1];
    struct shm_call call;
    int64_t deadline = DRAGON_NO_WAIT;
    if (!shm_arguments("poll", names, 0, args, count, keywords, values) || (values[0] && !shm_deadline(values[0], &deadline)) ||
        !shm_running("poll") || !shm_begin(&call, self))
        return NULL;
    int result = dragon_channel_ready(&shm_process, channel_of(&call));
    if (result == DRAGON_AGAIN && deadline != DRAGON_NO_WAIT) {
        shm_unlock(&call);
        result = dragon_channel_poll(call.thread, channel_of(&call), deadline);
        shm_lock(&call);
    }
    shm_end(&call);
    if (result == DRAGON_OK) Py_RETURN_TRUE;
    if (result == DRAGON_AGAIN || result == DRAGON_TIMEOUT) Py_RETURN_FALSE;
    return shm_raise(result, "poll");
}

static PyObject *close_channel(PyObject *self, PyObject *unused)
{
    struct shm_call call;
    (void)unused;
    if (!shm_begin(&call, self)) return NULL;
    dragon_channel_close(call.thread, channel_of(&call));
    shm_end(&call);
    Py_RETURN_NONE;
}

static PyObject *qsize(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (!shm_hold(self)) return NULL;
    uint64_t count = dragon_channel_count(&shm_process, ((struct shm_object *)self)->binding.object);
    shm_drop((struct shm_object *)self);
    return PyLong_FromUnsignedLongLong(count);
}

static PyObject *get_capacity(PyObject *self, void *unused)
{
    (void)unused;
    if (!shm_hold(self)) return NULL;
    uint32_t capacity = ((struct shm_object *)self)->binding.object->channel.capacity;
    shm_drop((struct shm_object *)self);
    return PyLong_FromUnsignedLong(capacity);
}

static PyObject *get_tasks(PyObject *self, void *unused)
{
    (void)unused;
    PyObject *tasks = ((struct shm_object *)self)->tasks;
    if (!tasks) Py_RETURN_NONE;
    Py_INCREF(tasks);
    return tasks;
}

static int set_tasks(PyObject *self, PyObject *value, void *unused)
{
    (void)unused;
    struct shm_object *channel = (struct shm_object *)self;
    if (!value || channel->tasks || !PyObject_TypeCheck(value, (PyTypeObject *)shm_tasks_type)) {
        PyErr_Format(PyExc_TypeError, "a channel's messages become tasks once, counted by a Tasks, not %R", value ? value : Py_None);
        return -1;
    }
    Py_INCREF(value);
    channel->tasks = value;
    return 0;
}

static PyMethodDef methods[] = {
    SHM_METHOD("create", create, METH_CLASS, "create(capacity=0, slot_size=128, ends=False, role=USER, limit=0)"),
    SHM_METHOD("bind", bind_channel, METH_CLASS, "bind(offset, id, role=USER)"),
    SHM_METHOD("send", send_one, 0, "send(data, timeout=None, flags=0)\n\nCopy data in as one message."),
    SHM_METHOD("send_parts", send_parts, 0, "send_parts(parts, timeout=None, flags=1)\n\nOne message of several buffers."),
    SHM_METHOD("recv", recv_bytes, 0, "recv(timeout=None)\n\nThe next message."),
    SHM_METHOD("recv_message", recv_message, 0, "recv_message(timeout=None)\n\n(flags, bytes), or (flags, [bytearray, ...]) for a message of parts."),
    SHM_METHOD("take_message", take_message, 0,
               "take_message(timeout=None)\n\nAs recv_message; but what its sender printed before may not be shown yet."),
    SHM_METHOD("recv_into", recv_into, 0, "recv_into(buffer, offset=0, timeout=None)\n\nThe next message into a buffer; returns its size."),
    SHM_METHOD("poll", poll_channel, 0, "poll(timeout=0)\n\nIs a message, or the end, there to be received?"),
    SHM_SIMPLE("close", close_channel, 0, "close()\n\nFor everyone, at once."),
    SHM_SIMPLE("qsize", qsize, 0, "qsize()\n\nMessages in the channel."),
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"capacity", get_capacity, NULL, "Messages it holds at most; 0: without limit.", NULL},
    {"tasks", get_tasks, set_tasks, "What counts its messages as tasks, or None. Whoever receives from it sets this.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A FIFO of messages: many senders, many receivers, in any process of the node."},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {0, NULL},
};

PyType_Spec shm_channel_spec = {"dragon._shm.Channel", sizeof(struct shm_object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
