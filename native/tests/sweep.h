/* The sweep of a dead client and the audit of objects, read from section 8 of the spec once more, for the C tests alone: the real ones are Java's. Pins do not
 * exist here, and one process sweeps at a time. */
#ifndef DRAGON_TEST_SWEEP_H
#define DRAGON_TEST_SWEEP_H

#include "node.h"

static struct dragon_process *const sweeper = &node.agent;

static bool sweep_live(uint32_t client)
{
    return (dragon_load(&dragon_client_at(sweeper, client)->state) & 0xff) == DRAGON_CLIENT_LIVE;
}

static bool sweep_valid_ref(uint64_t hand)
{
    uint64_t s = (hand & DRAGON_REF_MASK) >> 6;
    return s > 0 && s < node.books->slabs_next && (hand & 63) < dragon_slab(sweeper, s)->blocks;
}

/* An object has an id and names a PART block that starts there. */
static struct dragon_object *sweep_object(uint64_t offset)
{
    offset &= DRAGON_OFFSET_MASK;
    if (!dragon_plausible(sweeper, offset)) return NULL;
    struct dragon_object *object = dragon_at(sweeper, offset);
    if (!dragon_load(&object->id) || !sweep_valid_ref(object->block)) return NULL;
    if (dragon_block_at(sweeper, object->block) != object) return NULL;
    return dragon_block_state(dragon_load(dragon_block_word_of(sweeper, object->block))) == DRAGON_BLOCK_PART ? object : NULL;
}

static uint32_t sweep_queues(const struct dragon_object *object)
{
    return object->kind == DRAGON_CHANNEL ? 2 : object->kind == DRAGON_AREA ? 0 : 1;
}

/* The first ring of each chain of an object; returns how many. */
static int sweep_chains(struct dragon_object *object, struct dragon_ring **first)
{
    int n = 0;
    for (uint32_t q = 0; q < sweep_queues(object); q++) first[n++] = &object->queue[q].ring;
    if (object->kind == DRAGON_CHANNEL) first[n++] = &object->ring;
    return n;
}

static struct dragon_ring *sweep_next_ring(struct dragon_ring *ring)
{
    uint64_t next = dragon_load(&ring->next);
    return next ? dragon_at(sweeper, next) : NULL;
}

static void sweep_free_word(uint64_t hand, uint64_t word)
{
    if (!dragon_cas(dragon_block_word_of(sweeper, hand), word, dragon_block_word(word >> 24, DRAGON_BLOCK_FREE, 0))) return;
    dragon_hints_set(sweeper, dragon_slab(sweeper, (hand & DRAGON_REF_MASK) >> 6), hand & 63);
}

static bool sweep_in_hand(struct dragon_client *dead, uint64_t hand)
{
    for (uint32_t r = 0; r < dragon_load(&dead->records_high); r++)
        for (int k = 0; k < DRAGON_BLOCKS_IN_HAND; k++)
            if (dragon_load(&dragon_record_at(sweeper, dead, r)->blocks[k]) == hand) return true;
    return false;
}

/* The SENT block that a slot of the dead names. */
static void sweep_slot_block(struct dragon_client *dead, struct dragon_slot *slot, bool half_written)
{
    const struct dragon_payload *payload = (const void *)slot->payload;
    uint64_t hand = payload->large.block;
    if (payload->kind_and_flags >> 24 != DRAGON_BLOCK || !sweep_valid_ref(hand) || (half_written && !sweep_in_hand(dead, hand))) return;
    uint64_t word = dragon_load(dragon_block_word_of(sweeper, hand));
    if (word == dragon_block_word(hand >> 24, DRAGON_BLOCK_SENT, 0)) sweep_free_word(hand, word);
}

static uint64_t sweep_claimed; /* messages that the dead had claimed, and not yet let go */

static void sweep_ring(struct dragon_client *dead, uint32_t number, struct dragon_ring *ring, bool messages)
{
    for (uint32_t i = 0; i < ring->capacity; i++) {
        struct dragon_slot *slot = dragon_slot_at(ring, i);
        uint64_t word = dragon_load(&slot->word);
        uint32_t state = dragon_slot_state(word);
        if ((word & DRAGON_OWNER_MASK) != number || (state != DRAGON_SLOT_WRITING && state != DRAGON_SLOT_READING)) continue;
        if (messages) sweep_slot_block(dead, slot, state == DRAGON_SLOT_WRITING);
        sweep_claimed += messages && state == DRAGON_SLOT_READING;
        if (state == DRAGON_SLOT_WRITING)
            dragon_store(&slot->word, dragon_slot_word(dragon_lap(word), DRAGON_SLOT_ABANDONED, 0));
        else
            dragon_store(&slot->word, dragon_slot_word(dragon_lap(word) + 1, DRAGON_SLOT_FREE, 0));
    }
}

static void sweep_slots(struct dragon_client *dead, uint32_t number, struct dragon_object *object)
{
    struct dragon_ring *first[3];
    int chains = sweep_chains(object, first);
    for (int c = 0; c < chains; c++)
        for (struct dragon_ring *ring = first[c]; ring; ring = sweep_next_ring(ring)) sweep_ring(dead, number, ring, first[c] == &object->ring);
}

static bool sweep_linked(struct dragon_client *dead, struct dragon_object *object, uint64_t offset)
{
    struct dragon_ring *first[3];
    int chains = object ? sweep_chains(object, first) : 0;
    for (int c = 0; c < chains; c++)
        for (struct dragon_ring *ring = first[c]; ring; ring = sweep_next_ring(ring))
            if (dragon_load(&ring->next) == offset) return true;
    for (int k = 0; k < DRAGON_REF_TABLES; k++)
        if (dragon_load(&dead->refs_ext[k]) == offset) return true;
    for (int k = 0; k < DRAGON_RECORD_TABLES; k++)
        if (dragon_load(&dead->records_ext[k]) == offset) return true;
    return false;
}

static void sweep_mend_hints(uint64_t hand)
{
    struct dragon_slab *slab = dragon_slab(sweeper, (hand & DRAGON_REF_MASK) >> 6);
    struct dragon_class *class = dragon_class(sweeper, slab->class);
    for (uint32_t m = 0; m < slab->blocks; m++)
        if (dragon_block_state(dragon_load(&slab->words[m])) == DRAGON_BLOCK_FREE) dragon_hints_set(sweeper, slab, m);
    for (uint32_t n = 0; n < dragon_load(&class->slab_count); n++) {
        uint64_t bits = dragon_load(&dragon_slab(sweeper, dragon_load(&class->slabs[n]))->free);
        if (bits) dragon_hints_set(sweeper, dragon_slab(sweeper, dragon_load(&class->slabs[n])), (uint32_t)__builtin_ctzll(bits));
    }
}

/* Step 2 for one entry: what is HELD by the dead is freed, or PART if it was linked. `over` does it for each object it may be of. */
static void sweep_block(struct dragon_client *dead, uint32_t number, uint64_t hand, bool (*linked)(struct dragon_client *, uint64_t))
{
    if (!sweep_valid_ref(hand)) return;
    sweep_mend_hints(hand);
    uint64_t word = dragon_load(dragon_block_word_of(sweeper, hand));
    if (word != dragon_block_word(hand >> 24, DRAGON_BLOCK_HELD, number)) return;
    if (linked(dead, dragon_offset(sweeper, dragon_block_at(sweeper, hand))))
        dragon_store(dragon_block_word_of(sweeper, hand), dragon_block_word(hand >> 24, DRAGON_BLOCK_PART, 0));
    else
        sweep_free_word(hand, word);
}

/* Calls `visit` for X, or for every object the dead refers to where X is 1 (several). */
static void sweep_each(struct dragon_client *dead, uint64_t x, void (*visit)(struct dragon_client *, struct dragon_object *))
{
    struct dragon_object *object;
    if (x > 1) {
        if ((object = sweep_object(x))) visit(dead, object);
        return;
    }
    for (uint32_t i = 0; x == 1 && i < dragon_load(&dead->refs_high); i++) {
        dragon_u64 *ref = dragon_ref_at(sweeper, dead, i);
        if (ref && (object = sweep_object(dragon_load(ref)))) visit(dead, object);
    }
}

static void sweep_visit_slots(struct dragon_client *dead, struct dragon_object *object)
{
    sweep_slots(dead, (uint32_t)(dead - dragon_client_at(sweeper, 0)), object);
}

/* Who dies on its way through a barrier breaks it. */
static void sweep_barrier(struct dragon_client *dead, struct dragon_object *object)
{
    uint64_t word;
    (void)dead;
    if (object->kind != DRAGON_BARRIER) return;
    do word = dragon_load(&object->barrier.word);
    while (
        !dragon_cas(&object->barrier.word, word, (word & ~(UINT64_C(3) << DRAGON_BARRIER_STATE)) | (uint64_t)DRAGON_BROKEN << DRAGON_BARRIER_STATE));
}

static uint64_t sweep_op_object;

static bool sweep_found;
static uint64_t sweep_sought;

static void sweep_visit_linked(struct dragon_client *dead, struct dragon_object *object)
{
    sweep_found |= sweep_linked(dead, object, sweep_sought);
}

static bool sweep_is_linked(struct dragon_client *dead, uint64_t offset)
{
    sweep_found = sweep_linked(dead, NULL, offset);
    sweep_sought = offset;
    sweep_each(dead, sweep_op_object, sweep_visit_linked);
    return sweep_found;
}

static bool sweep_queue_in(struct dragon_object *object, uint64_t queue)
{
    uint64_t start = dragon_offset(sweeper, object) + offsetof(struct dragon_object, queue);
    return queue >= start && queue < start + 2 * sizeof(struct dragon_queue);
}

/* Everyone who waits on the object looks again. */
static void sweep_tell(struct dragon_client *dead, struct dragon_object *object)
{
    (void)dead;
    uint64_t x = dragon_offset(sweeper, object);
    for (uint32_t c = 1; c < dragon_load(&sweeper->header->clients_high); c++) {
        struct dragon_client *client = dragon_client_at(sweeper, c);
        if (!sweep_live(c)) continue;
        for (uint32_t r = 0; r < dragon_load(&client->records_high); r++) {
            struct dragon_record *record = dragon_record_at(sweeper, client, r);
            uint64_t on = dragon_load(&record->wait_object);
            if (on != x && on != 1 && !sweep_queue_in(object, dragon_load(&record->wait_queue))) continue;
            uint32_t word = dragon_load(&record->word);
            if ((word & DRAGON_QUEUED) && dragon_wait_state(word) == DRAGON_IDLE &&
                dragon_cas32(&record->word, word, word & ~(uint32_t)DRAGON_QUEUED))
                continue;
            dragon_news(sweeper->header, record, c, r);
        }
    }
}

static int sweep_users(uint64_t offset, uint32_t roles)
{
    int users = 0;
    for (uint32_t c = 1; c < dragon_load(&sweeper->header->clients_high); c++) {
        struct dragon_client *client = dragon_client_at(sweeper, c);
        if (!sweep_live(c)) continue;
        for (uint32_t i = 0; i < dragon_load(&client->refs_high); i++) {
            dragon_u64 *ref = dragon_ref_at(sweeper, client, i);
            uint64_t value = ref ? dragon_load(ref) : 0;
            if ((value & DRAGON_OFFSET_MASK) == offset && value & roles) users++;
        }
    }
    return users;
}

static void sweep_free_part(uint64_t ref)
{
    sweep_free_word(ref, dragon_load(dragon_block_word_of(sweeper, ref)));
}

static void sweep_destroy(struct dragon_object *object)
{
    struct dragon_ring *first[3];
    int chains = sweep_chains(object, first);
    dragon_store(&object->id, 0);
    dragon_store(&object->state, DRAGON_DEAD);
    for (int c = 0; c < chains; c++) {
        for (struct dragon_ring *ring = first[c], *next; ring; ring = next) {
            next = sweep_next_ring(ring);
            for (uint32_t i = 0; first[c] == &object->ring && i < ring->capacity; i++) {
                struct dragon_payload *payload = (void *)dragon_slot_at(ring, i)->payload;
                if (dragon_slot_state(dragon_load(&dragon_slot_at(ring, i)->word)) == DRAGON_SLOT_READY &&
                    payload->kind_and_flags >> 24 == DRAGON_BLOCK)
                    sweep_free_part(payload->large.block);
            }
            if (ring->block) sweep_free_part(ring->block);
        }
    }
    sweep_free_part(object->block);
}

/* Frees the object if nobody is bound to it; closes the ends that nobody holds. */
static void sweep_audit(uint64_t offset)
{
    struct dragon_object *object = sweep_object(offset);
    offset &= DRAGON_OFFSET_MASK;
    if (!object) return;
    if (dragon_load(&object->flags) & DRAGON_ENDS) {
        uint32_t closed = 0;
        if (!sweep_users(offset, DRAGON_SENDER)) closed |= DRAGON_NO_SENDERS;
        if (!sweep_users(offset, DRAGON_RECEIVER)) closed |= DRAGON_NO_RECEIVERS;
        if (closed & ~dragon_load(&object->closed)) {
            dragon_set_bits(&object->closed, closed);
            sweep_tell(NULL, object);
        }
    }
    if (sweep_users(offset, DRAGON_ROLES) || !dragon_cas32(&object->state, DRAGON_LIVE, DRAGON_DYING)) return;
    if (sweep_users(offset, DRAGON_ROLES))
        dragon_store(&object->state, DRAGON_LIVE);
    else
        sweep_destroy(object);
}

/* An object in the making: the reference goes, and it was none if its block is still HELD. */
static void sweep_create(struct dragon_client *dead, uint64_t x)
{
    for (uint32_t i = 0; i < dragon_load(&dead->refs_high); i++) {
        dragon_u64 *ref = dragon_ref_at(sweeper, dead, i);
        if (ref && (dragon_load(ref) & DRAGON_OFFSET_MASK) == x) dragon_store(ref, 0);
    }
}

static void sweep_record(struct dragon_client *dead, uint32_t number, struct dragon_record *record)
{
    uint64_t x = dragon_load(&record->op_object);
    sweep_op_object = x;
    if (dragon_load(&record->op) == DRAGON_CREATE && x)
        sweep_create(dead, x);
    else
        sweep_each(dead, x, sweep_visit_slots);
    if (x > 1) sweep_each(dead, x, sweep_barrier);
    for (int k = 0; k < DRAGON_BLOCKS_IN_HAND; k++) {
        uint64_t hand = dragon_load(&record->blocks[k]);
        if (hand) sweep_block(dead, number, hand, sweep_is_linked);
    }
    uint32_t word = dragon_load(&record->word);
    uint32_t bare = ((dragon_generation(word) + 1) & DRAGON_GENERATION_MASK) << 5 | DRAGON_IDLE;
    while (!dragon_cas32(&record->word, word, bare)) word = dragon_load(&record->word);
    if (x || dragon_wait_state(word) == DRAGON_CHOSEN) {
        uint64_t on = dragon_load(&record->wait_object);
        dragon_fence();
        sweep_each(dead, x, sweep_tell);
        if (on != x) sweep_each(dead, on, sweep_tell);
    }
}

/* What the dead had in hand: left to others if it ended in order, else done with, and lost, but for what others said to be done. Of those that it was just claiming or doing only
 * those are lost whose message it had claimed. */
static void sweep_tasks(struct dragon_client *dead, struct dragon_object *object, uint64_t reference)
{
    bool orderly = dragon_load(&dead->flags) & DRAGON_ORDERLY;
    uint64_t in_hand = dragon_tasks_sure(reference), opened = dragon_tasks_opened(reference);
    if (!orderly) {
        if (opened > sweep_claimed) opened = sweep_claimed;
        sweep_claimed -= opened;
        in_hand += opened;
    }
    uint64_t word;
    int64_t change;
    do {
        word = dragon_load(&object->tasks.word);
        int64_t ahead = dragon_tasks_balance(word) < 0 ? -dragon_tasks_balance(word) : 0;
        change = orderly || ahead > (int64_t)in_hand ? (int64_t)in_hand : ahead;
    } while (!dragon_cas(&object->tasks.word, word, dragon_tasks_word(word, 1, change)));
    if (!orderly) dragon_add(&object->tasks.lost, in_hand - (uint64_t)change);
}

/* One handle of an end fewer, and perhaps none. */
static void sweep_end(struct dragon_client *dead, struct dragon_object *object, uint32_t role)
{
    uint32_t closed = 0;
    if (role & DRAGON_SENDER && dragon_add(&object->handles[0], UINT32_MAX) == 1) closed |= DRAGON_NO_SENDERS;
    if (role & DRAGON_RECEIVER && dragon_add(&object->handles[1], UINT32_MAX) == 1) closed |= DRAGON_NO_RECEIVERS;
    if (!closed) return;
    dragon_set_bits(&object->closed, closed);
    sweep_tell(dead, object);
}

static void sweep_reference(struct dragon_client *dead, uint32_t number, dragon_u64 *ref)
{
    uint64_t value = dragon_load(ref);
    struct dragon_object *object = sweep_object(value);
    if (object && (object->kind == DRAGON_LOCK || object->kind == DRAGON_RLOCK) && !(dragon_load(&dead->flags) & DRAGON_ORDERLY)) {
        uint64_t owner = dragon_load(&object->lock.owner);
        if (owner != DRAGON_LOCK_DIED && owner >> 32 == number) {
            dragon_store(&object->lock.count, 0);
            dragon_store(&object->lock.owner, DRAGON_LOCK_DIED);
            dragon_fence();
            sweep_tell(dead, object);
        }
    }
    bool tasks = object && object->kind == DRAGON_TASKS;
    if (tasks) sweep_tasks(dead, object, value);
    dragon_store(ref, 0);
    dragon_fence();
    if (object && value & DRAGON_COUNTED && dragon_tracks_ends(object)) sweep_end(dead, object, (uint32_t)value);
    if (tasks) sweep_tell(dead, object);
    if (object) sweep_audit(value);
}

/* Repairs everything client `number`, which is dead, has left, and makes its number free. */
static void sweep(uint32_t number)
{
    struct dragon_client *dead = dragon_client_at(sweeper, number);
    uint64_t state = dragon_load(&dead->state), audits[512];
    uint32_t records = dragon_load(&dead->records_high), count = 0;
    sweep_claimed = 0;
    dragon_store(&dead->state, (state & ~UINT64_C(0xff)) | DRAGON_CLIENT_SWEEPING);
    for (uint32_t r = 0; r < records; r++) {
        struct dragon_record *record = dragon_record_at(sweeper, dead, r);
        uint64_t x = dragon_load(&record->op_object);
        if (x > 1 && count < 512) audits[count++] = x;
        sweep_record(dead, number, record);
    }
    for (uint32_t i = 0; i < dragon_load(&dead->refs_high); i++) {
        dragon_u64 *ref = dragon_ref_at(sweeper, dead, i);
        if (ref && dragon_load(ref)) sweep_reference(dead, number, ref);
    }
    while (count) sweep_audit(audits[--count]);
    for (int k = 0; k < DRAGON_REF_TABLES; k++) {
        uint64_t table = dragon_load(&dead->refs_ext[k]);
        for (uint64_t s = 1; table && s < node.books->slabs_next; s++) {
            struct dragon_slab *slab = dragon_slab(sweeper, s);
            uint64_t size = dragon_class(sweeper, slab->class)->size;
            if (table >= slab->base && table < slab->base + size * slab->blocks) sweep_free_part(s << 6 | (table - slab->base) / size);
        }
        dragon_store(&dead->refs_ext[k], 0);
    }
    for (uint32_t r = 0; r < records; r++) {
        struct dragon_record *record = dragon_record_at(sweeper, dead, r);
        dragon_store(&record->op_object, 0);
        for (int k = 0; k < DRAGON_BLOCKS_IN_HAND; k++) dragon_store(&record->blocks[k], 0);
        dragon_store(&record->wait_object, 0);
        dragon_store(&record->wait_queue, 0);
    }
    dragon_store(&dead->flags, 0);
    dragon_store(&dead->refs_high, 0);
    dragon_store(&dead->state, ((state >> 8) + 1) << 8 | DRAGON_CLIENT_FREE);
}

#endif
