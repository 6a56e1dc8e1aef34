/* Waiting on several objects at once, and on descriptors among them (spec, section 7). */
#ifndef DRAGON_MANY_H
#define DRAGON_MANY_H

#include "channel.h"
#include "event.h"

struct dragon_many {
    struct dragon_object **objects; /* channels and events */
    uint32_t count;
    bool *ready;        /* per object */
    struct pollfd *fds; /* fds_count, and one more for the bell */
    uint32_t fds_count;
};

/* Looks at all of them; `ready` and `revents` then tell. */
static inline int dragon_try_many(struct dragon_thread *thread, void *argument)
{
    struct dragon_many *many = argument;
    bool any = false;
    for (uint32_t i = 0; i < many->count; i++) {
        struct dragon_object *object = many->objects[i];
        int result = object->kind == DRAGON_EVENT ? dragon_try_event(thread, object) : dragon_channel_ready(thread->process, object);
        any |= many->ready[i] = result == DRAGON_OK;
    }
    if (many->fds_count && poll(many->fds, many->fds_count, 0) > 0) any = true;
    return any ? DRAGON_OK : DRAGON_AGAIN;
}

/* `places` has room for one per object. */
static inline int dragon_wait_many(struct dragon_thread *thread, struct dragon_many *many, struct dragon_place *places, int64_t deadline)
{
    for (uint32_t i = 0; i < many->count; i++) {
        struct dragon_object *object = many->objects[i];
        places[i] = (struct dragon_place){dragon_offset(thread->process, object), dragon_load(&object->id), &object->queue[0]};
    }
    struct dragon_wait wait = {.try = dragon_try_many,
                               .argument = many,
                               .deadline = deadline,
                               .places = places,
                               .count = many->count,
                               .watch = true,
                               .fds = many->fds_count ? many->fds : NULL,
                               .fds_count = many->fds_count};
    dragon_begin(thread, DRAGON_WAIT, many->count == 1 ? places[0].object : 1);
    int result = dragon_wait(thread, &wait);
    dragon_end(thread);
    return result;
}

#endif
