/* Semaphore (spec, section 9): a counter with waiters. It has no owner: what a killed process had acquired stays acquired. */
#ifndef DRAGON_SEMAPHORE_H
#define DRAGON_SEMAPHORE_H

#include "wait.h"

/* Killed after the CAS: acquired by the dead, and nobody is owed a wake. Passes on when it leaves something to acquire. */
static inline int dragon_try_acquire_semaphore(struct dragon_thread *thread, void *argument)
{
    struct dragon_object *semaphore = argument;
    uint32_t value = dragon_load(&semaphore->semaphore.value);
    while (value && !dragon_cas32(&semaphore->semaphore.value, value, value - 1)) value = dragon_load(&semaphore->semaphore.value);
    if (!value) return DRAGON_AGAIN;
    dragon_fence_after_rmw();
    if (value > 1 && dragon_look(&semaphore->queue[0].waiting)) dragon_choose(thread, &semaphore->queue[0]);
    return DRAGON_OK;
}

static inline int dragon_semaphore_acquire(struct dragon_thread *thread, struct dragon_object *semaphore, int64_t deadline)
{
    uint64_t offset = dragon_offset(thread->process, semaphore);
    struct dragon_place place = {offset, dragon_load(&semaphore->id), &semaphore->queue[0]};
    struct dragon_wait wait = {.try = dragon_try_acquire_semaphore, .argument = semaphore, .deadline = deadline, .places = &place, .count = 1};
    dragon_begin(thread, DRAGON_UPDATE, offset);
    int result = dragon_wait(thread, &wait);
    dragon_end(thread);
    return result;
}

/* DRAGON_TOO_LARGE: that would be above the maximum, nothing was changed. Killed after the CAS: the sweep tells all waiters. */
static inline int dragon_semaphore_release(struct dragon_thread *thread, struct dragon_object *semaphore, uint32_t n)
{
    dragon_u32 *at = &semaphore->semaphore.value;
    int result = DRAGON_TOO_LARGE;
    dragon_begin(thread, DRAGON_UPDATE, dragon_offset(thread->process, semaphore));
    for (;;) {
        uint32_t value = dragon_load(at);
        if ((uint64_t)value + n > semaphore->semaphore.max) break;
        if (!dragon_cas32(at, value, value + n)) continue;
        dragon_fence_after_rmw();
        for (uint32_t i = 0; i < n && dragon_look(&semaphore->queue[0].waiting) && dragon_choose(thread, &semaphore->queue[0]); i++) {}
        result = DRAGON_OK;
        break;
    }
    dragon_end(thread);
    return result;
}

#endif
