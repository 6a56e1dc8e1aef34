/* What the scenarios of steps.c stand on: the victim, bystanders (threads, each a client of its own), and the audit of all blocks. */
#ifndef DRAGON_TEST_STEPS_H
#define DRAGON_TEST_STEPS_H

#include "node.h"
#include "sweep.h"

#include <sys/wait.h>

enum { BYSTANDERS = 12, DIED = 99 };

struct scenario {
    const char *name;
    void (*prepare)(void);   /* makes objects and bystanders */
    void (*victim)(void);    /* the operation, in the victim */
    void (*meanwhile)(void); /* once the victim sleeps or has ended; may be NULL */
    void (*verify)(void);    /* after the sweep */
};

static struct dragon_process tester, me; /* `me`: the victim itself */
static struct dragon_thread *mine;       /* the victim's thread */
static struct dragon_binding thing, second; /* what the scenario is about, bound by the tester */
static const struct scenario *running;
static int step_target, step_count;      /* in the victim only */
static int death;                        /* the step at which the victim dies now */
static bool victim_died;
static dragon_u32 *sleeping; /* by client number, for tester and victim alike: it was about to sleep, armed and with nothing left to do */

static void step_before_store(void)
{
    if (step_target && __atomic_add_fetch(&step_count, 1, __ATOMIC_RELAXED) == step_target) _exit(DIED);
}

/* A record is PARKED before it stands in any queue: only this says that a sleeper is where the next step expects it. */
static bool note_sleep(struct dragon_thread *thread)
{
    atomic_store(&sleeping[thread->process->number], 1);
    return false;
}

static const struct dragon_hooks sleeper_hooks = {.grow = node_grow_hook, .interrupted = note_sleep};

static void fail(const char *what)
{
    fprintf(stderr, "FAILED: %s: death at step %d: %s\n", running->name, death, what);
    abort();
}

#define CHECK(condition) ((condition) ? (void)0 : fail(#condition))

static struct dragon_thread *take(struct dragon_process *process)
{
    int result = DRAGON_OK;
    struct dragon_thread *thread = dragon_thread_take(process, NULL, &result);
    CHECK(thread);
    return thread;
}

/* The tester's own operations, each with a limit: survivors never hang. */
static int64_t soon(void)
{
    return dragon_now() + INT64_C(5000000000);
}

static int send_from(struct dragon_thread *thread, struct dragon_object *channel, const void *bytes, size_t size, int64_t deadline)
{
    struct iovec part = {(void *)(uintptr_t)bytes, size};
    struct dragon_outgoing message = {.channel = channel, .parts = &part, .count = 1, .length = size};
    return dragon_channel_send(thread, &message, deadline);
}

static int receive_in(struct dragon_thread *thread, struct dragon_object *channel, uint64_t *length, uint8_t *first, int64_t deadline)
{
    struct dragon_incoming message = {.channel = channel};
    int result = dragon_channel_receive(thread, &message, deadline);
    if (result != DRAGON_OK) return result;
    if (length) *length = message.length;
    if (first) *first = message.length ? message.bytes[0] : 0;
    for (uint64_t i = 1; i < message.length; i++) CHECK(message.bytes[i] == message.bytes[0]);
    dragon_message_done(thread, &message);
    return DRAGON_OK;
}

static uint8_t large[3000];

/* A message of one value all over: what a reader sees is whole or it is wrong. */
static int test_send(struct dragon_binding *channel, uint8_t value, size_t size, int64_t deadline)
{
    struct dragon_thread *thread = take(&tester);
    memset(large, value, size);
    int result = send_from(thread, channel->object, large, size, deadline);
    dragon_thread_give(thread);
    return result;
}

static int test_receive(struct dragon_binding *channel, uint64_t *length, uint8_t *first, int64_t deadline)
{
    struct dragon_thread *thread = take(&tester);
    int result = receive_in(thread, channel->object, length, first, deadline);
    dragon_thread_give(thread);
    return result;
}

static void test_create(struct dragon_binding *binding, const struct dragon_plan *plan)
{
    struct dragon_thread *thread = take(&tester);
    CHECK(dragon_create(thread, plan, binding) == DRAGON_OK);
    dragon_thread_give(thread);
}

static void test_unbind(struct dragon_process *process, struct dragon_binding *binding)
{
    struct dragon_thread *thread = take(process), *mailer = take(process);
    if (binding->object) CHECK(dragon_unbind(thread, mailer, binding) == DRAGON_OK);
    dragon_thread_give(mailer);
    dragon_thread_give(thread);
}

/* Bystanders: each waits for one thing in a thread of its own. */
struct bystander {
    pthread_t thread;
    struct dragon_process process;
    struct dragon_binding binding, other;
    int (*wait)(struct bystander *bystander);
    struct dragon_thread *record;
    int result;
    uint64_t length;
    uint8_t first;
    dragon_u32 done;
};
static struct bystander bystanders[BYSTANDERS];
static int bystander_count;

static void *bystander_run(void *argument)
{
    struct bystander *bystander = argument;
    bystander->result = bystander->wait(bystander);
    atomic_store(&bystander->done, 1);
    return NULL;
}

/* Starts one, and returns when it sleeps. */
static struct bystander *bystander_start(int (*wait)(struct bystander *))
{
    struct bystander *bystander = &bystanders[bystander_count++];
    *bystander = (struct bystander){.process = node_attach(), .binding = thing, .other = second, .wait = wait};
    bystander->process.hooks = &sleeper_hooks;
    dragon_u32 *sleeps = &sleeping[bystander->process.number];
    atomic_store(sleeps, 0);
    bystander->record = take(&bystander->process);
    CHECK(dragon_bind(bystander->record, &bystander->binding) == DRAGON_OK);
    if (second.object) CHECK(dragon_bind(bystander->record, &bystander->other) == DRAGON_OK);
    CHECK(pthread_create(&bystander->thread, NULL, bystander_run, bystander) == 0);
    while (!atomic_load(sleeps) && !atomic_load(&bystander->done)) sched_yield();
    return bystander;
}

static void bystander_await(struct bystander *bystander, const char *what)
{
    for (int64_t limit = soon(); !atomic_load(&bystander->done); sched_yield())
        if (dragon_now() > limit) fail(what);
}

#define AWAIT(bystander) bystander_await((bystander), "a bystander sleeps on: " #bystander)

/* Ends all bystanders: those still asleep are ended by the scenario's verify; here they must be done. */
static void bystanders_end(void)
{
    for (int i = 0; i < bystander_count; i++) {
        struct bystander *bystander = &bystanders[i];
        AWAIT(bystander);
        pthread_join(bystander->thread, NULL);
        dragon_thread_give(bystander->record);
        sweep(bystander->process.number); /* it ends, in order or not: the sweep is the same */
        dragon_threads_forget(&bystander->process);
        free(bystander->process.free_refs);
    }
    bystander_count = 0;
}

/* Blocks that are not FREE, without the record tables, which stay with their entries; every FREE one must be found by its hints. */
static int count_used(void)
{
    int used = 0;
    for (uint32_t c = 1; c < NODE_CLIENTS; c++)
        for (int k = 0; k < DRAGON_RECORD_TABLES; k++) used -= dragon_load(&dragon_client_at(&node.agent, c)->records_ext[k]) != 0;
    for (uint64_t s = 1; s < node.books->slabs_next; s++) {
        struct dragon_slab *slab = dragon_slab(&node.agent, s);
        struct dragon_class *class = dragon_class(&node.agent, slab->class);
        for (uint32_t m = 0; m < slab->blocks; m++) {
            uint32_t state = dragon_block_state(dragon_load(&slab->words[m])), n = slab->number;
            if (state != DRAGON_BLOCK_FREE) {
                used++;
                CHECK(state == DRAGON_BLOCK_PART);
                continue;
            }
            CHECK(dragon_load(&slab->free) >> m & 1);
            CHECK(dragon_load(&class->low[n >> 6]) >> (n & 63) & 1);
            CHECK(dragon_load(&class->mid[n >> 12]) >> (n >> 6 & 63) & 1);
            CHECK(dragon_load(&class->top) >> (n >> 12) & 1);
        }
    }
    return used;
}

/* The agent reads its mailbox: what was let go of is audited. */
static void read_mailbox(void)
{
    struct dragon_thread *thread = take(&node.agent);
    struct dragon_incoming message = {.channel = dragon_at(&node.agent, atomic_load(&node.agent.header->mailbox))};
    while (dragon_channel_receive(thread, &message, DRAGON_NO_WAIT) == DRAGON_OK) {
        struct dragon_letter letter;
        memcpy(&letter, message.bytes, sizeof letter);
        dragon_message_done(thread, &message);
        if (letter.type == DRAGON_MAIL_RELEASE) sweep_audit(letter.reference);
    }
    dragon_thread_give(thread);
}

static void victim_run(uint32_t number, int k)
{
    me = (struct dragon_process){.base = node.agent.base, .header = node.agent.header, .hooks = &sleeper_hooks};
    dragon_adopt(&me, number);
    mine = take(&me);
    if (thing.object) CHECK(dragon_bind(mine, &thing) == DRAGON_OK);
    if (second.object) CHECK(dragon_bind(mine, &second) == DRAGON_OK);
    step_target = k;
    running->victim();
    _exit(0);
}

/* One death. False: the operation ran through without reaching step k. */
static bool run_once(int k)
{
    int status = 0;
    thing = second = (struct dragon_binding){0};
    running->prepare();
    uint32_t number = node_client();
    atomic_store(&sleeping[number], 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) victim_run(number, k);
    pid_t ended = 0;
    while (!ended && !atomic_load(&sleeping[number])) {
        ended = waitpid(pid, &status, WNOHANG);
        sched_yield();
    }
    if (running->meanwhile) running->meanwhile();
    for (int64_t limit = soon(); !ended; sched_yield()) {
        ended = waitpid(pid, &status, WNOHANG);
        if (dragon_now() > limit) fail("the victim itself sleeps on");
    }
    CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DIED));
    victim_died = WEXITSTATUS(status) == DIED;
    sweep(number);
    running->verify();
    bystanders_end();
    test_unbind(&tester, &thing);
    test_unbind(&tester, &second);
    read_mailbox();
    return victim_died;
}

/* The node, its tester, and the page that both see. */
static void steps_begin(void)
{
    node_create(UINT64_C(1) << 30);
    tester = node_attach();
    sleeping = mmap(NULL, NODE_CLIENTS * sizeof *sleeping, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sleeping == MAP_FAILED) abort();
}

/* Returns how often the victim died. */
static int run_scenario(const struct scenario *scenario)
{
    running = scenario;
    int used = count_used(), deaths = 0, survived = 0;
    for (death = 1; survived < 3; death++) { /* how many steps an operation takes varies a little with who is first */
        if (run_once(death))
            deaths++;
        else
            survived++;
        if (count_used() != used) fail("blocks are lost, or found");
    }
    return deaths;
}

#endif
