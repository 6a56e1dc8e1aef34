/* Lock and RLock (spec, section 9): the owner word names client and thread, so that the sweep passes on what a killed process held, with the news. */
#ifndef DRAGON_LOCK_H
#define DRAGON_LOCK_H

#include "wait.h"

struct dragon_acquire {
    struct dragon_object *lock;
    bool owner_died; /* its last owner was killed while it held the lock; left as it is by who has the lock already */
};

static inline uint64_t dragon_lock_me(const struct dragon_process *process)
{
    return (uint64_t)process->number << 32 | dragon_tid(process);
}

static inline bool dragon_lock_is_mine(const struct dragon_process *process, struct dragon_object *lock)
{
    return dragon_load(&lock->lock.owner) == dragon_lock_me(process);
}

/* One attempt; it needs no record, for what a dead owner holds is found by its reference. Killed after the CAS: the sweep passes the lock on. `count` is
 * what an RLock's recursion count grows by; more than 1 only after a Condition's wait. */
static inline int dragon_lock_try(struct dragon_process *process, struct dragon_acquire *acquire, uint32_t count)
{
    struct dragon_object *lock = acquire->lock;
    uint64_t owner = dragon_load(&lock->lock.owner), me = dragon_lock_me(process);
    while (owner == 0 || owner == DRAGON_LOCK_DIED) {
        if (dragon_cas(&lock->lock.owner, owner, me)) {
            acquire->owner_died = owner == DRAGON_LOCK_DIED;
            if (lock->kind == DRAGON_RLOCK) dragon_store(&lock->lock.count, count);
            return DRAGON_OK;
        }
        owner = dragon_load(&lock->lock.owner);
    }
    if (owner != me || lock->kind != DRAGON_RLOCK) return DRAGON_AGAIN;
    dragon_store(&lock->lock.count, dragon_peek(&lock->lock.count) + count);
    return DRAGON_OK;
}

static inline int dragon_try_acquire_lock(struct dragon_thread *thread, void *argument)
{
    return dragon_lock_try(thread->process, argument, 1);
}

static inline int dragon_lock_acquire(struct dragon_thread *thread, struct dragon_acquire *acquire, int64_t deadline)
{
    struct dragon_object *lock = acquire->lock;
    uint64_t offset = dragon_offset(thread->process, lock);
    struct dragon_place place = {offset, dragon_load(&lock->id), &lock->queue[0]};
    struct dragon_wait wait = {.try = dragon_try_acquire_lock, .argument = acquire, .deadline = deadline, .places = &place, .count = 1};
    dragon_begin(thread, DRAGON_UPDATE, offset);
    int result = dragon_wait(thread, &wait);
    dragon_end(thread);
    return result;
}

/* Takes the lock again as often as it was held, after a Condition's wait. */
static inline int dragon_lock_acquire_again(struct dragon_thread *thread, struct dragon_acquire *acquire, uint32_t count, int64_t deadline)
{
    int result = dragon_lock_acquire(thread, acquire, deadline);
    if (result == DRAGON_OK && acquire->lock->kind == DRAGON_RLOCK) dragon_store(&acquire->lock->lock.count, count);
    return result;
}

/* Lets go, whatever the count, and wakes the next. Killed before the CAS: still the dead's; after it: the sweep tells all who wait. */
static inline int dragon_lock_free(struct dragon_thread *thread, struct dragon_object *lock)
{
    int result = DRAGON_NOT_HELD;
    dragon_begin(thread, DRAGON_UPDATE, dragon_offset(thread->process, lock));
    uint64_t owner = dragon_load(&lock->lock.owner);
    while (owner != 0 && owner != DRAGON_LOCK_DIED) {
        if (dragon_cas(&lock->lock.owner, owner, 0)) {
            dragon_fence_after_rmw();
            if (dragon_look(&lock->queue[0].waiting)) dragon_choose(thread, &lock->queue[0]);
            result = DRAGON_OK;
            break;
        }
        owner = dragon_load(&lock->lock.owner);
    }
    dragon_end(thread);
    return result;
}

/* DRAGON_NOT_HELD: nobody holds it; DRAGON_NOT_OWNER: an RLock that this thread does not hold. A Lock may be released by any process. */
static inline int dragon_lock_release(struct dragon_thread *thread, struct dragon_object *lock)
{
    if (lock->kind == DRAGON_LOCK) return dragon_lock_free(thread, lock);
    if (!dragon_lock_is_mine(thread->process, lock)) return DRAGON_NOT_OWNER;
    uint32_t count = dragon_peek(&lock->lock.count) - 1;
    dragon_store(&lock->lock.count, count);
    return count ? DRAGON_OK : dragon_lock_free(thread, lock);
}

#endif
