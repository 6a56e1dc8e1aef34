/* Tasks (spec, section 9): how many messages of a channel are not done with yet. Nobody counts what was put: that is in the channel. What a client has taken
 * and is not done with stands in its own reference to this object, from before it takes it on, so it vanishes with a client that is killed. The object itself holds
 * the rest: `version << 32 | balance`. Each done counts the version up, so that who adds all of it up sees whether that happened meanwhile; the balance (signed)
 * is what was left by clients that ended in order, less what was done by others than those who took it. What is being claimed, or being done, is *open* in its reference: it may
 * count twice, or not count any more, for who adds up. */
#ifndef DRAGON_TASKS_H
#define DRAGON_TASKS_H

#include "binding.h"
#include "channel.h"

#define DRAGON_TASK (UINT64_C(1) << DRAGON_TASKS_SHIFT) /* one more in hand, in a reference */
#define DRAGON_OPEN (UINT64_C(1) << DRAGON_OPEN_SHIFT) /* one more of them that is open */
enum { DRAGON_TASKS_HIGH = DRAGON_TASKS_MOST / 2 + 1 }; /* above, there is room for one more of each thread that this process can have */

static inline uint64_t dragon_tasks_opened(uint64_t reference)
{
    return reference >> DRAGON_OPEN_SHIFT & DRAGON_OPEN_MOST;
}

/* Tasks that a reference counts and that are not open. */
static inline uint64_t dragon_tasks_sure(uint64_t reference)
{
    return (reference >> DRAGON_TASKS_SHIFT) - dragon_tasks_opened(reference);
}

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
    return dragon_ref_at(process, process->entry, __atomic_load_n(&tasks->entry, __ATOMIC_ACQUIRE));
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

/* Tasks in the hands of all clients. `sure`: without those that are open, and without those of a client that is being swept: the sweep may have dealt with them. */
static inline int64_t dragon_tasks_in_hand(const struct dragon_process *process, const struct dragon_object *tasks, bool sure)
{
    uint64_t offset = dragon_offset(process, tasks), count = 0;
    for (uint32_t number = 1; number < dragon_load(&process->header->clients_high); number++) {
        struct dragon_client *client = dragon_client_at(process, number);
        uint64_t state = dragon_load(&client->state) & 0xff;
        if (state == DRAGON_CLIENT_FREE || (sure && state == DRAGON_CLIENT_SWEEPING)) continue;
        for (uint32_t i = 0, high = dragon_load(&client->refs_high); i < high; i++) {
            dragon_u64 *at = dragon_ref_at(process, client, i);
            uint64_t reference = at ? dragon_load(at) : 0;
            if ((reference & DRAGON_OFFSET_MASK) == offset) count += sure ? dragon_tasks_sure(reference) : reference >> DRAGON_TASKS_SHIFT;
        }
    }
    return (int64_t)count;
}

/* How many are not done with; for information: what is taken meanwhile may be counted twice. */
static inline int64_t dragon_tasks_unfinished(const struct dragon_process *process, struct dragon_object *tasks, struct dragon_object *channel)
{
    int64_t balance = dragon_tasks_balance(dragon_look(&tasks->tasks.word));
    int64_t waiting = (int64_t)dragon_tasks_waiting(process, channel, UINT32_MAX);
    return balance + waiting + dragon_tasks_in_hand(process, tasks, false);
}

/* Is any not done with? `*word` is the object's, which stayed the same meanwhile if none is. First the channel, then the hands: what goes from the one to the others meanwhile
 * is counted, maybe twice, never missed. Counted twice it does no harm as long as there is one, for its done is told. But it must not be where one more done is asked for
 * (`exact`), nor where others than their takers were quicker (the balance is negative): there the sure ones of the hands are added up before the channel, too. Between the two
 * sums nobody can tell before those who have an open one go on, which is a few instructions from there, or are swept. */
static inline bool dragon_tasks_any(const struct dragon_process *process, struct dragon_object *tasks, struct dragon_object *channel, bool exact,
                                    uint64_t *word)
{
    for (;;) {
        *word = dragon_look(&tasks->tasks.word);
        int64_t balance = dragon_tasks_balance(*word);
        bool careful = exact || balance < 0;
        int64_t least = balance + (careful ? dragon_tasks_in_hand(process, tasks, true) : 0);
        if (least > 0) return true;
        int64_t waiting = (int64_t)dragon_tasks_waiting(process, channel, (uint64_t)(1 - least));
        if (least + waiting > 0) return true;
        int64_t most = balance + waiting + dragon_tasks_in_hand(process, tasks, false);
        if (most > 0 && !careful) return true;
        if (dragon_look(&tasks->tasks.word) != *word) continue;
        if (most <= 0) return false;
        if (dragon_load(&process->header->run_state) != DRAGON_RUNNING) return true;
        sched_yield();
    }
}

/* After a task left this client's hands: wakes those who wait for the last one, if it was. */
static inline void dragon_tasks_tell(struct dragon_thread *thread, struct dragon_object *tasks, struct dragon_object *channel)
{
    uint64_t word;
    dragon_fence_after_rmw();
    if (dragon_look(&tasks->queue[0].waiting) && !dragon_tasks_any(thread->process, tasks, channel, false, &word))
        dragon_choose_all(thread, &tasks->queue[0], UINT32_MAX);
}

/* Makes room for one more task in hand, and for as many as there are threads: an entry whose count is high is put aside, and another is used. */
static inline int dragon_tasks_room(struct dragon_thread *thread, struct dragon_binding *tasks)
{
    struct dragon_process *process = thread->process;
    if (dragon_load(dragon_tasks_reference(process, tasks)) >> DRAGON_TASKS_SHIFT < DRAGON_TASKS_HIGH) return DRAGON_OK;
    uint32_t entry;
    int result = dragon_ref_reserve(thread, &entry);
    if (result != DRAGON_OK) return result;
    struct dragon_binding *full = malloc(sizeof *full);
    if (!full) {
        dragon_ref_free(process, entry);
        return DRAGON_NO_MEMORY;
    }
    *full = *tasks;
    dragon_store(dragon_ref_at(process, process->entry, entry), tasks->offset | tasks->role);
    tasks->full = full;
    __atomic_store_n(&tasks->entry, entry, __ATOMIC_RELEASE);
    return DRAGON_OK;
}

/* An entry of this client with a task that is not open, or NULL: nothing is in its hands. */
static inline dragon_u64 *dragon_tasks_own(struct dragon_process *process, const struct dragon_binding *tasks)
{
    for (; tasks; tasks = tasks->full) {
        dragon_u64 *at = dragon_tasks_reference(process, tasks);
        if (dragon_tasks_sure(dragon_load(at))) return at;
    }
    return NULL;
}

/* Lets go of entries that were put aside and count no task any more. */
static inline void dragon_tasks_tidy(struct dragon_process *process, struct dragon_binding *tasks)
{
    for (struct dragon_binding **link = &tasks->full, *each; (each = *link);) {
        dragon_u64 *at = dragon_tasks_reference(process, each);
        uint64_t empty = each->offset | each->role;
        if (!dragon_cas(at, empty, 0)) {
            link = &each->full;
            continue;
        }
        dragon_ref_free(process, each->entry);
        *link = each->full;
        free(each);
    }
}

/* One more in this client's hands, open until it is known whether its message is claimed; returns where it stands. */
static inline dragon_u64 *dragon_tasks_open(struct dragon_process *process, const struct dragon_binding *tasks)
{
    for (;;) {
        dragon_u64 *at = dragon_tasks_reference(process, tasks);
        uint64_t reference = dragon_load(at);
        if (dragon_tasks_opened(reference) == DRAGON_OPEN_MOST)
            sched_yield(); /* as many threads of this process are at it just now */
        else if ((reference & DRAGON_OFFSET_MASK) == tasks->offset && dragon_cas(at, reference, reference + DRAGON_TASK + DRAGON_OPEN))
            return at;
    }
}

/* What is received is in this client's hands from before it is claimed. Killed before the claim: the reference goes, the message stays; after it: both are gone. It is open until its
 * slot is let go (dragon_try_receive), by which the sweep knows that it was claimed. */
static inline int dragon_try_receive_task(struct dragon_thread *thread, void *argument)
{
    struct dragon_incoming *message = argument;
    int result = dragon_channel_ready(thread->process, message->channel);
    if (result != DRAGON_OK) return result;
    message->open = dragon_tasks_open(thread->process, message->tasks);
    result = dragon_try_receive(thread, argument);
    if (result == DRAGON_OK) return result;
    dragon_add(message->open, (uint64_t)0 - DRAGON_OPEN - DRAGON_TASK);
    dragon_tasks_tell(thread, message->tasks->object, message->channel); /* another was quicker */
    return result;
}

/* As dragon_channel_receive, of a channel whose messages are tasks; after dragon_tasks_room. op_object is several: the channel, and the object of the tasks. */
static inline int dragon_tasks_receive(struct dragon_thread *thread, struct dragon_incoming *message, int64_t deadline)
{
    return dragon_receive_by(thread, message, deadline, dragon_try_receive_task, 1);
}

/* A task in hand is open from now on. False: it has to be looked for again. */
static inline bool dragon_tasks_reopen(dragon_u64 *at)
{
    uint64_t reference = dragon_load(at);
    if (dragon_tasks_opened(reference) == DRAGON_OPEN_MOST) sched_yield(); /* threads of this process that are taking */
    return dragon_tasks_opened(reference) < DRAGON_OPEN_MOST && dragon_tasks_sure(reference) && dragon_cas(at, reference, reference + DRAGON_OPEN);
}

/* A task is done with; the caller sees to it that no other thread of this process does the same just now. DRAGON_NOT_HELD: there is none. Killed after the
 * version was counted up: the task is done, and the sweep lets go of what is in hand. */
static inline int dragon_task_done(struct dragon_thread *thread, struct dragon_binding *tasks, struct dragon_object *channel)
{
    struct dragon_process *process = thread->process;
    struct dragon_object *object = tasks->object;
    int result = DRAGON_OK;
    dragon_begin(thread, DRAGON_UPDATE, tasks->offset);
    for (;;) {
        dragon_u64 *own = dragon_tasks_own(process, tasks);
        uint64_t word = dragon_look(&object->tasks.word);
        bool sure = own && dragon_tasks_balance(word) >= 0;
        if (!sure && !dragon_tasks_any(process, object, channel, true, &word)) {
            uint64_t lost = dragon_load(&object->tasks.lost); /* the dead's: nobody waits for them, and somebody may say that they are done */
            if (lost && !dragon_cas(&object->tasks.lost, lost, lost - 1)) continue;
            result = lost ? DRAGON_OK : DRAGON_NOT_HELD;
            break;
        }
        if (own && !dragon_tasks_reopen(own)) continue;
        if (!dragon_cas(&object->tasks.word, word, dragon_tasks_word(word, 1, own ? 0 : -1))) {
            if (own) dragon_add(own, (uint64_t)0 - DRAGON_OPEN);
            continue;
        }
        if (own) dragon_add(own, (uint64_t)0 - DRAGON_TASK - DRAGON_OPEN);
        if (tasks->full) dragon_tasks_tidy(process, tasks);
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
    return dragon_tasks_any(thread->process, joining->tasks, joining->channel, false, &word) ? DRAGON_AGAIN : DRAGON_OK;
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
