/* Event (spec, section 9): a value that is 0 until it is set. */
#ifndef DRAGON_EVENT_H
#define DRAGON_EVENT_H

#include "wait.h"

static inline int dragon_try_event(struct dragon_thread *thread, void *argument)
{
    (void)thread;
    return dragon_load(&((struct dragon_object *)argument)->event.value) ? DRAGON_OK : DRAGON_AGAIN;
}

static inline int dragon_event_wait(struct dragon_thread *thread, struct dragon_object *event, int64_t deadline)
{
    uint64_t offset = dragon_offset(thread->process, event);
    struct dragon_place place = {offset, dragon_load(&event->id), &event->queue[0]};
    struct dragon_wait wait = {.try = dragon_try_event, .argument = event, .deadline = deadline, .places = &place, .count = 1, .watch = true};
    dragon_begin(thread, DRAGON_WAIT, offset);
    int result = dragon_wait(thread, &wait);
    dragon_end(thread);
    return result;
}

/* Killed after the store: the sweep tells all who wait. */
static inline void dragon_event_set(struct dragon_thread *thread, struct dragon_object *event, uint64_t value)
{
    dragon_begin(thread, DRAGON_UPDATE, dragon_offset(thread->process, event));
    dragon_exchange(&event->event.value, value);
    dragon_fence_after_rmw();
    dragon_choose_all(thread, &event->queue[0], UINT32_MAX);
    dragon_end(thread);
}

#endif
