/* Death while sending and receiving. */
#ifndef DRAGON_TEST_STEPS_CHANNEL_H
#define DRAGON_TEST_STEPS_CHANNEL_H

#include "steps.h"

enum { SMALL = 20, LARGE = 2000 };
static struct bystander *waiting_one, *waiting_two;

static int wait_receive(struct bystander *b)
{
    return receive_in(b->record, b->binding.object, &b->length, &b->first, DRAGON_FOREVER);
}

static int wait_send(struct bystander *b)
{
    uint8_t bytes[SMALL];
    memset(bytes, 77, sizeof bytes);
    return send_from(b->record, b->binding.object, bytes, sizeof bytes, DRAGON_FOREVER);
}

static void unbounded(void)
{
    test_create(&thing, &(struct dragon_plan){.kind = DRAGON_CHANNEL, .role = DRAGON_USER, .detail = 64});
}

static void bounded(uint32_t capacity)
{
    test_create(&thing, &(struct dragon_plan){.kind = DRAGON_CHANNEL, .role = DRAGON_USER, .value = capacity, .detail = 64});
}

static void fill(int messages, size_t size)
{
    for (int i = 0; i < messages; i++) CHECK(test_send(&thing, (uint8_t)(i + 1), size, DRAGON_NO_WAIT) == DRAGON_OK);
}

static void victim_sends(size_t size, int64_t deadline)
{
    uint8_t bytes[LARGE];
    memset(bytes, 200, sizeof bytes);
    if (send_from(mine, thing.object, bytes, size, deadline) != DRAGON_OK) _exit(3);
}

static void victim_send_small(void)
{
    victim_sends(SMALL, DRAGON_FOREVER);
}
static void victim_send_large(void)
{
    victim_sends(LARGE, DRAGON_FOREVER);
}

static void victim_receive(void)
{
    uint64_t length;
    uint8_t first;
    if (receive_in(mine, thing.object, &length, &first, DRAGON_FOREVER) != DRAGON_OK) _exit(3);
}

/* Everything in the channel, in order: first 1..n (the first `lost_at_most` may be missing), then perhaps the victim's, which is there if it ran through. */
static void drain(int n, int lost_at_most, bool victim_sent)
{
    uint8_t first = 0, expected = 1;
    int lost = 0;
    bool victims = false;
    while (test_receive(&thing, NULL, &first, DRAGON_NO_WAIT) == DRAGON_OK) {
        if (first == 200) {
            CHECK(victim_sent && !victims);
            victims = true;
            continue;
        }
        CHECK(first >= expected);
        lost += first - expected;
        expected = (uint8_t)(first + 1);
    }
    lost += n + 1 - expected;
    CHECK(lost >= 0 && lost <= lost_at_most);
    if (victim_sent && !victim_died) CHECK(victims);
}

/* The channel still carries messages of both kinds, through more than one lap of its rings. */
static void alive(int rounds)
{
    for (int i = 0; i < rounds; i++) {
        uint64_t length;
        uint8_t first;
        size_t size = i % 2 ? LARGE : SMALL;
        CHECK(test_send(&thing, (uint8_t)i, size, soon()) == DRAGON_OK);
        CHECK(test_receive(&thing, &length, &first, soon()) == DRAGON_OK);
        CHECK(length == size && first == (uint8_t)i);
    }
}

/* A sender that is held up after its message, the fourth of five large ones; the victim takes one, and the tester what is left. */
static int send_and_settle(struct bystander *b)
{
    uint8_t bytes[LARGE];
    memset(bytes, 99, sizeof bytes);
    int result = send_from(b->record, b->binding.object, bytes, sizeof bytes, DRAGON_FOREVER);
    return result == DRAGON_OK ? dragon_channel_settle(b->record, b->binding.object, DRAGON_FOREVER) : result;
}
static void prepare_held(void)
{
    test_create(&thing, &(struct dragon_plan){.kind = DRAGON_CHANNEL, .role = DRAGON_USER, .detail = 64, .limit = 4 * LARGE});
    fill(4, LARGE);
    waiting_one = bystander_start(send_and_settle);
}
static void victim_settles(void)
{
    victim_send_large();
    if (dragon_channel_settle(mine, thing.object, DRAGON_FOREVER) != DRAGON_OK) _exit(3);
}
static void take_four(void)
{
    for (int i = 0; i < 4; i++) CHECK(test_receive(&thing, NULL, NULL, soon()) == DRAGON_OK);
}
static void verify_settled(void)
{
    while (test_receive(&thing, NULL, NULL, DRAGON_NO_WAIT) == DRAGON_OK) {}
    AWAIT(waiting_one);
    while (test_receive(&thing, NULL, NULL, DRAGON_NO_WAIT) == DRAGON_OK) {}
    alive(70);
}

static void prepare_three(void)
{
    unbounded();
    fill(3, SMALL);
}
static void prepare_full(void)
{
    unbounded();
    fill(64, SMALL);
}
static void prepare_large(void)
{
    unbounded();
    fill(3, LARGE);
}
static void prepare_moved(void)
{
    unbounded();
    fill(66, SMALL);
    for (int i = 0; i < 63; i++) CHECK(test_receive(&thing, NULL, NULL, DRAGON_NO_WAIT) == DRAGON_OK);
}
static void verify_sent_three(void)
{
    drain(3, 0, true);
    alive(70);
}
static void verify_sent_full(void)
{
    drain(64, 0, true);
    alive(200);
}
static void verify_received(void)
{
    drain(3, 1, false);
    alive(70);
}
static void victim_receive_two(void)
{
    victim_receive();
    victim_receive();
}
static void verify_moved(void)
{
    int left = 0;
    while (test_receive(&thing, NULL, NULL, DRAGON_NO_WAIT) == DRAGON_OK) left++;
    CHECK(left >= 1 && left <= 3);
    if (!victim_died) CHECK(left == 1);
    alive(200);
}

/* Two receivers sleep; the victim sends one message. Then the tester sends one for each: all must wake. */
static void prepare_receivers(void)
{
    unbounded();
    waiting_one = bystander_start(wait_receive);
    waiting_two = bystander_start(wait_receive);
}
static void verify_receivers(void)
{
    if (!victim_died)
        for (int64_t limit = soon(); !atomic_load(&waiting_one->done) && !atomic_load(&waiting_two->done); sched_yield()) CHECK(dragon_now() < limit);
    CHECK(test_send(&thing, 1, SMALL, soon()) == DRAGON_OK);
    CHECK(test_send(&thing, 2, SMALL, soon()) == DRAGON_OK);
    AWAIT(waiting_one);
    AWAIT(waiting_two);
    int left = 0;
    while (test_receive(&thing, NULL, NULL, DRAGON_NO_WAIT) == DRAGON_OK) left++;
    CHECK(left == 1 || (victim_died && left == 0));
    alive(5);
}

/* A bounded channel is full, one sender sleeps, the victim joins; the tester makes room for both. */
static void prepare_full_bounded(void)
{
    bounded(2);
    fill(2, SMALL);
    waiting_one = bystander_start(wait_send);
}
static void take_two(void)
{
    uint8_t first;
    CHECK(test_receive(&thing, NULL, &first, soon()) == DRAGON_OK && first == 1);
    CHECK(test_receive(&thing, NULL, &first, soon()) == DRAGON_OK && first == 2);
}
static void verify_full_bounded(void)
{
    AWAIT(waiting_one);
    int seen = 0;
    uint8_t first;
    while (test_receive(&thing, NULL, &first, DRAGON_NO_WAIT) == DRAGON_OK) seen += first == 77 ? 1 : 10;
    CHECK(seen == 11 || (victim_died && seen == 1));
    alive(9);
}

/* A bounded channel is full and a sender sleeps; the victim receives one: the sender must get its room. */
static void verify_received_bounded(void)
{
    AWAIT(waiting_one);
    int seen = 0;
    uint8_t first;
    while (test_receive(&thing, NULL, &first, DRAGON_NO_WAIT) == DRAGON_OK) seen += first == 77 ? 100 : 1;
    CHECK(seen == 101 || (victim_died && seen == 102));
    alive(9);
}
/* Not killed early enough, nobody has made room: the tester does. */
static void room_if_needed(void)
{
    struct dragon_position p;
    uint64_t word;
    if (victim_died && dragon_chain_peek(&tester, &thing.object->channel.head_ring, &p, &word) == DRAGON_OK && !dragon_ring_room(&thing.object->ring))
        if (!atomic_load(&waiting_one->done)) CHECK(test_receive(&thing, NULL, NULL, soon()) == DRAGON_OK);
}
static void verify_received_bounded_any(void)
{
    int64_t limit = soon(); /* nobody sleeps who has room */
    while (!atomic_load(&waiting_one->done) && dragon_ring_room(&thing.object->ring)) {
        CHECK(dragon_now() < limit);
        sched_yield();
    }
    if (atomic_load(&waiting_one->done)) {
        verify_received_bounded();
        return;
    }
    room_if_needed();
    AWAIT(waiting_one);
    while (test_receive(&thing, NULL, NULL, DRAGON_NO_WAIT) == DRAGON_OK) {}
    alive(9);
}

/* The victim and one other receiver sleep; two messages come: the other must get one, whatever the victim does with its own. */
static void prepare_receiver(void)
{
    unbounded();
    waiting_one = bystander_start(wait_receive);
}
static void prepare_receiver_bounded(void)
{
    bounded(1);
    waiting_one = bystander_start(wait_receive);
}
static void send_two(void)
{
    CHECK(test_send(&thing, 1, SMALL, soon()) == DRAGON_OK);
    CHECK(test_send(&thing, 2, LARGE, soon()) == DRAGON_OK);
}
static void verify_receiver(void)
{
    AWAIT(waiting_one);
    int left = 0;
    while (test_receive(&thing, NULL, NULL, DRAGON_NO_WAIT) == DRAGON_OK) left++;
    CHECK(victim_died ? left <= 1 : left == 0);
    alive(70);
}

static void victim_polls(void)
{
    if (dragon_channel_poll(mine, thing.object, DRAGON_FOREVER) != DRAGON_OK) _exit(3);
}
static void send_one(void)
{
    CHECK(test_send(&thing, 1, SMALL, soon()) == DRAGON_OK);
}
static void verify_polled(void)
{
    AWAIT(waiting_one);
    while (test_receive(&thing, NULL, NULL, DRAGON_NO_WAIT) == DRAGON_OK) {}
    alive(5);
}

/* The victim polls first, a receiver comes behind it: the poller is chosen, takes nothing, and must pass on. */
static void receiver_behind(void)
{
    waiting_one = bystander_start(wait_receive);
    CHECK(test_send(&thing, 1, SMALL, soon()) == DRAGON_OK);
}

static void victim_polls_shortly(void)
{
    if (dragon_channel_poll(mine, thing.object, dragon_now() + 1000000) != DRAGON_TIMEOUT) _exit(3);
}
static void verify_polled_shortly(void)
{
    send_one();
    verify_polled();
}

static void victim_closes(void)
{
    dragon_channel_close(mine, thing.object);
}
static void verify_closed(void)
{
    struct dragon_thread *thread = take(&tester);
    dragon_channel_close(thread, thing.object);
    dragon_thread_give(thread);
    AWAIT(waiting_one);
    AWAIT(waiting_two);
    CHECK(waiting_one->result == DRAGON_CLOSED && waiting_two->result == DRAGON_CLOSED);
}

/* The victim sleeps, with one other receiver; one message comes, then the end: both must be gone. */
static void send_and_close(void)
{
    CHECK(test_send(&thing, 1, SMALL, soon()) == DRAGON_OK);
    struct dragon_thread *thread = take(&tester);
    dragon_channel_close(thread, thing.object);
    dragon_thread_give(thread);
}
static void victim_receives_or_ends(void)
{
    int result = receive_in(mine, thing.object, NULL, NULL, DRAGON_FOREVER);
    if (result != DRAGON_OK && result != DRAGON_CLOSED) _exit(3);
}
static void verify_ended(void)
{
    AWAIT(waiting_one);
    CHECK(waiting_one->result == DRAGON_OK || waiting_one->result == DRAGON_CLOSED);
}

static const struct scenario channel_scenarios[] = {
    {"send small", prepare_three, victim_send_small, NULL, verify_sent_three},
    {"send large", prepare_three, victim_send_large, NULL, verify_sent_three},
    {"send, the ring grows", prepare_full, victim_send_small, NULL, verify_sent_full},
    {"send large, the ring grows", prepare_full, victim_send_large, NULL, verify_sent_full},
    {"receive small", prepare_three, victim_receive, NULL, verify_received},
    {"receive large", prepare_large, victim_receive, NULL, verify_received},
    {"receive over the end of a ring", prepare_moved, victim_receive_two, NULL, verify_moved},
    {"send to sleeping receivers", prepare_receivers, victim_send_small, NULL, verify_receivers},
    {"send large to sleeping receivers", prepare_receivers, victim_send_large, NULL, verify_receivers},
    {"receive, a sender is held up", prepare_held, victim_receive, NULL, verify_settled},
    {"send and be held up", prepare_held, victim_settles, take_four, verify_settled},
    {"send and sleep, bounded", prepare_full_bounded, victim_send_small, take_two, verify_full_bounded},
    {"send large and sleep, bounded", prepare_full_bounded, victim_send_large, take_two, verify_full_bounded},
    {"receive, a sender sleeps", prepare_full_bounded, victim_receive, NULL, verify_received_bounded_any},
    {"receive and sleep", prepare_receiver, victim_receive, send_two, verify_receiver},
    {"receive and sleep, bounded", prepare_receiver_bounded, victim_receive, send_two, verify_receiver},
    {"poll and sleep", prepare_receiver, victim_polls, send_two, verify_polled},
    {"poll, a receiver sleeps behind", unbounded, victim_polls, receiver_behind, verify_polled},
    {"poll until the time limit", prepare_receiver, victim_polls_shortly, NULL, verify_polled_shortly},
    {"receive and sleep, then the end", prepare_receiver, victim_receives_or_ends, send_and_close, verify_ended},
    {"close, receivers sleep", prepare_receivers, victim_closes, NULL, verify_closed},
    {NULL, NULL, NULL, NULL, NULL},
};

#endif
