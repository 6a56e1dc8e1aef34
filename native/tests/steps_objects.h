/* Death while acquiring, releasing, setting, notifying; while making objects, binding and letting go; while the memory's tables grow. */
#ifndef DRAGON_TEST_STEPS_OBJECTS_H
#define DRAGON_TEST_STEPS_OBJECTS_H

#include "steps_channel.h"

enum { BIG = 700000 };

static void make(uint32_t kind, uint64_t value)
{
    test_create(&thing, &(struct dragon_plan){.kind = kind, .role = DRAGON_USER, .value = value, .detail = UINT32_MAX});
}

/* The victim's preparations cost no steps. */
static int quiet_from(void)
{
    int target = step_target;
    step_target = 0;
    return target;
}

static int wait_acquire(struct bystander *b)
{
    return dragon_semaphore_acquire(b->record, b->binding.object, DRAGON_FOREVER);
}

static int wait_lock(struct bystander *b)
{
    struct dragon_acquire acquire = {.lock = b->binding.object};
    int result = dragon_lock_acquire(b->record, &acquire, DRAGON_FOREVER);
    b->first = acquire.owner_died;
    return result != DRAGON_OK ? result : dragon_lock_release(b->record, b->binding.object);
}

static int wait_event(struct bystander *b)
{
    return dragon_event_wait(b->record, b->binding.object, DRAGON_FOREVER);
}

static int wait_condition(struct bystander *b)
{
    struct dragon_sleep sleep;
    CHECK(dragon_condition_arm(b->record, b->binding.object, &sleep, DRAGON_FOREVER) == DRAGON_OK);
    int result = dragon_condition_sleep(b->record, &sleep);
    dragon_end(b->record);
    return result;
}

static int tester_releases(uint32_t n)
{
    struct dragon_thread *thread = take(&tester);
    int result = dragon_semaphore_release(thread, thing.object, n);
    dragon_thread_give(thread);
    return result;
}

/* Semaphore. */
static void victim_acquires(void)
{
    if (dragon_semaphore_acquire(mine, thing.object, DRAGON_FOREVER) != DRAGON_OK) _exit(3);
}
static void victim_releases_two(void)
{
    if (dragon_semaphore_release(mine, thing.object, 2) != DRAGON_OK) _exit(3);
}
static void semaphore_two(void)
{
    make(DRAGON_SEMAPHORE, 2);
}
static void verify_acquired(void)
{
    uint32_t value = dragon_load(&thing.object->semaphore.value);
    CHECK(value == 1 || (victim_died && value == 2));
}
static void semaphore_sleepers(void)
{
    make(DRAGON_SEMAPHORE, 0);
    waiting_one = bystander_start(wait_acquire);
    waiting_two = bystander_start(wait_acquire);
}
static void verify_semaphore_released(void)
{
    uint32_t value = dragon_load(&thing.object->semaphore.value);
    if (!atomic_load(&waiting_one->done) && !atomic_load(&waiting_two->done) && value == 0 && victim_died) tester_releases(2);
    AWAIT(waiting_one);
    AWAIT(waiting_two);
}
static void semaphore_sleeper(void)
{
    make(DRAGON_SEMAPHORE, 0);
    waiting_one = bystander_start(wait_acquire);
}
static void release_two(void)
{
    CHECK(tester_releases(2) == DRAGON_OK);
}
static void release_one_and_one(void)
{
    CHECK(tester_releases(1) == DRAGON_OK);
    CHECK(tester_releases(1) == DRAGON_OK);
}
static void verify_one(void)
{
    AWAIT(waiting_one);
}

/* Lock: held by the tester, one sleeps; the victim releases it, as any process may. */
static void tester_locks(void)
{
    struct dragon_thread *thread = take(&tester);
    struct dragon_acquire acquire = {.lock = thing.object};
    CHECK(dragon_lock_acquire(thread, &acquire, soon()) == DRAGON_OK);
    dragon_thread_give(thread);
}
static void tester_unlocks(void)
{
    struct dragon_thread *thread = take(&tester);
    dragon_lock_release(thread, thing.object);
    dragon_thread_give(thread);
}
static void lock_sleeper(void)
{
    make(DRAGON_LOCK, 0);
    tester_locks();
    waiting_one = bystander_start(wait_lock);
}
static void rlock_sleeper(void)
{
    make(DRAGON_RLOCK, 0);
    tester_locks();
    waiting_one = bystander_start(wait_lock);
}
static void victim_unlocks(void)
{
    if (dragon_lock_release(mine, thing.object) != DRAGON_OK) _exit(3);
}
static void verify_unlocked(void)
{
    struct dragon_thread *thread = take(&tester);
    if (victim_died && dragon_lock_is_mine(thread->process, thing.object)) dragon_lock_release(thread, thing.object);
    dragon_thread_give(thread);
    AWAIT(waiting_one);
    tester_locks();
}
static void victim_locks_twice(void)
{
    struct dragon_acquire acquire = {.lock = thing.object};
    if (dragon_lock_acquire(mine, &acquire, DRAGON_FOREVER) != DRAGON_OK) _exit(3);
    if (thing.object->kind == DRAGON_RLOCK) {
        if (dragon_lock_acquire(mine, &acquire, DRAGON_FOREVER) != DRAGON_OK) _exit(3);
        if (dragon_lock_release(mine, thing.object) != DRAGON_OK) _exit(3);
    }
    if (dragon_lock_release(mine, thing.object) != DRAGON_OK) _exit(3);
}
static void verify_locked(void)
{
    AWAIT(waiting_one);
    tester_locks();
    CHECK(thing.object->kind == DRAGON_LOCK || dragon_load(&thing.object->lock.count) == 1);
    tester_unlocks();
    CHECK(dragon_load(&thing.object->lock.owner) == 0);
}
static void victim_keeps_lock(void)
{
    struct dragon_acquire acquire = {.lock = thing.object};
    if (dragon_lock_acquire(mine, &acquire, DRAGON_FOREVER) != DRAGON_OK) _exit(3);
    DRAGON_STEP();
    pause();
}
static void plain_lock(void)
{
    make(DRAGON_LOCK, 0);
}
static void verify_kept(void)
{
    struct dragon_thread *thread = take(&tester);
    struct dragon_acquire acquire = {.lock = thing.object};
    CHECK(dragon_lock_acquire(thread, &acquire, soon()) == DRAGON_OK);
    dragon_lock_release(thread, thing.object);
    dragon_thread_give(thread);
}
static void victim_locks_shortly(void)
{
    struct dragon_acquire acquire = {.lock = thing.object};
    if (dragon_lock_acquire(mine, &acquire, dragon_now() + 1000000) != DRAGON_TIMEOUT) _exit(3);
}
static void verify_locked_shortly(void)
{
    tester_unlocks();
    verify_locked();
}

/* Event and Condition. */
static void event_sleepers(void)
{
    make(DRAGON_EVENT, 0);
    waiting_one = bystander_start(wait_event);
    waiting_two = bystander_start(wait_event);
}
static void victim_sets(void)
{
    dragon_event_set(mine, thing.object, 5);
}
static void victim_waits_event(void)
{
    if (dragon_event_wait(mine, thing.object, DRAGON_FOREVER) != DRAGON_OK) _exit(3);
}
static void set_event(void)
{
    struct dragon_thread *thread = take(&tester);
    dragon_event_set(thread, thing.object, 5);
    dragon_thread_give(thread);
}
static void verify_event(void)
{
    if (victim_died && !dragon_load(&thing.object->event.value)) set_event();
    AWAIT(waiting_one);
    AWAIT(waiting_two);
}
static void condition_sleepers(void)
{
    make(DRAGON_CONDITION, 0);
    waiting_one = bystander_start(wait_condition);
    waiting_two = bystander_start(wait_condition);
}
static void notify_all(void)
{
    struct dragon_thread *thread = take(&tester);
    dragon_condition_notify(thread, thing.object, UINT32_MAX);
    dragon_thread_give(thread);
}
static void victim_notifies(void)
{
    if (dragon_condition_notify(mine, thing.object, 2) != 2) _exit(3);
}
static void verify_notified(void)
{
    if (victim_died) notify_all();
    AWAIT(waiting_one);
    AWAIT(waiting_two);
}
static void plain_condition(void)
{
    make(DRAGON_CONDITION, 0);
}
static void victim_sleeps(void)
{
    struct dragon_sleep sleep;
    if (dragon_condition_arm(mine, thing.object, &sleep, DRAGON_FOREVER) != DRAGON_OK) _exit(3);
    if (dragon_condition_sleep(mine, &sleep) != DRAGON_OK) _exit(3);
    DRAGON_STEP(); /* here a lock would be taken again */
    dragon_end(mine);
}
/* The victim sleeps first, so it is chosen first; where it dies with the notification, the other must be told. */
static bool notified;
static void notify_one(void)
{
    waiting_one = bystander_start(wait_condition);
    struct dragon_thread *thread = take(&tester);
    notified = dragon_condition_notify(thread, thing.object, 1) == 1;
    dragon_thread_give(thread);
}
static void verify_slept(void)
{
    if (!victim_died) notify_all();
    if (victim_died && !notified) notify_all();
    AWAIT(waiting_one);
}

/* Objects in the making, and the tables. */
static void nothing(void)
{
}
static void victim_makes(uint32_t kind, uint64_t value, uint32_t detail)
{
    struct dragon_binding made;
    struct dragon_thread *mailer = take(&me);
    if (dragon_create(mine, &(struct dragon_plan){.kind = kind, .role = DRAGON_USER, .value = value, .detail = detail}, &made) != DRAGON_OK) _exit(3);
    if (dragon_unbind(mine, mailer, &made) != DRAGON_OK) _exit(3);
}
static void victim_makes_channel(void)
{
    victim_makes(DRAGON_CHANNEL, 0, 128);
}
static void victim_makes_lock(void)
{
    victim_makes(DRAGON_LOCK, 0, 0);
}
static void victim_makes_area(void)
{
    victim_makes(DRAGON_AREA, 100000, 0);
}
static void victim_makes_and_fills(void)
{
    struct dragon_binding made;
    int target = quiet_from();
    if (dragon_create(mine, &(struct dragon_plan){.kind = DRAGON_CHANNEL, .role = DRAGON_USER, .detail = 64}, &made) != DRAGON_OK) _exit(3);
    thing = made;
    for (int i = 0; i < 64; i++) victim_sends(LARGE, DRAGON_FOREVER);
    step_target = target;
    victim_sends(LARGE, DRAGON_FOREVER);
}
static void victim_binds(void)
{
    struct dragon_binding again = {.offset = thing.offset, .id = thing.id, .role = DRAGON_SENDER};
    struct dragon_thread *mailer = take(&me);
    if (dragon_bind(mine, &again) != DRAGON_OK) _exit(3);
    if (dragon_unbind(mine, mailer, &again) != DRAGON_OK) _exit(3);
}
static void verify_bound(void)
{
    read_mailbox();
    CHECK(dragon_load(&thing.object->id) == thing.id && dragon_load(&thing.object->state) == DRAGON_LIVE);
}
static void victim_binds_many(void)
{
    struct dragon_binding again = {.offset = thing.offset, .id = thing.id, .role = DRAGON_USER};
    int target = quiet_from();
    for (int i = 0; i < 94; i++)
        if (dragon_bind(mine, &again) != DRAGON_OK) _exit(3);
    step_target = target;
    for (int i = 0; i < 4; i++)
        if (dragon_bind(mine, &again) != DRAGON_OK) _exit(3);
}
static void victim_takes_records(void)
{
    int target = quiet_from();
    for (int i = 0; i < 54; i++) take(&me);
    step_target = target;
    struct dragon_thread *last = NULL;
    for (int i = 0; i < 4; i++) last = take(&me);
    dragon_begin(last, DRAGON_UPDATE, 0);
}

/* The ends of a channel: a bystander receives from `thing`; `second` sends, and is the tester's and the victim's. */
static int wait_for_the_end(struct bystander *b)
{
    test_unbind(&b->process, &b->other);
    return receive_in(b->record, b->binding.object, NULL, NULL, DRAGON_FOREVER);
}
static void receiver_and_sender(void)
{
    test_create(&thing, &(struct dragon_plan){.kind = DRAGON_CHANNEL, .role = DRAGON_RECEIVER, .flags = DRAGON_ENDS, .detail = 64});
    second = (struct dragon_binding){.offset = thing.offset, .id = thing.id, .role = DRAGON_SENDER};
    struct dragon_thread *thread = take(&tester);
    CHECK(dragon_bind(thread, &second) == DRAGON_OK);
    dragon_thread_give(thread);
    waiting_one = bystander_start(wait_for_the_end);
}
static void verify_end(void)
{
    AWAIT(waiting_one);
    CHECK(waiting_one->result == DRAGON_CLOSED);
}
static void victim_sends_no_more(void)
{
    struct dragon_binding again = {.offset = second.offset, .id = second.id, .role = DRAGON_SENDER};
    struct dragon_thread *mailer = take(&me);
    if (dragon_bind(mine, &again) != DRAGON_OK) _exit(3);
    if (dragon_unbind(mine, mailer, &second) != DRAGON_OK) _exit(3);
    if (dragon_unbind(mine, mailer, &again) != DRAGON_OK) _exit(3);
}
static void verify_other_sender(void)
{
    struct dragon_object *channel = thing.object;
    CHECK(dragon_load(&channel->handles[0]) >= 1 && !(dragon_load(&channel->closed) & DRAGON_NO_SENDERS));
    CHECK(victim_died || dragon_load(&channel->handles[0]) == 1);
    test_unbind(&tester, &second);
    CHECK(victim_died || dragon_load(&channel->closed) & DRAGON_NO_SENDERS);
    read_mailbox();
    verify_end();
}
static void victim_is_the_last(void)
{
    struct dragon_thread *mailer = take(&me);
    note_sleep(mine);
    while (dragon_load(&thing.object->handles[0]) > 1) sched_yield();
    if (dragon_unbind(mine, mailer, &second) != DRAGON_OK) _exit(3);
}
static void tester_sends_no_more(void)
{
    test_unbind(&tester, &second);
}

/* All blocks of the large message's class are in use: the victim's allocation clears every hint above them, then grows. */
static void exhausted(void)
{
    uint32_t number = dragon_class_of(BIG);
    struct dragon_class *class = dragon_class(&tester, number);
    static uint8_t big[BIG];
    unbounded();
    struct dragon_thread *thread = take(&tester);
    do CHECK(send_from(thread, thing.object, big, BIG, DRAGON_NO_WAIT) == DRAGON_OK);
    while (dragon_find_slab(thread, 0, number));
    dragon_store(&thread->record->blocks[0], 0);
    for (uint32_t n = 0; n < 2 && n < dragon_load(&class->slab_count); n++) /* some hints are there again, and wrong */
        dragon_hints_set(&tester, dragon_slab(&tester, dragon_load(&class->slabs[n])), 0);
    dragon_thread_give(thread);
}
static void victim_sends_big(void)
{
    static uint8_t big[BIG];
    if (send_from(mine, thing.object, big, BIG, DRAGON_FOREVER) != DRAGON_OK) _exit(3);
}

static const struct scenario object_scenarios[] = {
    {"semaphore: acquire", semaphore_two, victim_acquires, NULL, verify_acquired},
    {"semaphore: release to sleepers", semaphore_sleepers, victim_releases_two, NULL, verify_semaphore_released},
    {"semaphore: acquire and sleep, two at once", semaphore_sleeper, victim_acquires, release_two, verify_one},
    {"semaphore: acquire and sleep, one by one", semaphore_sleeper, victim_acquires, release_one_and_one, verify_one},
    {"lock: release to a sleeper", lock_sleeper, victim_unlocks, NULL, verify_unlocked},
    {"lock: acquire, sleep, release", lock_sleeper, victim_locks_twice, tester_unlocks, verify_locked},
    {"rlock: acquire, sleep, release", rlock_sleeper, victim_locks_twice, tester_unlocks, verify_locked},
    {"lock: until the time limit", lock_sleeper, victim_locks_shortly, NULL, verify_locked_shortly},
    {"event: set", event_sleepers, victim_sets, NULL, verify_event},
    {"event: wait", event_sleepers, victim_waits_event, set_event, verify_event},
    {"condition: notify", condition_sleepers, victim_notifies, NULL, verify_notified},
    {"condition: sleep", plain_condition, victim_sleeps, notify_one, verify_slept},
    {"create and let go of a channel", nothing, victim_makes_channel, NULL, nothing},
    {"create and let go of a lock", nothing, victim_makes_lock, NULL, nothing},
    {"create and let go of an area", nothing, victim_makes_area, NULL, nothing},
    {"grow a channel nobody else knows", nothing, victim_makes_and_fills, NULL, nothing},
    {"bind and let go", plain_lock, victim_binds, NULL, verify_bound},
    {"ends: bind and let go, another sends still", receiver_and_sender, victim_sends_no_more, NULL, verify_other_sender},
    {"ends: the last sender lets go", receiver_and_sender, victim_is_the_last, tester_sends_no_more, verify_end},
    {"the reference table grows", plain_lock, victim_binds_many, NULL, verify_bound},
    {"the record table grows", nothing, victim_takes_records, NULL, nothing},
    {"send, the memory grows", exhausted, victim_sends_big, NULL, nothing},
    {NULL, NULL, NULL, NULL, NULL},
};

#endif
