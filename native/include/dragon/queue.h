/* The wait queue (spec, section 6): who waits on an object. It holds waiter references, of which any may be stale; a chooser takes them in turn until
 * one proves live. Also the chain of rings, which wait queues and unbounded channels share. */
#ifndef DRAGON_QUEUE_H
#define DRAGON_QUEUE_H

#include "ring.h"
#include "wake.h"

enum { DRAGON_SMALL_RING = 4096 };

/* The capacity of the ring that follows one. */
static inline uint32_t dragon_grown(uint32_t capacity)
{
    uint64_t grown = (uint64_t)capacity * (capacity < DRAGON_SMALL_RING ? 4 : 2);
    return grown < DRAGON_MAX_RING ? (uint32_t)grown : DRAGON_MAX_RING;
}

/* Appends a larger ring to `ring`, which is full. Of several that do so at once the first wins; who comes later sees it before its own is filled, mostly.
 * Killed before the link: the sweep frees the block; after it: the sweep makes it PART. */
static inline int dragon_chain_grow(struct dragon_thread *thread, struct dragon_ring *ring)
{
    uint32_t capacity = dragon_grown(ring->capacity);
    int result = dragon_block_alloc(thread, 1, dragon_ring_bytes(capacity, ring->slot_size));
    if (result != DRAGON_OK) return result;
    uint64_t ref = dragon_block_ref(thread, 1);
    struct dragon_ring *grown = dragon_block_at(thread->process, ref);
    bool first = !dragon_load(&ring->next);
    if (first) dragon_ring_init(grown, capacity, ring->slot_size, DRAGON_GROWABLE, ref, dragon_block_fresh(thread->process, ref));
    if (first && dragon_cas(&ring->next, 0, dragon_offset(thread->process, grown))) {
        dragon_block_store(thread, 1, DRAGON_BLOCK_PART);
        dragon_store(&thread->record->blocks[1], 0);
    } else {
        dragon_block_free(thread, 1);
    }
    return DRAGON_OK;
}

/* Claims a slot to send in, going along the chain. DRAGON_AGAIN: the last ring is full (`p->ring` is that ring). */
static inline int dragon_chain_try_send(struct dragon_thread *thread, dragon_u64 *tail_ring, struct dragon_position *p)
{
    uint64_t offset = dragon_load(tail_ring);
    for (;;) {
        struct dragon_ring *ring = dragon_at(thread->process, offset);
        uint64_t next = dragon_load(&ring->next);
        int result = next ? DRAGON_MOVED : dragon_ring_claim_send(thread, ring, p);
        if (result != DRAGON_MOVED) return result;
        offset = next ? next : dragon_load(&ring->next);
        dragon_store(tail_ring, offset);
    }
}

/* As above; a growable chain grows when it is full. */
static inline int dragon_chain_claim_send(struct dragon_thread *thread, dragon_u64 *tail_ring, struct dragon_position *p)
{
    for (;;) {
        int result = dragon_chain_try_send(thread, tail_ring, p);
        if (result != DRAGON_AGAIN || !(p->ring->flags & DRAGON_GROWABLE)) return result;
        if ((result = dragon_chain_grow(thread, p->ring)) != DRAGON_OK) return result;
    }
}

static inline int dragon_chain_claim_receive(struct dragon_thread *thread, dragon_u64 *head_ring, struct dragon_position *p)
{
    uint64_t offset = dragon_load(head_ring);
    for (;;) {
        struct dragon_ring *ring = dragon_at(thread->process, offset);
        int result = dragon_ring_claim_receive(thread, ring, p);
        if (result != DRAGON_MOVED) return result;
        offset = dragon_load(&ring->next);
        dragon_store(head_ring, offset);
    }
}

/* DRAGON_OK: a message is ready, at `p`; DRAGON_AGAIN: empty; DRAGON_PENDING: see dragon_ring_peek. */
static inline int dragon_chain_peek(const struct dragon_process *process, dragon_u64 *head_ring, struct dragon_position *p, uint64_t *word)
{
    uint64_t offset = dragon_load(head_ring);
    for (;;) {
        struct dragon_ring *ring = dragon_at(process, offset);
        int result = dragon_ring_peek(ring, p, word);
        if (result != DRAGON_MOVED) return result;
        offset = dragon_load(&ring->next);
    }
}

/* Waiter references: client << 46 | record << 27 | generation. */
static inline uint64_t dragon_waiter(const struct dragon_thread *thread, uint32_t generation)
{
    return (uint64_t)thread->process->number << 46 | (uint64_t)thread->index << 27 | generation;
}

static inline struct dragon_record *dragon_waiter_record(const struct dragon_process *process, uint64_t waiter)
{
    uint32_t number = (uint32_t)(waiter >> 46);
    if (number >= process->header->clients_capacity) return NULL;
    return dragon_record_at(process, dragon_client_at(process, number), (uint32_t)(waiter >> 27) & 0x7ffff);
}

/* Stale references stay so: their record has another generation, or is no longer QUEUED. */
static inline bool dragon_waiter_stale(const struct dragon_process *process, uint64_t waiter)
{
    struct dragon_record *record = dragon_waiter_record(process, waiter);
    uint32_t word = record ? dragon_load(&record->word) : 0;
    return !record || dragon_generation(word) != (waiter & DRAGON_GENERATION_MASK) || !(word & DRAGON_QUEUED);
}

static inline dragon_u64 *dragon_slot_waiter(struct dragon_slot *slot)
{
    return (dragon_u64 *)(void *)slot->payload;
}

/* Receives one reference. Killed with it in hand: the sweep tells everyone who waits on the object. */
static inline bool dragon_queue_receive(struct dragon_thread *thread, struct dragon_queue *queue, uint64_t *waiter)
{
    struct dragon_position p;
    if (dragon_chain_claim_receive(thread, &queue->head_ring, &p) != DRAGON_OK) return false;
    *waiter = dragon_peek(dragon_slot_waiter(p.slot));
    dragon_slot_release(&p);
    dragon_add(&queue->waiting, (uint32_t)-1);
    return true;
}

/* Makes one waiter CHOSEN and wakes it. False: there was none. Killed in between: the sweep tells everyone who waits on the object. */
static inline bool dragon_choose(struct dragon_thread *thread, struct dragon_queue *queue)
{
    uint64_t waiter;
    while (dragon_look(&queue->waiting) && dragon_queue_receive(thread, queue, &waiter)) {
        struct dragon_record *record = dragon_waiter_record(thread->process, waiter);
        if (record && dragon_choose_record(thread->process, waiter, record)) return true;
    }
    return false;
}

/* Chooses as many as there were at the start. */
static inline uint32_t dragon_choose_all(struct dragon_thread *thread, struct dragon_queue *queue, uint32_t most)
{
    uint32_t chosen = 0, present = dragon_look(&queue->waiting);
    while (chosen < present && chosen < most && dragon_choose(thread, queue)) chosen++;
    return chosen;
}

/* Drops stale references at the head, up to four: polling with a time limit leaves no litter. The slot is claimed by CAS from the very word that was
 * looked at, so that no live reference is dropped. */
static inline void dragon_queue_drop_stale(struct dragon_thread *thread, struct dragon_queue *queue)
{
    for (int i = 0; i < 4 && dragon_load(&queue->waiting); i++) {
        struct dragon_position p;
        uint64_t word;
        if (dragon_chain_peek(thread->process, &queue->head_ring, &p, &word) != DRAGON_OK) return;
        if (!dragon_waiter_stale(thread->process, dragon_peek(dragon_slot_waiter(p.slot)))) return;
        if (!dragon_cas(&p.slot->word, word, dragon_slot_word(p.lap, DRAGON_SLOT_READING, thread->process->number))) return;
        dragon_slot_release(&p);
        dragon_add(&queue->waiting, (uint32_t)-1);
    }
}

static inline void dragon_queue_put(const struct dragon_position *p, uint64_t waiter)
{
    DRAGON_STEP();
    atomic_store_explicit(dragon_slot_waiter(p->slot), waiter, memory_order_relaxed);
    dragon_publish(p);
}

/* Receives all references and sends the live ones back. One that cannot be sent back is chosen: it looks again and queues itself anew. */
static inline void dragon_queue_rotate(struct dragon_thread *thread, struct dragon_queue *queue, uint32_t count)
{
    uint64_t waiter;
    while (count-- && dragon_queue_receive(thread, queue, &waiter)) {
        struct dragon_position p;
        if (dragon_waiter_stale(thread->process, waiter)) continue;
        dragon_add(&queue->waiting, 1);
        if (dragon_chain_try_send(thread, &queue->tail_ring, &p) == DRAGON_OK) {
            dragon_queue_put(&p, waiter);
        } else {
            dragon_add(&queue->waiting, (uint32_t)-1);
            dragon_choose_record(thread->process, waiter, dragon_waiter_record(thread->process, waiter));
        }
    }
}

/* Worth rotating: is at least a quarter of the full ring stale? */
static inline bool dragon_queue_littered(const struct dragon_process *process, struct dragon_ring *ring)
{
    uint32_t stale = 0;
    for (uint32_t i = 0; i < ring->capacity; i++) {
        struct dragon_slot *slot = dragon_slot_at(ring, i);
        if (dragon_slot_state(dragon_load(&slot->word)) == DRAGON_SLOT_READY)
            stale += dragon_waiter_stale(process, dragon_peek(dragon_slot_waiter(slot)));
    }
    return stale * 4 >= ring->capacity;
}

/* Puts a reference to the caller's record, which is PARKED already, into the queue. The caller tries once more afterwards, since while this runs other
 * waiters may have been hidden from choosers. */
static inline int dragon_enqueue(struct dragon_thread *thread, struct dragon_queue *queue, uint64_t waiter)
{
    struct dragon_position p;
    dragon_queue_drop_stale(thread, queue);
    dragon_add(&queue->waiting, 1);
    int result = dragon_chain_try_send(thread, &queue->tail_ring, &p);
    if (result == DRAGON_AGAIN) {
        if (dragon_queue_littered(thread->process, p.ring)) dragon_queue_rotate(thread, queue, p.ring->capacity);
        result = dragon_chain_claim_send(thread, &queue->tail_ring, &p);
    }
    if (result == DRAGON_OK)
        dragon_queue_put(&p, waiter);
    else
        dragon_add(&queue->waiting, (uint32_t)-1);
    return result;
}

/* How many references of the chain are to threads that sleep; for information. */
static inline uint32_t dragon_queue_parked(const struct dragon_process *process, struct dragon_queue *queue)
{
    uint32_t parked = 0;
    for (uint64_t offset = dragon_load(&queue->head_ring); offset;) {
        struct dragon_ring *ring = dragon_at(process, offset);
        for (uint32_t i = 0; i < ring->capacity; i++) {
            struct dragon_slot *slot = dragon_slot_at(ring, i);
            if (dragon_slot_state(dragon_load(&slot->word)) != DRAGON_SLOT_READY) continue;
            uint64_t waiter = dragon_peek(dragon_slot_waiter(slot));
            if (dragon_waiter_stale(process, waiter)) continue;
            parked += dragon_wait_state(dragon_load(&dragon_waiter_record(process, waiter)->word)) == DRAGON_PARKED;
        }
        offset = dragon_load(&ring->next);
    }
    return parked;
}

#endif
