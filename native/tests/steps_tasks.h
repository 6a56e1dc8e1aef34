/* Death with tasks in hand. What is not done with is what lies in the channel, what a living client has in hand, and what one that ended in order left; who waits for
 * all to be done sleeps as long as there is any, and not longer. */
#ifndef DRAGON_TEST_STEPS_TASKS_H
#define DRAGON_TEST_STEPS_TASKS_H

#include "steps_channel.h"

static int take_task(struct dragon_thread *thread, int64_t deadline)
{
    struct dragon_incoming message = {.channel = thing.object, .tasks = &second};
    int result = dragon_tasks_receive(thread, &message, deadline);
    if (result == DRAGON_OK) dragon_message_done(thread, &message);
    return result;
}

static int64_t unfinished(void)
{
    return dragon_tasks_unfinished(&tester, second.object, thing.object);
}

static int test_done(void)
{
    struct dragon_thread *thread = take(&tester);
    int result = dragon_task_done(thread, &second, thing.object);
    dragon_thread_give(thread);
    return result;
}

static int wait_join(struct bystander *b)
{
    return dragon_tasks_join(b->record, b->other.object, b->binding.object, DRAGON_FOREVER);
}

/* So many messages, of which the tester takes some; and one who waits for all to be done. */
static void tasks_of(int messages, int taken)
{
    unbounded();
    test_create(&second, &(struct dragon_plan){.kind = DRAGON_TASKS, .role = DRAGON_USER});
    fill(messages, SMALL);
    struct dragon_thread *thread = take(&tester);
    while (taken--) CHECK(take_task(thread, DRAGON_NO_WAIT) == DRAGON_OK);
    dragon_thread_give(thread);
    waiting_one = bystander_start(wait_join);
}
static void one_to_take(void)
{
    tasks_of(1, 0);
}
static void two_to_take(void)
{
    tasks_of(2, 0);
}
static void one_in_hand(void)
{
    tasks_of(1, 1);
}
static void nothing_yet(void)
{
    tasks_of(0, 0);
}

static void victim_takes(void)
{
    if (take_task(mine, DRAGON_FOREVER) != DRAGON_OK) _exit(3);
}
static void victim_says_done(void)
{
    if (dragon_task_done(mine, &second, thing.object) != DRAGON_OK) _exit(3);
}
static void victim_takes_and_is_done(void)
{
    victim_takes();
    victim_says_done();
}
static void victim_takes_two_and_is_done_with_one(void)
{
    victim_takes();
    victim_takes_and_is_done();
}
static void victim_takes_and_ends_in_order(void)
{
    victim_takes();
    dragon_set_bits(&me.entry->flags, (uint32_t)DRAGON_ORDERLY);
}
static void victim_is_late(void) /* another took what it had seen */
{
    dragon_begin(mine, DRAGON_RECEIVE, 1);
    dragon_u64 *at = dragon_tasks_open(&me, &second);
    dragon_add(at, (uint64_t)0 - DRAGON_TASK - DRAGON_OPEN);
    dragon_tasks_tell(mine, second.object, thing.object);
    dragon_end(mine);
}

/* So many are not done with; the tester sees to all of them, and not to one more. */
static void verify_unfinished(int64_t n)
{
    struct dragon_thread *thread = take(&tester);
    CHECK(unfinished() == n);
    while (take_task(thread, DRAGON_NO_WAIT) == DRAGON_OK) {}
    dragon_thread_give(thread);
    CHECK(unfinished() == n);
    for (; n > 0; n--) {
        CHECK(!atomic_load(&waiting_one->done));
        CHECK(test_done() == DRAGON_OK);
    }
    AWAIT(waiting_one);
    CHECK(waiting_one->result == DRAGON_OK);
    for (uint64_t lost = dragon_load(&second.object->tasks.lost); lost; lost--) CHECK(test_done() == DRAGON_OK);
    CHECK(test_done() == DRAGON_NOT_HELD && unfinished() == 0);
}

static void verify_in_channel(void)
{
    if (!victim_died) CHECK(dragon_channel_count(&tester, thing.object) == 0);
    verify_unfinished((int64_t)dragon_channel_count(&tester, thing.object));
}
static void verify_in_channel_or_lost(void)
{
    if (victim_died) CHECK(dragon_channel_count(&tester, thing.object) + dragon_load(&second.object->tasks.lost) == 1);
    verify_in_channel();
}
static void verify_done_for_another(void)
{
    int64_t n = unfinished();
    CHECK(n == 0 || (n == 1 && victim_died));
    verify_unfinished(n);
}
static void verify_left_in_order(void)
{
    int64_t n = unfinished(), there = (int64_t)dragon_channel_count(&tester, thing.object);
    CHECK(n == there || (n == 1 && there == 0));
    if (!victim_died) CHECK(n == 1);
    verify_unfinished(n);
}
static void verify_mine_stays(void)
{
    verify_unfinished(1);
}
static void verify_sent(void)
{
    int64_t n = unfinished(); /* who waited may have been done before it was sent, and then does not count */
    CHECK(n == (int64_t)dragon_channel_count(&tester, thing.object) && (n == 1 || victim_died));
    AWAIT(waiting_one);
    while (n--) CHECK(test_done() == DRAGON_OK);
    CHECK(test_done() == DRAGON_NOT_HELD);
}

static const struct scenario task_scenarios[] = {
    {"tasks: put", nothing_yet, victim_send_small, NULL, verify_sent},
    {"tasks: take the last", one_to_take, victim_takes, NULL, verify_in_channel_or_lost},
    {"tasks: take the last and be done", one_to_take, victim_takes_and_is_done, NULL, verify_in_channel},
    {"tasks: take two and be done with one", two_to_take, victim_takes_two_and_is_done_with_one, NULL, verify_in_channel},
    {"tasks: be done for another", one_in_hand, victim_says_done, NULL, verify_done_for_another},
    {"tasks: take the last and end in order", one_to_take, victim_takes_and_ends_in_order, NULL, verify_left_in_order},
    {"tasks: be late", one_in_hand, victim_is_late, NULL, verify_mine_stays},
    {NULL, NULL, NULL, NULL, NULL},
};

#endif
