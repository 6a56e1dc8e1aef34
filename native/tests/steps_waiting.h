/* Death while waiting on several things, and in the wait queue's own growth and tidying. */
#ifndef DRAGON_TEST_STEPS_WAITING_H
#define DRAGON_TEST_STEPS_WAITING_H

#include "steps_channel.h"

static int wait_for_many(struct dragon_thread *thread, struct dragon_object *channel, struct dragon_object *event, int fd, int64_t deadline)
{
    struct dragon_object *objects[2] = {channel, event};
    bool ready[2];
    struct dragon_place places[2];
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}};
    struct dragon_many many = {.objects = objects, .count = 2, .ready = ready, .fds = fds, .fds_count = fd >= 0};
    return dragon_wait_many(thread, &many, places, deadline);
}

static int silent[2] = {-1, -1}; /* a pipe on which nothing ever comes */

static void two_objects(void)
{
    unbounded();
    test_create(&second, &(struct dragon_plan){.kind = DRAGON_EVENT, .role = DRAGON_USER});
    if (silent[0] < 0 && pipe(silent) < 0) abort();
    waiting_one = bystander_start(wait_receive);
}
static void victim_waits_many(void)
{
    if (wait_for_many(mine, thing.object, second.object, -1, DRAGON_FOREVER) != DRAGON_OK) _exit(3);
}
static void victim_waits_with_descriptor(void)
{
    if (wait_for_many(mine, thing.object, second.object, silent[0], DRAGON_FOREVER) != DRAGON_OK) _exit(3);
}
static int wait_many_and_receive(struct bystander *b)
{
    int result = wait_for_many(b->record, b->binding.object, b->other.object, silent[0], DRAGON_FOREVER);
    return result != DRAGON_OK ? result : wait_receive(b);
}
static void two_objects_bell(void)
{
    unbounded();
    test_create(&second, &(struct dragon_plan){.kind = DRAGON_EVENT, .role = DRAGON_USER});
    if (silent[0] < 0 && pipe(silent) < 0) abort();
    waiting_one = bystander_start(wait_many_and_receive);
}
static void verify_rung(void)
{
    if (victim_died && !atomic_load(&waiting_one->done)) CHECK(test_send(&thing, 9, SMALL, soon()) == DRAGON_OK);
    AWAIT(waiting_one);
}

/* The wait queue's first ring is full of sleepers: the victim's reference makes it grow. */
static struct bystander *sleepers[4];
static void four_sleepers(void)
{
    unbounded();
    for (int i = 0; i < 4; i++) sleepers[i] = bystander_start(wait_receive);
}
static void send_five(void)
{
    for (int i = 0; i < 5; i++) CHECK(test_send(&thing, (uint8_t)(i + 1), SMALL, soon()) == DRAGON_OK);
}
static void verify_sleepers(void)
{
    for (int i = 0; i < 4; i++) AWAIT(sleepers[i]);
    while (test_receive(&thing, NULL, NULL, DRAGON_NO_WAIT) == DRAGON_OK) {}
    alive(5);
}

/* One sleeper and three stale references fill the ring: the victim tidies up. */
static void litter(void)
{
    struct dragon_binding other;
    struct dragon_thread *threads[3];
    unbounded();
    sleepers[0] = bystander_start(wait_receive);
    test_create(&other, &(struct dragon_plan){.kind = DRAGON_CHANNEL, .role = DRAGON_USER, .detail = 64});
    for (int i = 0; i < 3; i++) {
        threads[i] = take(&tester);
        CHECK(receive_in(threads[i], thing.object, NULL, NULL, dragon_now() + 1000) == DRAGON_TIMEOUT);
        CHECK(receive_in(threads[i], other.object, NULL, NULL, dragon_now() + 1000) == DRAGON_TIMEOUT);
    }
    for (int i = 0; i < 3; i++) dragon_thread_give(threads[i]);
    CHECK(dragon_load(&thing.object->queue[0].waiting) == 4);
    test_unbind(&tester, &other);
}
static void verify_tidied(void)
{
    CHECK(dragon_load(&thing.object->queue[0].ring.next) == 0 || victim_died);
    AWAIT(sleepers[0]);
    int left = 0;
    while (test_receive(&thing, NULL, NULL, DRAGON_NO_WAIT) == DRAGON_OK) left++;
    CHECK(victim_died ? left <= 1 : left == 0);
    alive(5);
}

/* A stale reference at the head, and a sleeper behind it. */
static void stale_head(void)
{
    struct dragon_binding other;
    struct dragon_thread *thread = take(&tester);
    unbounded();
    test_create(&other, &(struct dragon_plan){.kind = DRAGON_CHANNEL, .role = DRAGON_USER, .detail = 64});
    CHECK(receive_in(thread, thing.object, NULL, NULL, dragon_now() + 1000) == DRAGON_TIMEOUT);
    sleepers[0] = bystander_start(wait_receive);
    CHECK(receive_in(thread, other.object, NULL, NULL, dragon_now() + 1000) == DRAGON_TIMEOUT);
    dragon_thread_give(thread);
    test_unbind(&tester, &other);
}
/* The victim waits twice, the first time in vain (but for chance): its reference serves again. */
static void victim_waits_twice(void)
{
    uint64_t length;
    uint8_t first;
    int result = receive_in(mine, thing.object, &length, &first, dragon_now() + 1000);
    if (result == DRAGON_TIMEOUT)
        victim_receive();
    else if (result != DRAGON_OK)
        _exit(3);
}

static const struct scenario waiting_scenarios[] = {
    {"wait on several", two_objects, victim_waits_many, send_two, verify_polled},
    {"wait on several and a descriptor", two_objects, victim_waits_with_descriptor, send_two, verify_polled},
    {"ring a bell", two_objects_bell, victim_send_small, NULL, verify_rung},
    {"the wait queue grows", four_sleepers, victim_receive, send_five, verify_sleepers},
    {"the wait queue is tidied", litter, victim_receive, send_two, verify_tidied},
    {"a stale reference is dropped", stale_head, victim_receive, send_two, verify_tidied},
    {"a reference serves again", prepare_receiver, victim_waits_twice, send_two, verify_receiver},
    {NULL, NULL, NULL, NULL, NULL},
};

#endif
