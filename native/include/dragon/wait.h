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

enum { DRAGON_SPIN_NS = 50000, DRAGON_BRIEF_NS = 100000, DRAGON_SPIN_LOOK = 64, DRAGON_SPIN_OFTEN = 8, DRAGON_SPIN_SELDOM = 32 };

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

/* Does this machine have one processor only? What this process may run on does not matter: the other side may run elsewhere. */
static inline bool dragon_alone(struct dragon_process *process)
{
    uint32_t processors = __atomic_load_n(&process->processors, __ATOMIC_RELAXED);
    if (!processors) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        __atomic_store_n(&process->processors, processors = online > 1 ? (uint32_t)online : 1, __ATOMIC_RELAXED);
    }
    return processors == 1;
}

/* Tries, and if that paid the last time, or now and then, again and again for as long as a wake-up takes. Two that answer each other must not both stay
 * asleep between messages for ever since neither finds the other awake: after a brief sleep a thread tries often, and the first to try finds the other. */
static inline int dragon_spin(struct dragon_thread *thread, const struct dragon_wait *wait)
{
    int result = wait->try(thread, wait->argument);
    if (result != DRAGON_AGAIN || wait->deadline == DRAGON_NO_WAIT) return result;
    if (thread->luck % (thread->brief ? DRAGON_SPIN_OFTEN : DRAGON_SPIN_SELDOM) || dragon_alone(thread->process)) {
        thread->luck++;
        return DRAGON_AGAIN;
    }
    int64_t end = dragon_now() + DRAGON_SPIN_NS;
    if (wait->deadline < end) end = wait->deadline;
    for (;;) {
        for (int i = 0; i < DRAGON_SPIN_LOOK; i++) {
            dragon_pause();
            if ((result = wait->try(thread, wait->argument)) == DRAGON_AGAIN) continue;
            thread->luck = 0;
            return result;
        }
        if (dragon_now() >= end) break;
        sched_yield();
    }
    thread->luck++;
    return DRAGON_AGAIN;
}

/* Takes note of a wait that ended in sleep. The first brief one after longer ones lets the next spin at once: somebody is there again. */
static inline void dragon_slept(struct dragon_thread *thread, int64_t start)
{
    bool brief = dragon_now() - start < DRAGON_BRIEF_NS;
    if (brief && !thread->brief) thread->luck = 0;
    thread->brief = brief;
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

/* The bell of this record, made for one wait. Each has a name of its own, after the record's generation, which the wait moves on: a process that was forked
 * during an earlier wait may hold that one's. */
static inline int dragon_bell_open(struct dragon_thread *thread, struct pollfd *bell)
{
    struct sockaddr_un address;
    uint32_t name = dragon_generation(dragon_load(&thread->record->word));
    socklen_t size = dragon_bell_address(thread->process->header, thread->process->number, thread->index, name, &address);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return DRAGON_SYSTEM;
    if (bind(fd, (struct sockaddr *)&address, size) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return DRAGON_SYSTEM;
    }
    dragon_store(&thread->record->bell, name);
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
    int64_t start = dragon_now();
    while ((result = dragon_wait_round(thread, wait)) == DRAGON_AGAIN) {
        result = wait->try(thread, wait->argument);
        if (result == DRAGON_AGAIN) continue;
        if (wait->watch || result != DRAGON_OK) dragon_pass_on(thread, wait);
        break;
    }
    dragon_slept(thread, start);
    if (wait->fds) close(wait->fds[wait->fds_count].fd);
    return result;
}

#endif
