/* Barrier (spec, section 9): a number of parties pass together. All of it is one word, `generation << 40 | history << 24 | state << 22 | count`: whoever
 * comes counts himself in by CAS, the last one begins the next generation. `history` has a bit for each of the last generations, the latest lowest: was it
 * given up by a reset? So a slow waiter still learns how its own ended. Who dies inside is found by its record, and the agent breaks the barrier. */
#ifndef DRAGON_BARRIER_H
#define DRAGON_BARRIER_H

#include "wait.h"

enum { DRAGON_FILLING, DRAGON_ACTING, DRAGON_BROKEN }; /* ACTING: all have come, and the last one does what is to be done before they pass */
enum { DRAGON_BARRIER_STATE = 22, DRAGON_BARRIER_HISTORY = 24, DRAGON_BARRIER_GENERATION = 40, DRAGON_BARRIER_REMEMBERED = 16 };
#define DRAGON_BARRIER_MOST ((UINT32_C(1) << DRAGON_BARRIER_STATE) - 1)

struct dragon_pass { /* one party's way through */
    struct dragon_object *barrier;
    uint64_t generation;
    uint32_t index; /* 0 came first */
    bool last, act; /* act: the last one is to stop, ACTING, before the others pass */
};

static inline uint32_t dragon_barrier_count(uint64_t word)
{
    return (uint32_t)word & DRAGON_BARRIER_MOST;
}

static inline uint32_t dragon_barrier_state(uint64_t word)
{
    return (uint32_t)(word >> DRAGON_BARRIER_STATE) & 3;
}

static inline uint64_t dragon_barrier_with(uint64_t word, uint32_t state, uint32_t count)
{
    return word >> DRAGON_BARRIER_HISTORY << DRAGON_BARRIER_HISTORY | (uint64_t)state << DRAGON_BARRIER_STATE | count;
}

/* The next generation, FILLING. */
static inline uint64_t dragon_barrier_next(uint64_t word, bool reset)
{
    uint64_t history = (word >> DRAGON_BARRIER_HISTORY << 1 | reset) & ((UINT64_C(1) << DRAGON_BARRIER_REMEMBERED) - 1);
    return ((word >> DRAGON_BARRIER_GENERATION) + 1) << DRAGON_BARRIER_GENERATION | history << DRAGON_BARRIER_HISTORY;
}

/* How did the generation end? DRAGON_OK: passed; DRAGON_CLOSED: broken or reset; DRAGON_AGAIN: not yet. */
static inline int dragon_barrier_outcome(uint64_t word, uint64_t generation)
{
    uint64_t since = ((word >> DRAGON_BARRIER_GENERATION) - generation) & ((UINT64_C(1) << (64 - DRAGON_BARRIER_GENERATION)) - 1);
    if (since == 0) return dragon_barrier_state(word) == DRAGON_BROKEN ? DRAGON_CLOSED : DRAGON_AGAIN;
    if (since > DRAGON_BARRIER_REMEMBERED) return DRAGON_OK;
    return word >> (DRAGON_BARRIER_HISTORY + since - 1) & 1 ? DRAGON_CLOSED : DRAGON_OK;
}

/* Counts the caller in. DRAGON_AGAIN: the generation before is about to pass. */
static inline int dragon_barrier_enter(struct dragon_thread *thread, void *argument)
{
    struct dragon_pass *pass = argument;
    struct dragon_object *barrier = pass->barrier;
    (void)thread;
    for (;;) {
        uint64_t word = dragon_load(&barrier->barrier.word), next;
        uint32_t count = dragon_barrier_count(word);
        if (dragon_barrier_state(word) != DRAGON_FILLING) return dragon_barrier_state(word) == DRAGON_BROKEN ? DRAGON_CLOSED : DRAGON_AGAIN;
        pass->last = count + 1 == barrier->barrier.parties;
        if (!pass->last)
            next = dragon_barrier_with(word, DRAGON_FILLING, count + 1);
        else
            next = pass->act ? dragon_barrier_with(word, DRAGON_ACTING, count + 1) : dragon_barrier_next(word, false);
        if (!dragon_cas(&barrier->barrier.word, word, next)) continue;
        pass->index = count;
        pass->generation = word >> DRAGON_BARRIER_GENERATION;
        return DRAGON_OK;
    }
}

static inline int dragon_barrier_passed(struct dragon_thread *thread, void *argument)
{
    struct dragon_pass *pass = argument;
    (void)thread;
    return dragon_barrier_outcome(dragon_load(&pass->barrier->barrier.word), pass->generation);
}

static inline void dragon_barrier_tell(struct dragon_thread *thread, struct dragon_object *barrier)
{
    dragon_fence_after_rmw();
    dragon_choose_all(thread, &barrier->queue[0], UINT32_MAX);
}

static inline int dragon_barrier_wait(struct dragon_thread *thread, struct dragon_pass *pass, dragon_try *try, int64_t deadline)
{
    struct dragon_place place = {dragon_offset(thread->process, pass->barrier), dragon_load(&pass->barrier->id), &pass->barrier->queue[0]};
    struct dragon_wait wait = {.try = try, .argument = pass, .deadline = deadline, .places = &place, .count = 1, .watch = true};
    return dragon_wait(thread, &wait);
}

/* All pass, or with `reset` all that wait give up and the barrier is as new. False: it was broken or reset since `generation`. */
static inline bool dragon_barrier_advance(struct dragon_thread *thread, struct dragon_object *barrier, const uint64_t *generation, bool reset)
{
    uint64_t word;
    do {
        word = dragon_load(&barrier->barrier.word);
        if (generation && dragon_barrier_outcome(word, *generation) != DRAGON_AGAIN) return false;
    } while (!dragon_cas(&barrier->barrier.word, word, dragon_barrier_next(word, reset)));
    dragon_barrier_tell(thread, barrier);
    return true;
}

/* Breaks it for all who wait and will. With a generation: only while that one has not ended; returns how it had ended. */
static inline int dragon_barrier_break(struct dragon_thread *thread, struct dragon_object *barrier, const uint64_t *generation)
{
    uint64_t word;
    int outcome = DRAGON_AGAIN;
    do {
        word = dragon_load(&barrier->barrier.word);
        if (generation && (outcome = dragon_barrier_outcome(word, *generation)) != DRAGON_AGAIN) return outcome;
    } while (!dragon_cas(&barrier->barrier.word, word, dragon_barrier_with(word, DRAGON_BROKEN, dragon_barrier_count(word))));
    dragon_barrier_tell(thread, barrier);
    return DRAGON_CLOSED;
}

/* Takes the caller out again, whose wait was interrupted. */
static inline void dragon_barrier_leave(struct dragon_pass *pass)
{
    for (;;) {
        uint64_t word = dragon_load(&pass->barrier->barrier.word);
        uint32_t count = dragon_barrier_count(word);
        if (word >> DRAGON_BARRIER_GENERATION != pass->generation || dragon_barrier_state(word) != DRAGON_FILLING || !count) return;
        if (dragon_cas(&pass->barrier->barrier.word, word, dragon_barrier_with(word, DRAGON_FILLING, count - 1))) return;
    }
}

/* The two halves of a way through. The caller brackets both with dragon_begin and dragon_end: who dies on it is known. First: counts the caller in, which waits while
 * the generation before is about to pass. */
static inline int dragon_barrier_come(struct dragon_thread *thread, struct dragon_pass *pass, int64_t deadline)
{
    int result = dragon_barrier_wait(thread, pass, dragon_barrier_enter, deadline);
    return result == DRAGON_TIMEOUT ? dragon_barrier_break(thread, pass->barrier, NULL) : result;
}

/* Second: waits for the others. Not for the last one, who lets them pass: by dragon_barrier_tell, or, if it was to act, by dragon_barrier_advance. */
static inline int dragon_barrier_await(struct dragon_thread *thread, struct dragon_pass *pass, int64_t deadline)
{
    int result = dragon_barrier_wait(thread, pass, dragon_barrier_passed, deadline);
    if (result == DRAGON_TIMEOUT) return dragon_barrier_break(thread, pass->barrier, &pass->generation);
    if (result != DRAGON_OK && result != DRAGON_CLOSED) dragon_barrier_leave(pass);
    return result;
}

#endif
