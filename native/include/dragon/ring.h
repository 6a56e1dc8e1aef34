/* The ring (spec, section 5): a FIFO of slots with many senders and many receivers, and the chain of ever larger rings it grows into.
 * A slot's word carries the number of the client that has it in hand: killed there, the agent's sweep abandons (WRITING) or frees (READING) it.
 * tail and head are hints that never run ahead of the claims, so a store to them that never came, or came late, costs a walk and nothing else. */
#ifndef DRAGON_RING_H
#define DRAGON_RING_H

#include "thread.h"

static inline uint64_t dragon_slot_word(uint64_t lap, uint32_t state, uint32_t owner)
{
    return lap << 21 | (uint64_t)state << 18 | owner;
}

static inline uint64_t dragon_lap(uint64_t word)
{
    return word >> 21;
}

static inline uint32_t dragon_slot_state(uint64_t word)
{
    return (uint32_t)(word >> 18) & 7;
}

static inline struct dragon_slot *dragon_slot_at(struct dragon_ring *ring, uint64_t index)
{
    return (struct dragon_slot *)((uint8_t *)(ring + 1) + index * ring->slot_size);
}

/* A place in a ring: lap and index of a position, and the slot there. */
struct dragon_position {
    struct dragon_ring *ring;
    uint64_t lap, index;
    struct dragon_slot *slot;
};

static inline struct dragon_position dragon_position(struct dragon_ring *ring, uint64_t position)
{
    uint64_t index = position & ((UINT64_C(1) << ring->index_bits) - 1);
    return (struct dragon_position){ring, position >> ring->index_bits, index, dragon_slot_at(ring, index)};
}

static inline void dragon_next(struct dragon_position *p)
{
    if (++p->index == p->ring->capacity) {
        p->index = 0;
        p->lap++;
    }
    p->slot = dragon_slot_at(p->ring, p->index);
}

/* The slot was found `lap` laps on: what was looked for is past, the next position of its lap before is the next that may not be. */
static inline void dragon_catch_up(struct dragon_position *p, uint64_t word)
{
    p->lap = dragon_lap(word) - 1;
    dragon_next(p);
}

static inline uint64_t dragon_following(struct dragon_position p)
{
    dragon_next(&p);
    return p.lap << p.ring->index_bits | p.index;
}

static inline uint32_t dragon_index_bits(uint32_t capacity)
{
    return capacity <= 1 ? 0 : 32 - (uint32_t)__builtin_clz(capacity - 1);
}

static inline uint64_t dragon_ring_bytes(uint32_t capacity, uint32_t slot_size)
{
    return sizeof(struct dragon_ring) + (uint64_t)capacity * slot_size;
}

/* Fills a ring that nobody else can see yet: everything zero but its constants. `fresh` memory is zero already, and its pages come as they are used. */
static inline void dragon_ring_init(struct dragon_ring *ring, uint32_t capacity, uint32_t slot_size, uint32_t flags, uint64_t block, bool fresh)
{
    memset((void *)ring, 0, sizeof *ring);
    ring->capacity = capacity;
    ring->index_bits = dragon_index_bits(capacity);
    ring->slot_size = slot_size;
    ring->flags = flags;
    ring->block = block;
    for (uint32_t i = 0; i < capacity && !fresh; i++) atomic_init(&dragon_slot_at(ring, i)->word, 0);
}

/* Claims the next free slot: WRITING(me). DRAGON_AGAIN: full; DRAGON_MOVED: closed here, go on in `next`. */
static inline int dragon_ring_claim_send(struct dragon_thread *thread, struct dragon_ring *ring, struct dragon_position *p)
{
    *p = dragon_position(ring, dragon_peek(&ring->tail));
    for (;;) {
        uint64_t word = dragon_load(&p->slot->word), lap = dragon_lap(word);
        uint32_t state = dragon_slot_state(word);
        if (lap == p->lap && state == DRAGON_SLOT_FREE) {
            if (!dragon_cas(&p->slot->word, word, dragon_slot_word(lap, DRAGON_SLOT_WRITING, thread->process->number))) continue;
            dragon_hint(&ring->tail, dragon_following(*p));
            return DRAGON_OK;
        }
        if (lap == p->lap) {
            if (state == DRAGON_SLOT_CLOSED) return DRAGON_MOVED;
            dragon_next(p);
        } else if (lap > p->lap) {
            dragon_catch_up(p, word);
        } else if (state == DRAGON_SLOT_ABANDONED && lap == p->lap - 1) {
            /* A dead sender's, a lap old: every earlier position is past, so nobody can miss it. */
            dragon_cas(&p->slot->word, word, dragon_slot_word(p->lap, DRAGON_SLOT_FREE, 0));
        } else {
            return DRAGON_AGAIN;
        }
    }
}

/* Could a message be sent? The walk of dragon_ring_claim_send without its CAS. */
static inline bool dragon_ring_room(struct dragon_ring *ring)
{
    struct dragon_position p = dragon_position(ring, dragon_peek(&ring->tail));
    for (;;) {
        uint64_t word = dragon_load(&p.slot->word), lap = dragon_lap(word);
        uint32_t state = dragon_slot_state(word);
        if (lap > p.lap)
            dragon_catch_up(&p, word);
        else if (lap < p.lap)
            return state == DRAGON_SLOT_ABANDONED && lap == p.lap - 1;
        else if (state == DRAGON_SLOT_FREE || state == DRAGON_SLOT_CLOSED)
            return true;
        else
            dragon_next(&p);
    }
}

/* Makes a claimed slot's message visible, with a full fence after it. Killed before: ABANDONED by the sweep; after: delivered. */
static inline void dragon_publish(const struct dragon_position *p)
{
    dragon_exchange(&p->slot->word, dragon_slot_word(p->lap, DRAGON_SLOT_READY, 0));
}

/* Claims the oldest message: READING(me). DRAGON_AGAIN: empty; DRAGON_MOVED: go on in `next`. */
static inline int dragon_ring_claim_receive(struct dragon_thread *thread, struct dragon_ring *ring, struct dragon_position *p)
{
    *p = dragon_position(ring, dragon_peek(&ring->head));
    for (;;) {
        uint64_t word = dragon_load(&p->slot->word), lap = dragon_lap(word);
        if (lap > p->lap) {
            dragon_catch_up(p, word);
            continue;
        }
        if (lap < p->lap) return DRAGON_AGAIN; /* still being read, a lap behind */
        switch (dragon_slot_state(word)) {
        case DRAGON_SLOT_READY:
            if (!dragon_cas(&p->slot->word, word, dragon_slot_word(lap, DRAGON_SLOT_READING, thread->process->number))) continue;
            dragon_hint(&ring->head, dragon_following(*p));
            return DRAGON_OK;
        case DRAGON_SLOT_ABANDONED:
            if (!dragon_cas(&p->slot->word, word, dragon_slot_word(lap + 1, DRAGON_SLOT_FREE, 0))) continue;
            dragon_next(p);
            dragon_hint(&ring->head, p->lap << ring->index_bits | p->index);
            continue;
        case DRAGON_SLOT_READING: dragon_next(p); continue;
        case DRAGON_SLOT_FREE:
            if (!(ring->flags & DRAGON_GROWABLE) || !dragon_load(&ring->next)) return DRAGON_AGAIN;
            dragon_cas(&p->slot->word, word, dragon_slot_word(lap, DRAGON_SLOT_CLOSED, 0));
            continue;
        case DRAGON_SLOT_CLOSED: return DRAGON_MOVED;
        default: /* WRITING: its sender will publish it and wake */ return DRAGON_AGAIN;
        }
    }
}

/* Is a message ready? The walk of dragon_ring_claim_receive without its CAS; `*slot_word` and `*p` then name it. DRAGON_PENDING: no, but it is not the
 * end of a closed channel either: a slot is being written, or the slot to look at is still being read while the next ring has messages. */
static inline int dragon_ring_peek(struct dragon_ring *ring, struct dragon_position *p, uint64_t *slot_word)
{
    *p = dragon_position(ring, dragon_peek(&ring->head));
    for (;;) {
        uint64_t word = *slot_word = dragon_load(&p->slot->word), lap = dragon_lap(word);
        if (lap > p->lap) {
            dragon_catch_up(p, word);
            continue;
        }
        if (lap < p->lap) return dragon_load(&ring->next) ? DRAGON_PENDING : DRAGON_AGAIN;
        switch (dragon_slot_state(word)) {
        case DRAGON_SLOT_READY: return DRAGON_OK;
        case DRAGON_SLOT_CLOSED: return DRAGON_MOVED;
        case DRAGON_SLOT_FREE: return (ring->flags & DRAGON_GROWABLE) && dragon_load(&ring->next) ? DRAGON_MOVED : DRAGON_AGAIN;
        case DRAGON_SLOT_WRITING: return DRAGON_PENDING;
        default: dragon_next(p);
        }
    }
}

/* Gives a read slot back. Killed before: freed by the sweep, and that message is lost with its reader. */
static inline void dragon_slot_release(const struct dragon_position *p)
{
    dragon_store(&p->slot->word, dragon_slot_word(p->lap + 1, DRAGON_SLOT_FREE, 0));
}

/* Messages in the ring, exact when nobody is at work in it. */
static inline uint64_t dragon_ring_count(struct dragon_ring *ring)
{
    struct dragon_position tail = dragon_position(ring, dragon_peek(&ring->tail)), head = dragon_position(ring, dragon_peek(&ring->head));
    for (uint64_t word; dragon_lap(word = dragon_load(&tail.slot->word)) >= tail.lap && dragon_slot_state(word) != DRAGON_SLOT_CLOSED;) {
        if (dragon_lap(word) > tail.lap)
            dragon_catch_up(&tail, word);
        else if (dragon_slot_state(word) == DRAGON_SLOT_FREE)
            break;
        else
            dragon_next(&tail);
    }
    for (uint64_t word; dragon_lap(word = dragon_load(&head.slot->word)) >= head.lap && dragon_slot_state(word) != DRAGON_SLOT_CLOSED;) {
        if (dragon_lap(word) > head.lap)
            dragon_catch_up(&head, word);
        else if (dragon_slot_state(word) != DRAGON_SLOT_READING && dragon_slot_state(word) != DRAGON_SLOT_ABANDONED)
            break;
        else
            dragon_next(&head);
    }
    uint64_t sent = tail.lap * ring->capacity + tail.index, taken = head.lap * ring->capacity + head.index;
    return sent > taken ? sent - taken : 0;
}

#endif
