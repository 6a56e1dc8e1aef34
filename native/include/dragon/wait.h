/* Waiting (spec, section 7): try, spin, arm, try again, park. There is no period anywhere: a sleeper is woken by whoever makes its condition true, by the
 * agent's sweep, or by the end of the run. The caller brackets the whole operation with dragon_begin and dragon_end, so that a choice that dies with
 * its receiver is told on. */
#ifndef DRAGON_WAIT_H
#define DRAGON_WAIT_H

#include "copy.h"
#include "queue.h"

#include <poll.h>
#include <sched.h>

#define DRAGON_FOREVER INT64_MAX
#define DRAGON_NO_WAIT INT64_MIN

enum { DRAGON_SPIN_NS = 20000, DRAGON_SPIN_MISSES = 8, DRAGON_SPIN_PROBE = 32 };

/* DRAGON_OK: done; DRAGON_AGAIN: the condition is not true yet; else an error that ends the wait. Does its own passing on (chains). */
typedef int dragon_try(struct dragon_thread *thread, void *argument);

struct dragon_place { /* where to be found by a waker */
    uint64_t object, id;
    struct dragon_queue *queue;
};

struct dragon_wait {
    dragon_try *try;
    void *argument;
    int64_t deadline; /* nanoseconds of CLOCK_MONOTONIC, DRAGON_FOREVER or DRAGON_NO_WAIT */
    const struct dragon_place *places;
    uint32_t count;
    bool watch; /* success takes nothing: always pass on */
    struct pollfd *fds; /* descriptors to wait for, too; one entry more than fds_count, for the bell */
    uint32_t fds_count;
};

/* Tries, again and again for a while. A process whose last spins all brought nothing spins only now and then. */
static inline int dragon_spin(struct dragon_thread *thread, const struct dragon_wait *wait)
{
    struct dragon_process *process = thread->process;
    int result = wait->try(thread, wait->argument);
    if (result != DRAGON_AGAIN || wait->deadline == DRAGON_NO_WAIT) return result;
    uint32_t misses = __atomic_load_n(&process->spin_misses, __ATOMIC_RELAXED);
    if (misses >= DRAGON_SPIN_MISSES && misses % DRAGON_SPIN_PROBE) {
        __atomic_store_n(&process->spin_misses, misses + 1, __ATOMIC_RELAXED);
        return DRAGON_AGAIN;
    }
    int64_t end = dragon_now() + DRAGON_SPIN_NS;
    for (uint32_t i = 1;; i++) {
        dragon_pause();
        if ((result = wait->try(thread, wait->argument)) != DRAGON_AGAIN) {
            __atomic_store_n(&process->spin_misses, 0, __ATOMIC_RELAXED);
            return result;
        }
        if (i % 16) continue;
        if (dragon_now() > end) break;
        sched_yield();
    }
    __atomic_store_n(&process->spin_misses, misses + 1, __ATOMIC_RELAXED);
    return DRAGON_AGAIN;
}

/* PARKED, and a reference in each queue. A reference that an earlier wait left in the same queue of the same object serves again. Killed in between:
 * the references are stale with the sweep. */
static inline int dragon_arm(struct dragon_thread *thread, const struct dragon_wait *wait)
{
    struct dragon_record *record = thread->record;
    const struct dragon_place *place = wait->places;
    bool one = wait->count == 1;
    uint64_t queue = one ? dragon_offset(thread->process, place->queue) : 0;
    uint32_t word = dragon_load(&record->word), generation = dragon_generation(word);
    if (one && !wait->fds && dragon_peek(&record->wait_queue) == queue && dragon_peek(&record->wait_object) == place->object &&
        thread->waited_id == place->id && word == (generation << 5 | DRAGON_QUEUED | DRAGON_IDLE) &&
        dragon_cas32(&record->word, word, generation << 5 | DRAGON_QUEUED | DRAGON_PARKED))
        return DRAGON_OK;
    generation = (generation + 1) & DRAGON_GENERATION_MASK;
    dragon_store(&record->wait_object, one ? place->object : 1);
    dragon_store(&record->wait_queue, queue);
    thread->waited_id = one ? place->id : 0;
    dragon_store(&record->word, generation << 5 | (wait->fds ? DRAGON_BELL : 0u) | DRAGON_QUEUED | DRAGON_PARKED);
    for (uint32_t i = 0; i < wait->count; i++) {
        int result = dragon_enqueue(thread, place[i].queue, dragon_waiter(thread, generation));
        if (result != DRAGON_OK) {
            thread->waited_id = 0; /* there is no reference to serve again */
            return result;
        }
    }
    return DRAGON_OK;
}

/* PARKED -> IDLE, the reference stays. True: a chooser, or news, came first; that is consumed now. */
static inline bool dragon_disarm(struct dragon_thread *thread)
{
    dragon_u32 *at = &thread->record->word;
    uint32_t word = dragon_load(at);
    if (dragon_wait_state(word) == DRAGON_PARKED && dragon_cas32(at, word, (word & ~(uint32_t)DRAGON_STATE_MASK) | DRAGON_IDLE)) return false;
    dragon_store(at, dragon_generation(word) << 5 | DRAGON_IDLE);
    return true;
}

/* One more waiter of each object is told, in the place of this one. */
static inline void dragon_pass_on(struct dragon_thread *thread, const struct dragon_wait *wait)
{
    for (uint32_t i = 0; i < wait->count; i++) dragon_choose(thread, wait->places[i].queue);
}

static inline bool dragon_interrupted(struct dragon_thread *thread)
{
    const struct dragon_hooks *hooks = thread->process->hooks;
    return hooks && hooks->interrupted && hooks->interrupted(thread);
}

static inline int dragon_sleep_on_word(struct dragon_thread *thread, uint32_t word, int64_t deadline)
{
    struct timespec limit = {deadline / 1000000000, deadline % 1000000000};
    long rc =
        syscall(SYS_futex, &thread->record->word, FUTEX_WAIT_BITSET, word, deadline == DRAGON_FOREVER ? NULL : &limit, NULL, FUTEX_BITSET_MATCH_ANY);
    return rc == 0 ? 0 : errno;
}

/* Sleeps on descriptors and bell. EALREADY: one of the descriptors is ready. */
static inline int dragon_sleep_on_bell(const struct dragon_wait *wait)
{
    struct timespec limit, *left = NULL;
    if (wait->deadline != DRAGON_FOREVER) {
        int64_t ns = wait->deadline - dragon_now();
        if (ns <= 0) ns = 0;
        limit = (struct timespec){ns / 1000000000, ns % 1000000000};
        left = &limit;
    }
    int rc = ppoll(wait->fds, wait->fds_count + 1, left, NULL);
    if (rc < 0) return errno;
    if (rc == 0) return ETIMEDOUT;
    char byte;
    if (!wait->fds[wait->fds_count].revents) return EALREADY;
    while (recv(wait->fds[wait->fds_count].fd, &byte, 1, MSG_DONTWAIT) > 0) {}
    return rc > 1 ? EALREADY : 0;
}

/* Sleeps until the word is no longer PARKED. DRAGON_OK: chosen or news; else this thread's record is as it was: DRAGON_TIMEOUT, DRAGON_INTERRUPTED,
 * DRAGON_AGAIN (a descriptor is ready), DRAGON_SYSTEM. */
static inline int dragon_park(struct dragon_thread *thread, const struct dragon_wait *wait)
{
    uint32_t word;
    if (dragon_interrupted(thread)) return DRAGON_INTERRUPTED;
    while (dragon_wait_state(word = dragon_load(&thread->record->word)) == DRAGON_PARKED) {
        DRAGON_STEP();
        switch (wait->fds ? dragon_sleep_on_bell(wait) : dragon_sleep_on_word(thread, word, wait->deadline)) {
        case 0:
        case EAGAIN: continue;
        case ETIMEDOUT: return DRAGON_TIMEOUT;
        case EALREADY: return DRAGON_AGAIN;
        case EINTR:
            if (dragon_interrupted(thread)) return DRAGON_INTERRUPTED;
            continue;
        default: return DRAGON_SYSTEM;
        }
    }
    return DRAGON_OK;
}

/* The bell of this record, made for one wait. */
static inline int dragon_bell_open(struct dragon_thread *thread, struct pollfd *bell)
{
    struct sockaddr_un address;
    socklen_t size = dragon_bell_address(thread->process->header, thread->process->number, thread->index, &address);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return DRAGON_SYSTEM;
    if (bind(fd, (struct sockaddr *)&address, size) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return DRAGON_SYSTEM;
    }
    *bell = (struct pollfd){.fd = fd, .events = POLLIN};
    return DRAGON_OK;
}

/* After parking without being chosen. Whoever leaves with a choice it did not use passes it on. */
static inline int dragon_leave(struct dragon_thread *thread, const struct dragon_wait *wait, int result)
{
    bool chosen = dragon_disarm(thread);
    if (chosen && result == DRAGON_TIMEOUT) {
        int last = wait->try(thread, wait->argument);
        if (last == DRAGON_AGAIN) return DRAGON_TIMEOUT;
        if (last != DRAGON_OK || wait->watch) dragon_pass_on(thread, wait);
        return last;
    }
    if (chosen) dragon_pass_on(thread, wait);
    return result;
}

/* One round of arming, trying again and parking. DRAGON_AGAIN: look again from the start. */
static inline int dragon_wait_round(struct dragon_thread *thread, const struct dragon_wait *wait)
{
    int result = dragon_arm(thread, wait);
    if (result != DRAGON_OK) {
        dragon_disarm(thread);
        dragon_pass_on(thread, wait);
        return result;
    }
    dragon_fence();
    result = wait->try(thread, wait->argument);
    if (result == DRAGON_AGAIN && dragon_load(&thread->process->header->run_state) != DRAGON_RUNNING) result = DRAGON_RUN_OVER;
    if (result != DRAGON_AGAIN) {
        if (dragon_disarm(thread) || wait->watch || result != DRAGON_OK) dragon_pass_on(thread, wait);
        return result;
    }
    result = dragon_park(thread, wait);
    if (result != DRAGON_OK && result != DRAGON_AGAIN) return dragon_leave(thread, wait, result);
    dragon_disarm(thread);
    return DRAGON_AGAIN;
}

/* Waits until `try` succeeds. */
static inline int dragon_wait(struct dragon_thread *thread, struct dragon_wait *wait)
{
    int result = dragon_spin(thread, wait);
    if (result != DRAGON_AGAIN) return result;
    if (wait->deadline == DRAGON_NO_WAIT) return DRAGON_TIMEOUT;
    if (wait->fds && (result = dragon_bell_open(thread, &wait->fds[wait->fds_count])) != DRAGON_OK) return result;
    for (;;) {
        result = dragon_wait_round(thread, wait);
        if (result != DRAGON_AGAIN) break;
        result = dragon_spin(thread, wait);
        if (result == DRAGON_AGAIN) continue;
        if (wait->watch || result != DRAGON_OK) dragon_pass_on(thread, wait);
        break;
    }
    if (wait->fds) close(wait->fds[wait->fds_count].fd);
    return result;
}

#endif
