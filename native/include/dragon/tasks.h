/* Tasks (spec, section 9): how many messages of a channel are not done with yet. Nobody counts what was put: that is in the channel. What a client has taken
 * and is not done with stands in its own reference to this object, from before it takes it on, so it vanishes with a client that is killed. The object itself holds
 * the rest: `version << 32 | balance`. Each done counts the version up, so that who adds all of it up sees whether that happened meanwhile; the balance (signed)
 * is what was left by clients that ended in order, less what was done by others than those who took it. */
#ifndef DRAGON_TASKS_H
#define DRAGON_TASKS_H

#include "binding.h"
#include "channel.h"

#define DRAGON_TASK (UINT64_C(1) << DRAGON_TASKS_SHIFT) /* one more in hand, in a reference */

static inline uint64_t dragon_tasks_word(uint64_t word, int64_t done, int64_t change)
{
    return (uint64_t)(uint32_t)((word >> 32) + (uint64_t)done) << 32 | (uint32_t)((uint32_t)word + (uint32_t)change);
}

static inline int64_t dragon_tasks_balance(uint64_t word)
{
    return (int32_t)(uint32_t)word;
}

static inline dragon_u64 *dragon_tasks_reference(struct dragon_process *process, const struct dragon_binding *tasks)
{
    return dragon_ref_at(process, process->entry, tasks->entry);
}

/* Messages that are ready in the channel, at most `enough`. What is being taken meanwhile may be missing: its taker's reference has it already. */
static inline uint64_t dragon_tasks_waiting(const struct dragon_process *process, struct dragon_object *channel, uint64_t enough)
{
    uint64_t count = 0;
    for (uint64_t offset = dragon_load(&channel->channel.head_ring); offset && count < enough;) {
        struct dragon_ring *ring = dragon_at(process, offset);
        struct dragon_position p = dragon_position(ring, dragon_load(&ring->head));
        while (count < enough) {
            uint64_t word = dragon_load(&p.slot->word);
            uint32_t state = dragon_slot_state(word);
            if (dragon_lap(word) > p.lap) {
                dragon_catch_up(&p, word);
                continue;
            }
            if (dragon_lap(word) < p.lap || state == DRAGON_SLOT_FREE || state == DRAGON_SLOT_CLOSED) break;
            count += state == DRAGON_SLOT_READY;
            dragon_next(&p);
        }
        offset = dragon_load(&ring->next);
    }
    return count;
}

/* Tasks in the hands of all clients. */
static inline uint64_t dragon_tasks_in_hand(const struct dragon_process *process, const struct dragon_object *tasks)
{
    uint64_t offset = dragon_offset(process, tasks), count = 0;
    for (uint32_t number = 1; number < dragon_load(&process->header->clients_high); number++) {
        struct dragon_client *client = dragon_client_at(process, number);
        if ((dragon_load(&client->state) & 0xff) == DRAGON_CLIENT_FREE) continue;
        for (uint32_t i = 0, high = dragon_load(&client->refs_high); i < high; i++) {
            dragon_u64 *at = dragon_ref_at(process, client, i);
            uint64_t reference = at ? dragon_load(at) : 0;
            if ((reference & DRAGON_OFFSET_MASK) == offset) count += reference >> DRAGON_TASKS_SHIFT;
        }
    }
    return count;
}

/* Those that are not done with; counted is until it is known that there are `more` than none. `*word` is the object's, which stayed the same meanwhile if none is left. First the
 * channel, then the hands: what goes from the one to the others meanwhile is counted, maybe twice, never missed. */
static inline int64_t dragon_tasks_unfinished(const struct dragon_process *process, struct dragon_object *tasks, struct dragon_object *channel,
                                              int64_t more, uint64_t *word)
{
    for (;;) {
        *word = dragon_look(&tasks->tasks.word);
        int64_t count = dragon_tasks_balance(*word);
        count += (int64_t)dragon_tasks_waiting(process, channel, (uint64_t)(count < 0 ? more - count : more));
        if (count < more) count += (int64_t)dragon_tasks_in_hand(process, tasks);
        if (count > 0 || dragon_look(&tasks->tasks.word) == *word) return count;
    }
}

/* After a task left this client's hands: wakes those who wait for the last one, if it was. */
static inline void dragon_tasks_tell(struct dragon_thread *thread, struct dragon_object *tasks, struct dragon_object *channel)
{
    uint64_t word;
    dragon_fence_after_rmw();
    if (dragon_look(&tasks->queue[0].waiting) && dragon_tasks_unfinished(thread->process, tasks, channel, 1, &word) <= 0)
        dragon_choose_all(thread, &tasks->queue[0], UINT32_MAX);
}

/* One more in this client's hands. False: as many as its reference can count are there; this one is left to everybody, whoever lives. */
static inline bool dragon_tasks_take(struct dragon_process *process, const struct dragon_binding *tasks)
{
    dragon_u64 *at = dragon_tasks_reference(process, tasks), *word = &tasks->object->tasks.word;
    for (;;) {
        uint64_t reference = dragon_load(at), now;
        if (reference >> DRAGON_TASKS_SHIFT < DRAGON_TASKS_MOST) {
            if (dragon_cas(at, reference, reference + DRAGON_TASK)) return true;
            continue;
        }
        now = dragon_load(word);
        if (dragon_cas(word, now, dragon_tasks_word(now, 0, 1))) return false;
    }
}

static inline void dragon_tasks_give_back(struct dragon_process *process, const struct dragon_binding *tasks, bool in_hand)
{
    dragon_u64 *word = &tasks->object->tasks.word;
    if (in_hand) {
        dragon_add(dragon_tasks_reference(process, tasks), (uint64_t)0 - DRAGON_TASK);
        return;
    }
    uint64_t now;
    do now = dragon_load(word);
    while (!dragon_cas(word, now, dragon_tasks_word(now, 0, -1)));
}

/* What is received is in this client's hands from before it is claimed. Killed before the claim: the reference goes, the message stays; after it: both are gone. */
static inline int dragon_try_receive_task(struct dragon_thread *thread, void *argument)
{
    struct dragon_incoming *message = argument;
    int result = dragon_channel_ready(thread->process, message->channel);
    if (result != DRAGON_OK) return result;
    bool in_hand = dragon_tasks_take(thread->process, message->tasks);
    result = dragon_try_receive(thread, argument);
    if (result == DRAGON_OK) return result;
    dragon_tasks_give_back(thread->process, message->tasks, in_hand); /* another was quicker */
    dragon_tasks_tell(thread, message->tasks->object, message->channel);
    return result;
}

/* As dragon_channel_receive, of a channel whose messages are tasks. op_object is several: the channel, and the object of the tasks. */
static inline int dragon_tasks_receive(struct dragon_thread *thread, struct dragon_incoming *message, int64_t deadline)
{
    return dragon_receive_by(thread, message, deadline, dragon_try_receive_task, 1);
}

/* A task is done with; the caller sees to it that no other thread of this process does the same just now. DRAGON_NOT_HELD: there is none. Killed after the
 * version was counted up: the task is done, and the sweep lets go of what is in hand. */
static inline int dragon_task_done(struct dragon_thread *thread, const struct dragon_binding *tasks, struct dragon_object *channel)
{
    struct dragon_object *object = tasks->object;
    dragon_u64 *at = dragon_tasks_reference(thread->process, tasks);
    int result = DRAGON_OK;
    dragon_begin(thread, DRAGON_UPDATE, tasks->offset);
    for (;;) {
        uint64_t word = dragon_look(&object->tasks.word);
        bool own = dragon_load(at) >> DRAGON_TASKS_SHIFT != 0;
        bool sure = own && dragon_tasks_balance(word) >= 0;
        if (!sure && dragon_tasks_unfinished(thread->process, object, channel, 1, &word) <= 0) {
            uint64_t lost = dragon_load(&object->tasks.lost); /* the dead's: nobody waits for them, and somebody may say that they are done */
            if (lost && !dragon_cas(&object->tasks.lost, lost, lost - 1)) continue;
            result = lost ? DRAGON_OK : DRAGON_NOT_HELD;
            break;
        }
        if (!dragon_cas(&object->tasks.word, word, dragon_tasks_word(word, 1, own ? 0 : -1))) continue;
        if (own) dragon_add(at, (uint64_t)0 - DRAGON_TASK);
        dragon_tasks_tell(thread, object, channel);
        break;
    }
    dragon_end(thread);
    return result;
}

struct dragon_joining {
    struct dragon_object *tasks, *channel;
};

static inline int dragon_try_join(struct dragon_thread *thread, void *argument)
{
    struct dragon_joining *joining = argument;
    uint64_t word;
    return dragon_tasks_unfinished(thread->process, joining->tasks, joining->channel, 1, &word) > 0 ? DRAGON_AGAIN : DRAGON_OK;
}

/* Waits until all tasks are done with. */
static inline int dragon_tasks_join(struct dragon_thread *thread, struct dragon_object *tasks, struct dragon_object *channel, int64_t deadline)
{
    uint64_t offset = dragon_offset(thread->process, tasks);
    struct dragon_joining joining = {tasks, channel};
    struct dragon_place place = {offset, dragon_load(&tasks->id), &tasks->queue[0]};
    struct dragon_wait wait = {.try = dragon_try_join, .argument = &joining, .deadline = deadline, .places = &place, .count = 1, .watch = true};
    dragon_begin(thread, DRAGON_WAIT, offset);
    int result = dragon_wait(thread, &wait);
    dragon_end(thread);
    return result;
}

#endif
