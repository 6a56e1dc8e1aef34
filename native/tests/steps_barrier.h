/* Death on the way through a barrier. Of one generation all pass or none; the dead do not count; who is left is never asleep for one who will not come. */
#ifndef DRAGON_TEST_STEPS_BARRIER_H
#define DRAGON_TEST_STEPS_BARRIER_H

#include "steps_channel.h"

static void barrier_of(uint64_t parties)
{
    test_create(&thing, &(struct dragon_plan){.kind = DRAGON_BARRIER, .role = DRAGON_USER, .value = parties});
}

/* A party's whole way. With `act`, whoever comes last acts (a step) before the others pass. */
static int pass_through(struct dragon_thread *thread, struct dragon_object *barrier, bool act, int64_t deadline)
{
    struct dragon_pass pass = {.barrier = barrier, .act = act};
    dragon_begin(thread, DRAGON_UPDATE, dragon_offset(thread->process, barrier));
    int result = dragon_barrier_come(thread, &pass, deadline);
    if (result == DRAGON_OK && !pass.last) {
        result = dragon_barrier_await(thread, &pass, deadline);
    } else if (result == DRAGON_OK && act) {
        DRAGON_STEP();
        result = dragon_barrier_advance(thread, barrier, &pass.generation, false) ? DRAGON_OK : DRAGON_CLOSED;
    } else if (result == DRAGON_OK) {
        dragon_barrier_tell(thread, barrier);
    }
    dragon_end(thread);
    return result;
}
static int wait_barrier(struct bystander *b)
{
    return pass_through(b->record, b->binding.object, false, DRAGON_FOREVER);
}

static void one_party(void)
{
    barrier_of(3);
    waiting_one = waiting_two = bystander_start(wait_barrier);
}
static void two_parties(void)
{
    one_party();
    waiting_two = bystander_start(wait_barrier);
}
static void another_party(void)
{
    waiting_two = bystander_start(wait_barrier);
}

/* All have come, and the last one, the tester, acts; then comes who belongs to the next generation. */
static struct dragon_pass acting;
static void tester_acts(void)
{
    barrier_of(2);
    waiting_one = bystander_start(wait_barrier);
    struct dragon_thread *thread = take(&tester);
    acting = (struct dragon_pass){.barrier = thing.object, .act = true};
    CHECK(dragon_barrier_enter(thread, &acting) == DRAGON_OK && acting.last);
    dragon_thread_give(thread);
}
static void tester_has_acted(void)
{
    struct dragon_thread *thread = take(&tester);
    dragon_barrier_advance(thread, thing.object, &acting.generation, false);
    dragon_thread_give(thread);
    waiting_two = bystander_start(wait_barrier);
}

static void victim_passes(void)
{
    if (pass_through(mine, thing.object, false, DRAGON_FOREVER) != DRAGON_OK) _exit(3);
}
static void victim_acts_and_passes(void)
{
    if (pass_through(mine, thing.object, true, DRAGON_FOREVER) != DRAGON_OK) _exit(3);
}
static void victim_passes_shortly(void)
{
    if (pass_through(mine, thing.object, false, dragon_now() + 1000000) != DRAGON_CLOSED) _exit(3);
}
static void victim_change(bool reset)
{
    dragon_begin(mine, DRAGON_UPDATE, dragon_offset(&me, thing.object));
    if (reset)
        dragon_barrier_advance(mine, thing.object, NULL, true);
    else
        dragon_barrier_break(mine, thing.object, NULL);
    dragon_end(mine);
}
static void victim_resets(void)
{
    victim_change(true);
}
static void victim_aborts(void)
{
    victim_change(false);
}

/* As long as the barrier is whole, those who sleep are those it counts; the tester comes for the missing. */
static void tester_comes(void)
{
    struct dragon_thread *thread = take(&tester);
    uint64_t word = dragon_load(&thing.object->barrier.word);
    uint32_t asleep = !atomic_load(&waiting_one->done) + (waiting_two != waiting_one && !atomic_load(&waiting_two->done));
    if (dragon_barrier_state(word) == DRAGON_FILLING && dragon_barrier_count(word)) {
        struct dragon_pass pass = {.barrier = thing.object};
        CHECK(dragon_barrier_count(word) <= asleep);
        while (!pass.last) CHECK(dragon_barrier_enter(thread, &pass) == DRAGON_OK);
        dragon_barrier_tell(thread, thing.object);
    }
    CHECK(dragon_barrier_state(word) != DRAGON_ACTING);
    dragon_thread_give(thread);
}

/* It can be used again after a reset, whatever happened. */
static void verify_as_new(void)
{
    struct dragon_thread *thread = take(&tester);
    dragon_barrier_advance(thread, thing.object, NULL, true);
    for (uint32_t i = 0; i < thing.object->barrier.parties; i++) {
        struct dragon_pass pass = {.barrier = thing.object};
        CHECK(dragon_barrier_enter(thread, &pass) == DRAGON_OK && pass.index == i);
    }
    CHECK(dragon_load(&thing.object->barrier.word) << (64 - DRAGON_BARRIER_HISTORY) == 0);
    dragon_thread_give(thread);
}

static void verify_all_ended(bool same, int unharmed)
{
    tester_comes();
    AWAIT(waiting_one);
    AWAIT(waiting_two);
    if (same) CHECK(waiting_one->result == waiting_two->result);
    CHECK(waiting_one->result == unharmed || (victim_died && (waiting_one->result == DRAGON_OK || waiting_one->result == DRAGON_CLOSED)));
    CHECK(waiting_two->result == unharmed || (victim_died && (waiting_two->result == DRAGON_OK || waiting_two->result == DRAGON_CLOSED)));
    verify_as_new();
}
static void verify_passed(void)
{
    verify_all_ended(true, DRAGON_OK);
}
static void verify_given_up(void)
{
    verify_all_ended(true, DRAGON_CLOSED);
}
static void verify_next_passed(void)
{
    verify_all_ended(false, DRAGON_OK);
}

static const struct scenario barrier_scenarios[] = {
    {"barrier: come, another comes last", one_party, victim_passes, another_party, verify_passed},
    {"barrier: come last", two_parties, victim_passes, NULL, verify_passed},
    {"barrier: come last and act", two_parties, victim_acts_and_passes, NULL, verify_passed},
    {"barrier: come while one acts", tester_acts, victim_passes, tester_has_acted, verify_next_passed},
    {"barrier: until the time limit", one_party, victim_passes_shortly, NULL, verify_given_up},
    {"barrier: reset", two_parties, victim_resets, NULL, verify_given_up},
    {"barrier: abort", two_parties, victim_aborts, NULL, verify_given_up},
    {NULL, NULL, NULL, NULL, NULL},
};

#endif
