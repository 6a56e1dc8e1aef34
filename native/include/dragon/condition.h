/* Condition (spec, section 9): sleepers that are chosen exactly, by whoever holds the lock. */
#ifndef DRAGON_CONDITION_H
#define DRAGON_CONDITION_H

#include "wait.h"

struct dragon_sleep {
    struct dragon_place place;
    struct dragon_wait wait;
};

/* Step one, with the lock held: from here on a notify finds this thread. On an error nothing is armed. */
static inline int dragon_condition_arm(struct dragon_thread *thread, struct dragon_object *condition, struct dragon_sleep *sleep, int64_t deadline)
{
    uint64_t offset = dragon_offset(thread->process, condition);
    sleep->place = (struct dragon_place){offset, dragon_load(&condition->id), &condition->queue[0]};
    sleep->wait = (struct dragon_wait){.deadline = deadline, .places = &sleep->place, .count = 1};
    dragon_begin(thread, DRAGON_WAIT, offset);
    int result = dragon_arm(thread, &sleep->wait);
    if (result == DRAGON_OK) return result;
    dragon_disarm(thread);
    dragon_pass_on(thread, &sleep->wait);
    dragon_end(thread);
    return result;
}

/* Leaves without having slept: the lock could not be released. */
static inline void dragon_condition_cancel(struct dragon_thread *thread, struct dragon_sleep *sleep)
{
    if (dragon_disarm(thread)) dragon_pass_on(thread, &sleep->wait);
    dragon_end(thread);
}

/* Step two, after the lock was released. DRAGON_OK: notified (or news: a notification may have died with another sleeper). The operation stays open until
 * the lock is taken again, so that a notification that dies with its receiver is told on; then dragon_end. */
static inline int dragon_condition_sleep(struct dragon_thread *thread, struct dragon_sleep *sleep)
{
    int result = DRAGON_RUN_OVER;
    dragon_fence();
    if (dragon_load(&thread->process->header->run_state) == DRAGON_RUNNING)
        result = sleep->wait.deadline == DRAGON_NO_WAIT ? DRAGON_TIMEOUT : dragon_park(thread, &sleep->wait);
    bool chosen = dragon_disarm(thread);
    if (dragon_load(&thread->process->header->run_state) != DRAGON_RUNNING) return DRAGON_RUN_OVER;
    if (!chosen) return result;
    if (result == DRAGON_OK || result == DRAGON_TIMEOUT) return DRAGON_OK;
    dragon_pass_on(thread, &sleep->wait);
    return result;
}

static inline uint32_t dragon_condition_notify(struct dragon_thread *thread, struct dragon_object *condition, uint32_t n)
{
    dragon_begin(thread, DRAGON_WAKE, dragon_offset(thread->process, condition));
    dragon_fence();
    uint32_t chosen = dragon_choose_all(thread, &condition->queue[0], n);
    dragon_end(thread);
    return chosen;
}

#endif
