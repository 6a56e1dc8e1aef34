/* The channel (spec, section 9): a FIFO of messages in shared memory, many senders, many receivers, bounded or growing. A small message lies in its slot,
 * a large one in a block whose reference the slot carries. */
#ifndef DRAGON_CHANNEL_H
#define DRAGON_CHANNEL_H

#include "wait.h"

#include <sys/uio.h>

enum { DRAGON_RECEIVERS, DRAGON_SENDERS }; /* the channel's two wait queues */
#define DRAGON_FLAGS_MASK UINT32_C(0xffffff)

struct dragon_outgoing {
    struct dragon_object *channel;
    const struct iovec *parts;
    uint32_t count, flags;
    uint64_t length;
    bool large; /* the bytes lie in blocks[0] already */
    bool weighed; /* result: after this one the sender should look how much is in flight (dragon_channel_settle) */
};

struct dragon_binding;

struct dragon_incoming {
    struct dragon_object *channel;
    const struct dragon_binding *tasks; /* dragon_tasks_receive: what counts them */
    dragon_u64 *open; /* and the reference in which this one is open until it is claimed; else NULL */
    uint32_t flags;
    uint64_t length;
    const uint8_t *bytes; /* the thread's own, or in a block that dragon_message_done frees */
    bool large;
};

enum { DRAGON_WEIGHED = 64 }; /* small messages between two looks at how much is in flight */

static inline void dragon_gather(struct dragon_process *process, uint8_t *to, const struct dragon_outgoing *message)
{
    for (uint32_t i = 0; i < message->count; i++) {
        dragon_copy_in(process, to, message->parts[i].iov_base, message->parts[i].iov_len);
        to += message->parts[i].iov_len;
    }
}

static inline uint64_t dragon_channel_inline(const struct dragon_object *channel)
{
    return channel->channel.slot_size - DRAGON_SLOT_OVERHEAD;
}

/* A sender that may go in goes: passes on to the next sender, if one waits. */
static inline void dragon_channel_chain_senders(struct dragon_thread *thread, struct dragon_object *channel)
{
    if (!channel->channel.capacity || !dragon_look(&channel->queue[DRAGON_SENDERS].waiting)) return;
    if (dragon_ring_room(&channel->ring)) dragon_choose(thread, &channel->queue[DRAGON_SENDERS]);
}

/* Claim, write, publish, wake. Killed with the slot WRITING: it is abandoned, and the block it names, if any, is freed. */
static inline int dragon_try_send(struct dragon_thread *thread, void *argument)
{
    struct dragon_outgoing *message = argument;
    struct dragon_object *channel = message->channel;
    struct dragon_position p;
    if (dragon_load(&channel->closed) & (DRAGON_NO_RECEIVERS | DRAGON_CLOSED_BY_CALL)) return DRAGON_CLOSED;
    int result = dragon_chain_claim_send(thread, &channel->channel.tail_ring, &p);
    if (result != DRAGON_OK) return result;
    if (dragon_load(&channel->closed) & (DRAGON_NO_RECEIVERS | DRAGON_CLOSED_BY_CALL)) {
        dragon_exchange(&p.slot->word, dragon_slot_word(p.lap, DRAGON_SLOT_ABANDONED, 0));
        dragon_choose(thread, &channel->queue[DRAGON_RECEIVERS]);
        return DRAGON_CLOSED;
    }
    message->weighed = channel->channel.limit && (message->large || p.index % DRAGON_WEIGHED == 0);
    struct dragon_payload *payload = (void *)p.slot->payload;
    payload->length = (uint32_t)message->length;
    payload->kind_and_flags = (message->large ? DRAGON_BLOCK : DRAGON_INLINE) << 24 | message->flags;
    if (message->large) {
        payload->large.block = dragon_peek(&thread->record->blocks[0]);
        payload->large.length = message->length;
        dragon_block_store(thread, 0, DRAGON_BLOCK_SENT);
    } else {
        dragon_gather(thread->process, payload->bytes, message);
    }
    dragon_publish(&p);
    if (message->large) dragon_store(&thread->record->blocks[0], 0);
    if (dragon_look(&channel->queue[DRAGON_RECEIVERS].waiting)) dragon_choose(thread, &channel->queue[DRAGON_RECEIVERS]);
    dragon_channel_chain_senders(thread, channel);
    return DRAGON_OK;
}

/* Sends all parts as one message. Large: copied into a block before anything is claimed, so that nobody waits for the copy. */
static inline int dragon_channel_send(struct dragon_thread *thread, struct dragon_outgoing *message, int64_t deadline)
{
    struct dragon_object *channel = message->channel;
    uint64_t offset = dragon_offset(thread->process, channel);
    struct dragon_place place = {offset, dragon_load(&channel->id), &channel->queue[DRAGON_SENDERS]};
    struct dragon_wait wait = {.try = dragon_try_send, .argument = message, .deadline = deadline, .places = &place, .count = 1};
    int result = DRAGON_OK;
    dragon_begin(thread, DRAGON_SEND, offset);
    message->large = message->length > dragon_channel_inline(channel);
    if (message->large && deadline == DRAGON_NO_WAIT && channel->channel.capacity && !dragon_ring_room(&channel->ring))
        result = DRAGON_TIMEOUT;
    else if (message->large && (result = dragon_block_alloc(thread, 0, message->length)) == DRAGON_OK)
        dragon_gather(thread->process, dragon_block_at(thread->process, dragon_block_ref(thread, 0)), message);
    if (result == DRAGON_OK) {
        result = dragon_wait(thread, &wait);
        if (result != DRAGON_OK && message->large) dragon_block_free(thread, 0);
    }
    dragon_end(thread);
    return result;
}

/* Senders wait for less to be in flight: is it time for them to look? Not at each small message, but at the last. */
static inline bool dragon_channel_lighter(struct dragon_thread *thread, const struct dragon_incoming *message, uint64_t index)
{
    struct dragon_position p;
    uint64_t word;
    return message->large || index % DRAGON_WEIGHED == 0 ||
           dragon_chain_peek(thread->process, &message->channel->channel.head_ring, &p, &word) != DRAGON_OK;
}

/* Claim, copy out or take the block, free the slot, wake. Killed with the slot READING: it is freed, with its block; later: the block stands in blocks[0]. */
static inline int dragon_try_receive(struct dragon_thread *thread, void *argument)
{
    struct dragon_incoming *message = argument;
    struct dragon_object *channel = message->channel;
    struct dragon_position p;
    uint64_t word;
    uint32_t closed = dragon_load(&channel->closed) & (DRAGON_NO_SENDERS | DRAGON_CLOSED_BY_CALL);
    while (dragon_chain_claim_receive(thread, &channel->channel.head_ring, &p) != DRAGON_OK) {
        if (!closed) return DRAGON_AGAIN;
        int state = dragon_chain_peek(thread->process, &channel->channel.head_ring, &p, &word);
        if (state != DRAGON_OK) return state == DRAGON_AGAIN ? DRAGON_CLOSED : DRAGON_AGAIN;
    }
    const struct dragon_payload *payload = (const void *)p.slot->payload;
    message->flags = payload->kind_and_flags & DRAGON_FLAGS_MASK;
    message->large = payload->kind_and_flags >> 24 == DRAGON_BLOCK;
    if (message->large) {
        message->length = payload->large.length;
        dragon_block_take(thread, 0, payload->large.block);
        message->bytes = dragon_block_at(thread->process, dragon_block_ref(thread, 0));
    } else {
        message->length = payload->length <= dragon_channel_inline(channel) ? payload->length : 0;
        memcpy(thread->bytes, payload->bytes, message->length);
        message->bytes = thread->bytes;
    }
    if (message->open) dragon_add(message->open, (uint64_t)0 - (UINT64_C(1) << DRAGON_OPEN_SHIFT));
    dragon_slot_release(&p);
    dragon_fence();
    if (dragon_look(&channel->queue[DRAGON_SENDERS].waiting) && (channel->channel.capacity || dragon_channel_lighter(thread, message, p.index)))
        dragon_choose(thread, &channel->queue[DRAGON_SENDERS]);
    /* The chain: also at the end, since this receiver's enqueue may have hidden others from the closer. */
    if (dragon_look(&channel->queue[DRAGON_RECEIVERS].waiting) &&
        ((dragon_load(&channel->closed) & (DRAGON_NO_SENDERS | DRAGON_CLOSED_BY_CALL)) ||
         dragon_chain_peek(thread->process, &channel->channel.head_ring, &p, &word) == DRAGON_OK))
        dragon_choose(thread, &channel->queue[DRAGON_RECEIVERS]);
    return DRAGON_OK;
}

/* Room for an inline message in the thread's own memory, made before anything is claimed. */
static inline int dragon_thread_room(struct dragon_thread *thread, uint32_t bytes)
{
    if (thread->bytes_size >= bytes) return DRAGON_OK;
    uint8_t *room = realloc(thread->bytes, bytes);
    if (!room) return DRAGON_NO_MEMORY;
    thread->bytes = room;
    thread->bytes_size = bytes;
    return DRAGON_OK;
}

/* Receives the next message by `try`, which takes one or says why not. After DRAGON_OK the operation, on `object`, is still open: the caller copies the bytes
 * out, then calls dragon_message_done. */
static inline int dragon_receive_by(struct dragon_thread *thread, struct dragon_incoming *message, int64_t deadline, dragon_try *try, uint64_t object)
{
    struct dragon_object *channel = message->channel;
    uint64_t offset = dragon_offset(thread->process, channel);
    struct dragon_place place = {offset, dragon_load(&channel->id), &channel->queue[DRAGON_RECEIVERS]};
    struct dragon_wait wait = {.try = try, .argument = message, .deadline = deadline, .places = &place, .count = 1};
    int result = dragon_thread_room(thread, channel->channel.slot_size);
    if (result != DRAGON_OK) return result;
    dragon_begin(thread, DRAGON_RECEIVE, object);
    result = dragon_wait(thread, &wait);
    if (result != DRAGON_OK) dragon_end(thread);
    return result;
}

static inline int dragon_channel_receive(struct dragon_thread *thread, struct dragon_incoming *message, int64_t deadline)
{
    return dragon_receive_by(thread, message, deadline, dragon_try_receive, dragon_offset(thread->process, message->channel));
}

static inline void dragon_message_done(struct dragon_thread *thread, const struct dragon_incoming *message)
{
    if (message->large) dragon_block_free(thread, 0);
    dragon_end(thread);
}

/* DRAGON_OK: a message, or the end, is there to be received. */
static inline int dragon_channel_ready(const struct dragon_process *process, struct dragon_object *channel)
{
    struct dragon_position p;
    uint64_t word;
    uint32_t closed = dragon_load(&channel->closed) & (DRAGON_NO_SENDERS | DRAGON_CLOSED_BY_CALL);
    int state = dragon_chain_peek(process, &channel->channel.head_ring, &p, &word);
    return state == DRAGON_OK || (closed && state == DRAGON_AGAIN) ? DRAGON_OK : DRAGON_AGAIN;
}

static inline int dragon_try_poll(struct dragon_thread *thread, void *argument)
{
    return dragon_channel_ready(thread->process, argument);
}

static inline int dragon_channel_poll(struct dragon_thread *thread, struct dragon_object *channel, int64_t deadline)
{
    uint64_t offset = dragon_offset(thread->process, channel);
    struct dragon_place place = {offset, dragon_load(&channel->id), &channel->queue[DRAGON_RECEIVERS]};
    struct dragon_wait wait = {.try = dragon_try_poll, .argument = channel, .deadline = deadline, .places = &place, .count = 1, .watch = true};
    dragon_begin(thread, DRAGON_WAIT, offset);
    int result = dragon_wait(thread, &wait);
    dragon_end(thread);
    return result;
}

/* Closes the channel for everyone. Killed between the store and the last choice: the sweep tells all who wait. */
static inline void dragon_channel_close(struct dragon_thread *thread, struct dragon_object *channel)
{
    dragon_begin(thread, DRAGON_UPDATE, dragon_offset(thread->process, channel));
    dragon_set_bits(&channel->closed, (uint32_t)DRAGON_CLOSED_BY_CALL);
    dragon_fence_after_rmw();
    dragon_choose_all(thread, &channel->queue[DRAGON_RECEIVERS], UINT32_MAX);
    dragon_choose_all(thread, &channel->queue[DRAGON_SENDERS], UINT32_MAX);
    dragon_end(thread);
}

static inline uint64_t dragon_channel_count(const struct dragon_process *process, struct dragon_object *channel)
{
    uint64_t count = 0;
    for (uint64_t offset = dragon_load(&channel->channel.head_ring); offset;) {
        struct dragon_ring *ring = dragon_at(process, offset);
        count += dragon_ring_count(ring);
        offset = dragon_load(&ring->next);
    }
    return count;
}

/* Bytes of the messages that are ready in a ring, each at least its slot's; not counted on once they are more than `enough`. A message that is taken
 * meanwhile may be counted wrongly: it is a look, and the next look is right. */
__attribute__((no_sanitize("thread"))) static inline uint64_t dragon_ring_weight(struct dragon_ring *ring, uint64_t enough)
{
    uint64_t weight = 0;
    struct dragon_position p = dragon_position(ring, dragon_peek(&ring->head));
    while (weight <= enough) {
        uint64_t word = dragon_load(&p.slot->word);
        if (dragon_lap(word) > p.lap) {
            dragon_catch_up(&p, word);
            continue;
        }
        uint32_t state = dragon_slot_state(word);
        if (dragon_lap(word) < p.lap || state == DRAGON_SLOT_FREE || state == DRAGON_SLOT_CLOSED) break;
        const struct dragon_payload *payload = (const void *)p.slot->payload;
        if (state == DRAGON_SLOT_READY)
            weight +=
                payload->kind_and_flags >> 24 == DRAGON_BLOCK && payload->large.length > ring->slot_size ? payload->large.length : ring->slot_size;
        dragon_next(&p);
    }
    return weight;
}

/* Are more bytes in flight than that? */
static inline bool dragon_channel_outweighs(const struct dragon_process *process, struct dragon_object *channel, uint64_t limit)
{
    if (dragon_channel_count(process, channel) * channel->channel.slot_size > limit) return true;
    uint64_t weight = 0;
    for (uint64_t offset = dragon_load(&channel->channel.head_ring); offset && weight <= limit;) {
        struct dragon_ring *ring = dragon_at(process, offset);
        weight += dragon_ring_weight(ring, limit - weight);
        offset = dragon_load(&ring->next);
    }
    return weight > limit;
}

/* Half the limit: who was held up goes on for a while before it is held up again. */
static inline int dragon_try_settle(struct dragon_thread *thread, void *argument)
{
    struct dragon_object *channel = argument;
    if (dragon_load(&channel->closed) & (DRAGON_NO_RECEIVERS | DRAGON_CLOSED_BY_CALL)) return DRAGON_CLOSED;
    return dragon_channel_outweighs(thread->process, channel, channel->channel.limit / 2) ? DRAGON_AGAIN : DRAGON_OK;
}

/* After a send that was `weighed`: if more is in flight than the channel's limit, waits until the receivers have caught up, or the deadline passes. The
 * message is theirs already, and the sender holds nothing: killed here, nobody notices. DRAGON_CLOSED: nobody will receive it any more. */
static inline int dragon_channel_settle(struct dragon_thread *thread, struct dragon_object *channel, int64_t deadline)
{
    if (!dragon_channel_outweighs(thread->process, channel, channel->channel.limit)) return DRAGON_OK;
    uint64_t offset = dragon_offset(thread->process, channel);
    struct dragon_place place = {offset, dragon_load(&channel->id), &channel->queue[DRAGON_SENDERS]};
    struct dragon_wait wait = {.try = dragon_try_settle, .argument = channel, .deadline = deadline, .places = &place, .count = 1, .watch = true};
    dragon_begin(thread, DRAGON_WAIT, offset);
    int result = dragon_wait(thread, &wait);
    dragon_end(thread);
    return result == DRAGON_TIMEOUT ? DRAGON_OK : result;
}

#endif
