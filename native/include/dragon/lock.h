/* Lock and RLock (spec, section 9): the owner word names client and thread, so that the sweep passes on what a killed process held, with the news. */
#ifndef DRAGON_LOCK_H
#define DRAGON_LOCK_H

#include "wait.h"

struct dragon_acquire {
    struct dragon_object *lock;
    bool owner_died; /* its last owner was killed while it held the lock */
};

static inline uint64_t dragon_lock_me(const struct dragon_thread *thread)
{
    return (uint64_t)thread->process->number << 32 | dragon_tid(thread->process);
}

/* Killed after the CAS: the lock is owned by the dead, and the sweep passes it on. */
static inline int dragon_try_acquire_lock(struct dragon_thread *thread, void *argument)
{
    struct dragon_acquire *acquire = argument;
    uint64_t owner = dragon_load(&acquire->lock->lock.owner);
    while (owner == 0 || owner == DRAGON_LOCK_DIED) {
        if (dragon_cas(&acquire->lock->lock.owner, owner, dragon_lock_me(thread))) {
            acquire->owner_died = owner == DRAGON_LOCK_DIED;
            return DRAGON_OK;
        }
        owner = dragon_load(&acquire->lock->lock.owner);
    }
    return DRAGON_AGAIN;
}

static inline bool dragon_lock_is_mine(const struct dragon_thread *thread, struct dragon_object *lock)
{
    return dragon_load(&lock->lock.owner) == dragon_lock_me(thread);
}

/* `count` is what an RLock's recursion count becomes when it was not held by this thread; more than 1 only after a Condition's wait. */
static inline int dragon_lock_acquire(struct dragon_thread *thread, struct dragon_acquire *acquire, uint32_t count, int64_t deadline)
{
    struct dragon_object *lock = acquire->lock;
    uint64_t offset = dragon_offset(thread->process, lock);
    struct dragon_place place = {offset, dragon_load(&lock->id), &lock->queue[0]};
    struct dragon_wait wait = {.try = dragon_try_acquire_lock, .argument = acquire, .deadline = deadline, .places = &place, .count = 1};
    acquire->owner_died = false;
    if (lock->kind == DRAGON_RLOCK && dragon_lock_is_mine(thread, lock)) {
        dragon_store(&lock->lock.count, dragon_peek(&lock->lock.count) + count);
        return DRAGON_OK;
    }
    dragon_begin(thread, DRAGON_UPDATE, offset);
    int result = dragon_wait(thread, &wait);
    if (result == DRAGON_OK && lock->kind == DRAGON_RLOCK) dragon_store(&lock->lock.count, count);
    dragon_end(thread);
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
    if (!dragon_lock_is_mine(thread, lock)) return DRAGON_NOT_OWNER;
    uint32_t count = dragon_peek(&lock->lock.count) - 1;
    dragon_store(&lock->lock.count, count);
    return count ? DRAGON_OK : dragon_lock_free(thread, lock);
}

#endif
