/* kill -9 at random moments:  kills COUNT [SEED]
 *
 * Senders, receivers and lockers work on the same few objects; one after another is killed, swept, and replaced. Each message carries a number of its own:
 * none may arrive twice, and of those that were sent for sure, at most one may be missing for each receiver killed. Everyone must get on within a
 * second after each kill. In the end nothing may be left but what the node began with. */
#define _GNU_SOURCE
#include "node.h"
#include "sweep.h"

#include <signal.h>
#include <sys/wait.h>

enum { WORKERS = 9, MESSAGES = 1 << 22 };
enum role { SENDER, RECEIVER, LOCKER, ROLES };
enum state { UNSENT, SENDING, SENT_SURELY };

struct board { /* shared by all, outside the node's memory */
    dragon_u32 next, stop, received_twice, torn;
    dragon_u64 progress[WORKERS];
    uint64_t guarded[2]; /* under the lock: equal, but for a locker that died between the two */
    _Atomic uint8_t sent[MESSAGES], received[MESSAGES];
};

static struct board *board;
static struct dragon_process tester;
static struct dragon_thread *mine;
static struct dragon_binding channels[2], lock;
static struct {
    pid_t pid;
    uint32_t number;
} workers[WORKERS];

static void fail(const char *what)
{
    fprintf(stderr, "kills: FAILED: %s\n", what);
    for (int w = 0; w < WORKERS; w++) kill(workers[w].pid, SIGKILL);
    exit(1);
}

static void must(int result, const char *what)
{
    if (result == DRAGON_OK) return;
    fprintf(stderr, "kills: %s: result %d\n", what, result);
    exit(1);
}

static void send_on(struct dragon_thread *thread, uint32_t random)
{
    uint32_t number = atomic_fetch_add(&board->next, 1);
    uint32_t words[1024];
    size_t size = number % 5 ? 2 : 1024;
    if (number >= MESSAGES) exit(0);
    for (size_t i = 0; i < size; i++) words[i] = number;
    struct iovec part = {words, size * sizeof *words};
    struct dragon_outgoing message = {.channel = channels[random % 2].object, .parts = &part, .count = 1, .length = part.iov_len};
    atomic_store(&board->sent[number], SENDING);
    must(dragon_channel_send(thread, &message, DRAGON_FOREVER), "send");
    atomic_store(&board->sent[number], SENT_SURELY);
}

static bool receive_on(struct dragon_thread *thread, int which, int64_t deadline)
{
    struct dragon_incoming message = {.channel = channels[which].object};
    uint32_t number;
    int result = dragon_channel_receive(thread, &message, deadline);
    if (result == DRAGON_TIMEOUT) return false;
    must(result, "receive");
    memcpy(&number, message.bytes, 4);
    for (size_t at = 4; at < message.length; at += 4)
        if (memcmp(message.bytes + at, &number, 4) != 0) atomic_fetch_add(&board->torn, 1);
    if (atomic_fetch_add(&board->received[number], 1)) atomic_fetch_add(&board->received_twice, 1);
    dragon_message_done(thread, &message);
    return true;
}

/* Waits for either channel, then takes from one; or just receives, for a while or without limit. */
static void receive_some(struct dragon_thread *thread, uint32_t random)
{
    struct dragon_object *objects[2] = {channels[0].object, channels[1].object};
    struct dragon_place places[2];
    bool ready[2];
    struct dragon_many many = {.objects = objects, .count = 2, .ready = ready};
    switch (random % 4) {
    case 0: must(dragon_wait_many(thread, &many, places, DRAGON_FOREVER), "wait"); break;
    case 1: receive_on(thread, (random >> 4) % 2, dragon_now() + 100000); break;
    case 2: dragon_channel_poll(thread, objects[(random >> 4) % 2], dragon_now() + 100000); break;
    default: break;
    }
    receive_on(thread, 0, DRAGON_NO_WAIT);
    receive_on(thread, 1, DRAGON_NO_WAIT);
}

static void use_lock(struct dragon_thread *thread)
{
    struct dragon_acquire acquire = {.lock = lock.object};
    must(dragon_lock_acquire(thread, &acquire, DRAGON_FOREVER), "lock");
    if (board->guarded[0] != board->guarded[1] && !acquire.owner_died) atomic_fetch_add(&board->torn, 1);
    board->guarded[0] = board->guarded[1] + 1;
    if (board->guarded[0] % 16 == 0) sched_yield();
    board->guarded[1] = board->guarded[0];
    must(dragon_lock_release(thread, lock.object), "unlock");
}

static void work(int w, uint32_t number, uint32_t seed)
{
    struct dragon_process process = {.base = node.agent.base, .header = node.agent.header, .hooks = &node_hooks};
    int result = DRAGON_OK;
    if (!dragon_adopt(&process, number)) exit(1);
    struct dragon_thread *thread = dragon_thread_take(&process, NULL, &result);
    must(dragon_bind(thread, &channels[0]), "bind");
    must(dragon_bind(thread, &channels[1]), "bind");
    must(dragon_bind(thread, &lock), "bind");
    while (!atomic_load(&board->stop)) {
        seed = seed * 1664525 + 1013904223;
        switch (w % ROLES) {
        case SENDER:
            if (dragon_channel_count(&process, channels[0].object) < 200)
                send_on(thread, seed >> 8);
            else
                use_lock(thread);
            break;
        case RECEIVER: receive_some(thread, seed >> 8); break;
        default: use_lock(thread); break;
        }
        atomic_fetch_add(&board->progress[w], 1);
    }
    exit(0);
}

static void start(int w, uint32_t seed)
{
    workers[w].number = node_client();
    if (!workers[w].number) fail("no client number left");
    workers[w].pid = fork();
    if (workers[w].pid == 0) work(w, workers[w].number, seed);
}

static void kill_one(int w, uint32_t seed)
{
    int status;
    kill(workers[w].pid, SIGKILL);
    waitpid(workers[w].pid, &status, 0);
    if (!WIFSIGNALED(status)) fail("a worker gave up");
    sweep(workers[w].number);
    start(w, seed);
}

/* Everybody must have done something since the last kill; receivers and lockers cannot wait for ever while senders send. */
static void await_progress(void)
{
    uint64_t before[WORKERS];
    for (int w = 0; w < WORKERS; w++) before[w] = atomic_load(&board->progress[w]);
    for (int w = 0; w < WORKERS; w++)
        for (int64_t limit = dragon_now() + INT64_C(10000000000); atomic_load(&board->progress[w]) == before[w]; sched_yield())
            if (dragon_now() > limit) {
                fprintf(stderr, "kills: worker %d (%s, client %u) does nothing\n", w,
                        w % ROLES == SENDER     ? "sender"
                        : w % ROLES == RECEIVER ? "receiver"
                                                : "locker",
                        workers[w].number);
                fail("somebody hangs");
            }
}

/* Ends the workers in order: the last messages may have been taken by others, so each is woken until it is gone. */
static void stop_all(void)
{
    atomic_store(&board->stop, 1);
    for (int w = 0; w < WORKERS; w++) {
        int status;
        for (int64_t limit = dragon_now() + INT64_C(10000000000); waitpid(workers[w].pid, &status, WNOHANG) == 0; sched_yield()) {
            if (dragon_now() > limit) fail("somebody does not end");
            if (w % ROLES == RECEIVER && dragon_channel_count(&tester, channels[1].object) == 0) send_on(mine, 1);
            if (w % ROLES == SENDER) receive_on(mine, 1, DRAGON_NO_WAIT);
        }
        sweep(workers[w].number);
    }
    while (receive_on(mine, 0, DRAGON_NO_WAIT) || receive_on(mine, 1, DRAGON_NO_WAIT)) {}
}

static uint32_t count_lost(void)
{
    uint32_t lost = 0;
    for (uint32_t i = 0; i < atomic_load(&board->next) && i < MESSAGES; i++) lost += board->sent[i] == SENT_SURELY && !board->received[i];
    return lost;
}

/* Blocks in use, but for record tables and the mailbox's rings. */
static int count_used(void)
{
    int used = 0;
    for (uint64_t s = 1; s < node.books->slabs_next; s++)
        for (uint32_t m = 0; m < dragon_slab(&tester, s)->blocks; m++)
            used += dragon_block_state(dragon_load(&dragon_slab(&tester, s)->words[m])) != DRAGON_BLOCK_FREE;
    return used;
}

static void make_objects(void)
{
    const struct dragon_plan unbounded = {.kind = DRAGON_CHANNEL, .role = DRAGON_USER, .detail = 64};
    const struct dragon_plan bounded = {.kind = DRAGON_CHANNEL, .role = DRAGON_USER, .value = 3, .detail = 64};
    must(dragon_create(mine, &unbounded, &channels[0]), "create");
    must(dragon_create(mine, &bounded, &channels[1]), "create");
    must(dragon_create(mine, &(struct dragon_plan){.kind = DRAGON_LOCK, .role = DRAGON_USER}, &lock), "create");
}

static void let_go(void)
{
    int result;
    struct dragon_thread *mailer = dragon_thread_take(&tester, NULL, &result);
    struct dragon_binding *all[] = {&channels[0], &channels[1], &lock};
    for (int i = 0; i < 3; i++) {
        must(dragon_unbind(mine, mailer, all[i]), "unbind");
        sweep_audit(all[i]->offset);
    }
}

int main(int count, char **words)
{
    uint32_t kills = count > 1 ? (uint32_t)strtoul(words[1], NULL, 10) : 300, killed_receivers = 0;
    uint32_t seed = count > 2 ? (uint32_t)strtoul(words[2], NULL, 10) : (uint32_t)dragon_now();
    int result;
    printf("kills: %u, seed %u\n", kills, seed);
    fflush(stdout);
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    node_create(UINT64_C(1) << 30);
    tester = node_attach();
    mine = dragon_thread_take(&tester, NULL, &result);
    int used = count_used();
    make_objects();
    for (int w = 0; w < WORKERS; w++) start(w, seed + (uint32_t)w);
    for (uint32_t k = 0; k < kills; k++) {
        seed = seed * 1664525 + 1013904223;
        struct timespec moment = {0, (seed >> 8) % 3000000};
        nanosleep(&moment, NULL);
        int w = (int)(seed >> 16) % WORKERS;
        killed_receivers += w % ROLES == RECEIVER;
        kill_one(w, seed);
        if (k % 8 == 0) await_progress();
    }
    await_progress();
    stop_all();
    let_go();
    uint32_t lost = count_lost(), sent = atomic_load(&board->next);
    printf("kills: %u messages, %u lost with %u receivers killed, %u twice, %u torn, lock taken %llu times\n", sent, lost, killed_receivers,
           atomic_load(&board->received_twice), atomic_load(&board->torn), (unsigned long long)board->guarded[1]);
    if (lost > killed_receivers || atomic_load(&board->received_twice) || atomic_load(&board->torn)) fail("messages");
    if (count_used() != used) fail("blocks are left over");
    printf("kills: 1 passed, 0 failed\n");
    return 0;
}
