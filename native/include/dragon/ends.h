/* The ends of a channel (spec, section 9). A channel that tracks them counts for each its handles: references, and handles on their way (pins). Whoever
 * brings a count to zero closes that end at once. A kill can leave a count too high, never too low: then the agent's audit closes the end, a little later. */
#ifndef DRAGON_ENDS_H
#define DRAGON_ENDS_H

#include "mailbox.h"

static inline bool dragon_tracks_ends(struct dragon_object *object)
{
    return object->kind == DRAGON_CHANNEL && dragon_load(&object->flags) & DRAGON_ENDS;
}

/* One more handle; the caller has a reference, so that the object stays. */
static inline void dragon_end_added(struct dragon_object *object, uint32_t role)
{
    if (role & DRAGON_SENDER) dragon_add(&object->handles[0], 1);
    if (role & DRAGON_RECEIVER) dragon_add(&object->handles[1], 1);
}

/* One handle fewer; the caller has a reference, and the operation is on the object. Killed before the last choice: the sweep audits, and tells all who wait. */
static inline void dragon_end_dropped(struct dragon_thread *thread, struct dragon_object *object, uint32_t role)
{
    uint32_t closed = 0;
    if (role & DRAGON_SENDER && dragon_add(&object->handles[0], UINT32_MAX) == 1) closed |= DRAGON_NO_SENDERS;
    if (role & DRAGON_RECEIVER && dragon_add(&object->handles[1], UINT32_MAX) == 1) closed |= DRAGON_NO_RECEIVERS;
    if (!closed) return;
    dragon_set_bits(&object->closed, closed);
    dragon_fence_after_rmw();
    dragon_choose_all(thread, &object->queue[DRAGON_RECEIVERS], UINT32_MAX);
    dragon_choose_all(thread, &object->queue[DRAGON_SENDERS], UINT32_MAX);
}

/* The set of the table of pins in which a token may lie. */
static inline dragon_u64 *dragon_pin_set(const struct dragon_process *process, uint64_t token)
{
    return (dragon_u64 *)dragon_at(process, process->header->pins) + ((token ^ token >> 46) & (DRAGON_PIN_SETS - 1)) * DRAGON_PIN_SET;
}

/* The pin with that token, which was told to the agent, counts: until somebody claims it. Where the set is full nobody ever does, and the count stays too high. */
static inline void dragon_pin_counts(const struct dragon_process *process, struct dragon_object *object, uint32_t role, uint64_t token)
{
    dragon_u64 *set = dragon_pin_set(process, token);
    dragon_end_added(object, role);
    for (int i = 0; i < DRAGON_PIN_SET; i++)
        if (!dragon_peek(&set[i]) && dragon_cas(&set[i], 0, token)) return;
}

/* True, to one alone: the pin counted, and the caller is to drop it. */
static inline bool dragon_pin_claim(const struct dragon_process *process, uint64_t token)
{
    dragon_u64 *set = dragon_pin_set(process, token);
    for (int i = 0; i < DRAGON_PIN_SET; i++)
        if (dragon_load(&set[i]) == token) return dragon_cas(&set[i], token, 0);
    return false;
}

#endif
