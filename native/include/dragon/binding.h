/* Making objects, and being bound to them. Who uses an object stands in the reference tables of the clients, nowhere else: one writer each, so that a
 * kill leaves no counter wrong. Not thread-safe within a process: the caller serialises, as for thread.h. */
#ifndef DRAGON_BINDING_H
#define DRAGON_BINDING_H

#include "ends.h"

struct dragon_binding {
    struct dragon_object *object; /* NULL: not bound */
    uint64_t offset, id;
    uint32_t role, entry; /* entry of the reference table */
    struct dragon_binding *full; /* tasks.h: further entries, whose counts are high */
};

/* Adds a table to this client's references, unless another thread does so while memory is asked for. Killed before the link: the sweep frees the block;
 * after it: freed with the tables. */
static inline int dragon_refs_grow(struct dragon_thread *thread)
{
    struct dragon_process *process = thread->process;
    int k = 0;
    while (k < DRAGON_REF_TABLES && dragon_peek(&process->entry->refs_ext[k])) k++;
    if (k == DRAGON_REF_TABLES) return DRAGON_NO_MEMORY;
    uint64_t bytes = (UINT64_C(512) << k) * sizeof(uint64_t);
    int result = dragon_block_alloc(thread, 3, bytes);
    if (result != DRAGON_OK) return result;
    if (dragon_peek(&process->entry->refs_ext[k])) {
        dragon_block_free(thread, 3);
        return DRAGON_OK;
    }
    void *table = dragon_block_at(process, dragon_block_ref(thread, 3));
    memset(table, 0, bytes);
    dragon_store(&process->entry->refs_ext[k], dragon_offset(process, table));
    dragon_block_store(thread, 3, DRAGON_BLOCK_PART);
    dragon_store(&thread->record->blocks[3], 0);
    return DRAGON_OK;
}

/* A free entry of the reference table. */
static inline int dragon_ref_reserve(struct dragon_thread *thread, uint32_t *entry)
{
    struct dragon_process *process = thread->process;
    while (!process->free_refs_count) {
        uint32_t high = dragon_peek(&process->entry->refs_high);
        if (dragon_ref_at(process, process->entry, high)) {
            dragon_store(&process->entry->refs_high, high + 1);
            *entry = high;
            return DRAGON_OK;
        }
        int result = dragon_refs_grow(thread);
        if (result != DRAGON_OK) return result;
    }
    *entry = process->free_refs[--process->free_refs_count];
    return DRAGON_OK;
}

static inline void dragon_ref_free(struct dragon_process *process, uint32_t entry)
{
    if (process->free_refs_count == process->free_refs_size) {
        uint32_t size = process->free_refs_size ? process->free_refs_size * 2 : 64;
        uint32_t *grown = realloc(process->free_refs, size * sizeof *grown);
        if (!grown) return; /* the entry stays unused */
        process->free_refs = grown;
        process->free_refs_size = size;
    }
    process->free_refs[process->free_refs_count++] = entry;
}

/* Frees what this process knows of further entries. */
static inline void dragon_binding_forget(struct dragon_binding *binding)
{
    while (binding->full) {
        struct dragon_binding *each = binding->full;
        binding->full = each->full;
        free(each);
    }
}

/* Fills what all kinds share; the body and, for a channel, the ring follow in the caller. Nobody else sees the object yet. */
static inline void dragon_object_init(struct dragon_process *process, struct dragon_object *object, uint64_t block, uint32_t kind, uint32_t queues)
{
    uint64_t offset = dragon_offset(process, object);
    memset((void *)object, 0, offsetof(struct dragon_object, queue) + queues * sizeof(struct dragon_queue));
    object->kind = kind;
    object->block = block;
    for (uint32_t i = 0; i < queues; i++) {
        uint64_t ring = offset + offsetof(struct dragon_object, queue) + i * sizeof(struct dragon_queue) + offsetof(struct dragon_queue, ring);
        dragon_ring_init(&object->queue[i].ring, DRAGON_QUEUE_CAPACITY, DRAGON_QUEUE_SLOT, DRAGON_GROWABLE, 0, false);
        atomic_init(&object->queue[i].head_ring, ring);
        atomic_init(&object->queue[i].tail_ring, ring);
    }
}

/* What is to be made. */
struct dragon_plan {
    uint32_t kind, role, flags;
    uint64_t value; /* semaphore: value; channel: capacity; area: size; barrier: parties */
    uint64_t limit; /* channel: bytes in flight beyond which senders are held up; 0: none */
    uint32_t detail; /* semaphore: max; channel: slot size */
};

static inline uint64_t dragon_plan_bytes(const struct dragon_plan *plan)
{
    uint32_t slots = plan->value ? (uint32_t)plan->value : 64;
    switch (plan->kind) {
    case DRAGON_CHANNEL: return offsetof(struct dragon_object, ring) + dragon_ring_bytes(slots, plan->detail);
    case DRAGON_AREA: return DRAGON_AREA_BYTES + plan->value;
    default: return offsetof(struct dragon_object, queue[1]);
    }
}

enum { DRAGON_SPARSE_BYTES = 8 << 20 }; /* from here on, memory is zeroed by giving its pages back */

/* Zeroes memory of a block in hand. Much of it is not touched: its pages are given back, which also undoes what an earlier user left in them, and come anew
 * as they are used. */
static inline void dragon_zero(uint8_t *at, uint64_t bytes, uint64_t page)
{
    uint8_t *first = (uint8_t *)(((uintptr_t)at + page - 1) & ~(uintptr_t)(page - 1)),
            *end = (uint8_t *)((uintptr_t)(at + bytes) & ~(uintptr_t)(page - 1));
    int saved = errno;
    if (bytes < DRAGON_SPARSE_BYTES || madvise(first, (size_t)(end - first), MADV_REMOVE) < 0) {
        memset(at, 0, bytes);
    } else {
        memset(at, 0, (size_t)(first - at));
        memset(end, 0, (size_t)(at + bytes - end));
    }
    errno = saved;
}

static inline void dragon_object_fill(struct dragon_process *process, struct dragon_object *object, uint64_t block, const struct dragon_plan *plan)
{
    uint64_t ring = dragon_offset(process, object) + offsetof(struct dragon_object, ring);
    dragon_object_init(process, object, block, plan->kind, plan->kind == DRAGON_CHANNEL ? 2 : plan->kind == DRAGON_AREA ? 0 : 1);
    atomic_init(&object->flags, plan->flags);
    atomic_init(&object->handles[0], plan->flags & DRAGON_ENDS && plan->role & DRAGON_SENDER ? 1 : 0);
    atomic_init(&object->handles[1], plan->flags & DRAGON_ENDS && plan->role & DRAGON_RECEIVER ? 1 : 0);
    switch (plan->kind) {
    case DRAGON_CHANNEL:
        object->channel.capacity = (uint32_t)plan->value;
        object->channel.slot_size = plan->detail;
        object->channel.limit = plan->limit;
        atomic_init(&object->channel.head_ring, ring);
        atomic_init(&object->channel.tail_ring, ring);
        dragon_ring_init(&object->ring, plan->value ? (uint32_t)plan->value : 64, plan->detail, plan->value ? 0 : DRAGON_GROWABLE, 0,
                         dragon_block_fresh(process, block));
        break;
    case DRAGON_SEMAPHORE:
        atomic_init(&object->semaphore.value, (uint32_t)plan->value);
        object->semaphore.max = plan->detail;
        break;
    case DRAGON_BARRIER: object->barrier.parties = (uint32_t)plan->value; break;
    case DRAGON_AREA:
        object->area.size = plan->value;
        dragon_zero((uint8_t *)object + DRAGON_AREA_BYTES, plan->value, process->header->page_size);
        break;
    default: break;
    }
}

/* Makes an object and binds to it. Killed before the block is PART: the sweep clears the reference and frees the block; nobody else knows of it. */
static inline int dragon_create(struct dragon_thread *thread, const struct dragon_plan *plan, struct dragon_binding *binding)
{
    struct dragon_process *process = thread->process;
    struct dragon_binding made = {.role = plan->role};
    int result = dragon_ref_reserve(thread, &made.entry);
    if (result != DRAGON_OK) return result;
    dragon_begin(thread, DRAGON_CREATE, 0);
    if ((result = dragon_block_alloc(thread, 0, dragon_plan_bytes(plan))) != DRAGON_OK) {
        dragon_ref_free(process, made.entry);
        return result;
    }
    uint64_t ref = dragon_block_ref(thread, 0);
    made.object = dragon_block_at(process, ref);
    made.offset = dragon_offset(process, made.object);
    dragon_store(&thread->record->op_object, made.offset);
    dragon_object_fill(process, made.object, ref, plan);
    made.id = (uint64_t)(process->header->node + 1) << 32 | (uint32_t)dragon_add(&process->header->next_id, 1);
    dragon_store(dragon_ref_at(process, process->entry, made.entry), made.offset | made.role | (plan->flags & DRAGON_ENDS ? DRAGON_COUNTED : 0));
    dragon_store(&made.object->state, DRAGON_LIVE);
    dragon_store(&made.object->id, made.id);
    dragon_block_store(thread, 0, DRAGON_BLOCK_PART);
    dragon_store(&thread->record->blocks[0], 0);
    dragon_end(thread);
    *binding = made;
    return DRAGON_OK;
}

/* Could there be an object at `offset`? */
static inline bool dragon_plausible(const struct dragon_process *process, uint64_t offset)
{
    return offset && offset % 64 == 0 && offset < process->header->size - sizeof(struct dragon_object);
}

/* Ends the binding; `mailer` is a second record. op_object stands until the agent has been told: killed in between, the sweep audits the object. An error of the mailbox (no memory)
 * leaves it to the next audit, at the latest to this client's end. */
static inline int dragon_unbind(struct dragon_thread *thread, struct dragon_thread *mailer, struct dragon_binding *binding)
{
    struct dragon_process *process = thread->process;
    dragon_u64 *ref = dragon_ref_at(process, process->entry, binding->entry);
    dragon_begin(thread, DRAGON_UPDATE, binding->offset);
    if (binding->object && dragon_tracks_ends(binding->object)) {
        dragon_store(ref, binding->offset | binding->role); /* the object stays, and the sweep does not count it once more */
        dragon_end_dropped(thread, binding->object, binding->role);
    }
    for (struct dragon_binding *each = binding; each; each = each->full) {
        dragon_store(dragon_ref_at(process, process->entry, each->entry), 0);
        dragon_ref_free(process, each->entry);
    }
    dragon_binding_forget(binding);
    binding->object = NULL;
    int result = dragon_mail(mailer, DRAGON_MAIL_RELEASE, binding->id, binding->offset | binding->role, 0);
    dragon_end(thread);
    return result;
}

/* Takes back a reference that proved to be to no object. Its memory may be another object by now, of which an audit has seen this reference: the agent looks
 * at it once more. Without a record for the letter, the next audit of that object does. */
static inline void dragon_bind_undo(struct dragon_thread *thread, struct dragon_binding *binding)
{
    struct dragon_process *process = thread->process;
    int result;
    struct dragon_thread *mailer = dragon_thread_take(process, thread->caller, &result);
    if (mailer) {
        dragon_unbind(thread, mailer, binding);
        dragon_thread_give(mailer);
    } else {
        dragon_store(dragon_ref_at(process, process->entry, binding->entry), 0);
        dragon_ref_free(process, binding->entry);
    }
}

/* Binds to the object `binding` names. The reference is written before the look at the id: either the agent's audit sees it, or we see that the object is
 * gone. Killed in between: the reference vanishes with its table. */
static inline int dragon_bind(struct dragon_thread *thread, struct dragon_binding *binding)
{
    struct dragon_process *process = thread->process;
    binding->object = NULL;
    if (!binding->id || !dragon_plausible(process, binding->offset)) return DRAGON_GONE;
    struct dragon_object *object = dragon_at(process, binding->offset);
    if (dragon_load(&object->id) != binding->id) return DRAGON_GONE;
    int result = dragon_ref_reserve(thread, &binding->entry);
    if (result != DRAGON_OK) return result;
    dragon_u64 *ref = dragon_ref_at(process, process->entry, binding->entry);
    dragon_store(ref, binding->offset | binding->role);
    dragon_fence();
    for (;;) { /* DYING lasts for the agent's second look */
        uint32_t state = dragon_load(&object->state);
        if (state == DRAGON_DYING && dragon_load(&object->id) == binding->id && dragon_load(&process->header->run_state) == DRAGON_RUNNING) {
            sched_yield();
            continue;
        }
        if (state == DRAGON_LIVE && dragon_load(&object->id) == binding->id) break;
        dragon_bind_undo(thread, binding);
        return DRAGON_GONE;
    }
    binding->object = object;
    if (!dragon_tracks_ends(object)) return DRAGON_OK;
    dragon_end_added(object, binding->role);
    dragon_store(ref, binding->offset | binding->role | DRAGON_COUNTED);
    return DRAGON_OK;
}

/* Is this a reference that must stay until the client's end? It counts the tasks that are in the client's hands, and others have the object, too. */
static inline bool dragon_keeps(struct dragon_process *process, const struct dragon_binding *binding)
{
    if (binding->object->kind != DRAGON_TASKS || !(dragon_load(&binding->object->flags) & DRAGON_SHARED)) return false;
    for (; binding; binding = binding->full)
        if (dragon_load(dragon_ref_at(process, process->entry, binding->entry)) >> DRAGON_TASKS_SHIFT) return true;
    return false;
}

#endif
