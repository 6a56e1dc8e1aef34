/* What the library does when nobody dies: in threads, each a client of its own, so that the sanitizers see it all. */
#define _GNU_SOURCE
#include "node.h"

enum { THREADS = 4, MESSAGES = 3000 };

static struct dragon_process tester;
static struct dragon_thread *mine;
static struct dragon_binding thing, second;

#define CHECK(condition) ((condition) ? (void)0 : (fprintf(stderr, "FAILED: %s:%d: %s: %s\n", __FILE__, __LINE__, __func__, #condition), abort()))

static int64_t soon(void)
{
    return dragon_now() + INT64_C(20000000000);
}

static void make(uint32_t kind, uint64_t value, uint32_t detail)
{
    CHECK(dragon_create(mine, &(struct dragon_plan){.kind = kind, .role = DRAGON_USER, .value = value, .detail = detail}, &thing) == DRAGON_OK);
}

static int put(struct dragon_thread *thread, struct dragon_object *channel, uint64_t value, size_t size, int64_t deadline)
{
    uint64_t bytes[1024] = {value};
    struct iovec part = {bytes, size};
    struct dragon_outgoing message = {.channel = channel, .parts = &part, .count = 1, .flags = (uint32_t)value & 0xff, .length = size};
    return dragon_channel_send(thread, &message, deadline);
}

static int get(struct dragon_thread *thread, struct dragon_object *channel, uint64_t *value, int64_t deadline)
{
    struct dragon_incoming message = {.channel = channel};
    int result = dragon_channel_receive(thread, &message, deadline);
    if (result != DRAGON_OK) return result;
    CHECK(message.length >= 8);
    memcpy(value, message.bytes, 8);
    CHECK(message.flags == (*value & 0xff));
    dragon_message_done(thread, &message);
    return DRAGON_OK;
}

/* A thread with a client number of its own, bound to `thing` and `second`. */
struct worker {
    pthread_t pthread;
    struct dragon_process process;
    struct dragon_thread *thread;
    struct dragon_object *object, *other;
    struct dragon_binding bindings[2];
    uint64_t index, sum;
    void (*work)(struct worker *);
};

static void *worker_run(void *argument)
{
    struct worker *worker = argument;
    worker->work(worker);
    return NULL;
}

static void worker_start(struct worker *worker, uint64_t index, void (*work)(struct worker *))
{
    int result;
    *worker = (struct worker){.process = node_attach(), .index = index, .work = work, .bindings = {thing, second}};
    worker->thread = dragon_thread_take(&worker->process, NULL, &result);
    CHECK(dragon_bind(worker->thread, &worker->bindings[0]) == DRAGON_OK);
    worker->object = worker->bindings[0].object;
    if (second.object) CHECK(dragon_bind(worker->thread, &worker->bindings[1]) == DRAGON_OK);
    worker->other = worker->bindings[1].object;
    CHECK(pthread_create(&worker->pthread, NULL, worker_run, worker) == 0);
}

static uint64_t workers_join(struct worker *workers, int count)
{
    uint64_t sum = 0;
    for (int i = 0; i < count; i++) {
        pthread_join(workers[i].pthread, NULL);
        sum += workers[i].sum;
        dragon_thread_give(workers[i].thread);
        dragon_threads_forget(&workers[i].process);
        free(workers[i].process.free_refs);
        atomic_store(&workers[i].process.entry->state, DRAGON_CLIENT_FREE);
    }
    return sum;
}

static void let_go(void)
{
    int result;
    struct dragon_thread *mailer = dragon_thread_take(&tester, NULL, &result);
    CHECK(dragon_unbind(mine, mailer, &thing) == DRAGON_OK);
    if (second.object) CHECK(dragon_unbind(mine, mailer, &second) == DRAGON_OK);
    second = (struct dragon_binding){0};
    dragon_thread_give(mailer);
}

static void classes(void)
{
    for (uint32_t c = 0; c < DRAGON_CLASSES; c++) {
        CHECK(dragon_class_of(dragon_size_of(c)) == c);
        CHECK(dragon_class_of(dragon_size_of(c) + 1) == c + 1);
    }
    CHECK(dragon_size_of(DRAGON_CLASSES - 1) == UINT64_C(1) << 40);
    CHECK(dragon_blocks_of(0) == 64 && dragon_blocks_of(118) == 1);
}

/* Order, laps, sizes; a ring of every small capacity. */
static void fifo(void)
{
    for (uint32_t capacity = 0; capacity < 6; capacity++) {
        uint64_t value, next = 0, sent = 0;
        make(DRAGON_CHANNEL, capacity, 64);
        for (int i = 0; i < 40; i++) {
            while (sent < next + 5 && put(mine, thing.object, sent, sent % 3 ? 8 : 5000, DRAGON_NO_WAIT) == DRAGON_OK) sent++;
            CHECK(capacity == 0 ? sent == next + 5 : sent - next == (capacity < 5 ? capacity : 5));
            CHECK(dragon_channel_count(&tester, thing.object) == sent - next);
            CHECK(get(mine, thing.object, &value, DRAGON_NO_WAIT) == DRAGON_OK && value == next++);
        }
        while (next < sent) CHECK(get(mine, thing.object, &value, DRAGON_NO_WAIT) == DRAGON_OK && value == next++);
        CHECK(get(mine, thing.object, &value, DRAGON_NO_WAIT) == DRAGON_TIMEOUT);
        CHECK(dragon_channel_poll(mine, thing.object, dragon_now() + 1000) == DRAGON_TIMEOUT);
        dragon_channel_close(mine, thing.object);
        CHECK(get(mine, thing.object, &value, DRAGON_FOREVER) == DRAGON_CLOSED);
        CHECK(put(mine, thing.object, 1, 8, DRAGON_FOREVER) == DRAGON_CLOSED);
        CHECK(dragon_channel_poll(mine, thing.object, DRAGON_FOREVER) == DRAGON_OK);
        let_go();
    }
}

static void grows(void)
{
    uint64_t value;
    make(DRAGON_CHANNEL, 0, 64);
    for (uint64_t i = 0; i < 5000; i++) CHECK(put(mine, thing.object, i, 8, DRAGON_NO_WAIT) == DRAGON_OK);
    CHECK(dragon_channel_count(&tester, thing.object) == 5000);
    for (uint64_t i = 0; i < 5000; i++) CHECK(get(mine, thing.object, &value, DRAGON_NO_WAIT) == DRAGON_OK && value == i);
    CHECK(dragon_channel_count(&tester, thing.object) == 0);
    let_go();
}

static void send_many(struct worker *w)
{
    for (uint64_t i = 0; i < MESSAGES; i++) {
        uint64_t value = w->index * MESSAGES + i;
        CHECK(put(w->thread, w->object, value, i % 50 ? 8 : 3000, soon()) == DRAGON_OK);
        w->sum += value;
    }
}

static void receive_many(struct worker *w)
{
    uint64_t value;
    for (int i = 0; i < MESSAGES; i++) {
        if (i % 7 == 0) CHECK(dragon_channel_poll(w->thread, w->object, dragon_now() + 1000000) != DRAGON_CLOSED);
        CHECK(get(w->thread, w->object, &value, soon()) == DRAGON_OK);
        w->sum += value;
    }
}

static void many_to_many(uint32_t capacity)
{
    struct worker senders[THREADS], receivers[THREADS];
    make(DRAGON_CHANNEL, capacity, 64);
    for (uint64_t i = 0; i < THREADS; i++) {
        worker_start(&receivers[i], i, receive_many);
        worker_start(&senders[i], i, send_many);
    }
    uint64_t sent = workers_join(senders, THREADS), received = workers_join(receivers, THREADS);
    CHECK(sent == received && dragon_channel_count(&tester, thing.object) == 0);
    let_go();
}

static void receive_one(struct worker *w)
{
    CHECK(get(w->thread, w->object, &w->sum, soon()) == DRAGON_OK);
}

static void await_parked(struct worker *worker, uint32_t since)
{
    for (uint32_t word;
         word = dragon_load(&worker->thread->record->word), dragon_wait_state(word) != DRAGON_PARKED || dragon_generation(word) < since;)
        sched_yield();
}

/* Published out of order: the first wake meets a slot still being written, so one wake is left for two messages. Who takes the first wakes the next. */
static void chain(void)
{
    struct worker receivers[2];
    struct dragon_position p;
    int result;
    make(DRAGON_CHANNEL, 0, 64);
    worker_start(&receivers[0], 0, receive_one);
    await_parked(&receivers[0], 0);
    worker_start(&receivers[1], 1, receive_one);
    await_parked(&receivers[1], 0);
    struct dragon_thread *slow = dragon_thread_take(&tester, NULL, &result);
    dragon_begin(slow, DRAGON_SEND, thing.offset);
    CHECK(dragon_chain_claim_send(slow, &thing.object->channel.tail_ring, &p) == DRAGON_OK);
    uint32_t generation = dragon_generation(dragon_load(&receivers[0].thread->record->word));
    CHECK(put(mine, thing.object, 2, 8, DRAGON_NO_WAIT) == DRAGON_OK);
    await_parked(&receivers[0], generation + 1);
    struct dragon_payload *payload = (void *)p.slot->payload;
    payload->length = 8;
    payload->kind_and_flags = DRAGON_INLINE << 24 | 1;
    memcpy(payload->bytes, &(uint64_t){1}, 8);
    dragon_publish(&p);
    CHECK(dragon_choose(slow, &thing.object->queue[DRAGON_RECEIVERS]));
    dragon_end(slow);
    dragon_thread_give(slow);
    CHECK(workers_join(receivers, 2) == 3);
    let_go();
}

static uint64_t counter; /* plain: the lock guards it */

static void count_under_lock(struct worker *w)
{
    struct dragon_acquire acquire = {.lock = w->object};
    for (int i = 0; i < MESSAGES; i++) {
        CHECK(dragon_lock_acquire(w->thread, &acquire, soon()) == DRAGON_OK && !acquire.owner_died);
        if (w->object->kind == DRAGON_RLOCK) CHECK(dragon_lock_acquire(w->thread, &acquire, DRAGON_NO_WAIT) == DRAGON_OK);
        counter++;
        if (w->object->kind == DRAGON_RLOCK) CHECK(dragon_lock_release(w->thread, w->object) == DRAGON_OK);
        CHECK(dragon_lock_release(w->thread, w->object) == DRAGON_OK);
    }
}

static void locks(uint32_t kind)
{
    struct worker workers[THREADS];
    make(kind, 0, 0);
    counter = 0;
    for (uint64_t i = 0; i < THREADS; i++) worker_start(&workers[i], i, count_under_lock);
    workers_join(workers, THREADS);
    CHECK(counter == (uint64_t)THREADS * MESSAGES);
    CHECK(dragon_lock_release(mine, thing.object) == (kind == DRAGON_LOCK ? DRAGON_NOT_HELD : DRAGON_NOT_OWNER));
    let_go();
}

static dragon_u32 inside;

static void count_inside(struct worker *w)
{
    for (int i = 0; i < MESSAGES; i++) {
        CHECK(dragon_semaphore_acquire(w->thread, w->object, soon()) == DRAGON_OK);
        CHECK(atomic_fetch_add(&inside, 1) < 2);
        atomic_fetch_sub(&inside, 1);
        CHECK(dragon_semaphore_release(w->thread, w->object, 1) == DRAGON_OK);
    }
}

static void semaphores(void)
{
    struct worker workers[THREADS];
    make(DRAGON_SEMAPHORE, 2, 2);
    for (uint64_t i = 0; i < THREADS; i++) worker_start(&workers[i], i, count_inside);
    workers_join(workers, THREADS);
    CHECK(dragon_load(&thing.object->semaphore.value) == 2);
    CHECK(dragon_semaphore_release(mine, thing.object, 1) == DRAGON_TOO_LARGE);
    let_go();
}

/* A bounded buffer of a lock and two conditions: nobody sleeps on, nothing is lost. */
static uint64_t buffer, buffered;

static void condition_wait(struct worker *w)
{
    struct dragon_sleep sleep;
    struct dragon_acquire acquire = {.lock = w->object};
    int result;
    struct dragon_thread *locker = dragon_thread_take(&w->process, NULL, &result);
    CHECK(dragon_condition_arm(w->thread, w->other, &sleep, soon()) == DRAGON_OK);
    CHECK(dragon_lock_release(locker, w->object) == DRAGON_OK);
    CHECK(dragon_condition_sleep(w->thread, &sleep) == DRAGON_OK);
    CHECK(dragon_lock_acquire(locker, &acquire, soon()) == DRAGON_OK);
    dragon_end(w->thread);
    dragon_thread_give(locker);
}

static void pass_through(struct worker *w)
{
    struct dragon_acquire acquire = {.lock = w->object};
    for (uint64_t i = 1; i <= MESSAGES / 4; i++) {
        CHECK(dragon_lock_acquire(w->thread, &acquire, soon()) == DRAGON_OK);
        while (w->index % 2 ? !buffered : buffered) condition_wait(w);
        if (w->index % 2)
            w->sum += buffer;
        else
            buffer = i;
        buffered = !(w->index % 2);
        int result;
        struct dragon_thread *notifier = dragon_thread_take(&w->process, NULL, &result);
        dragon_condition_notify(notifier, w->other, UINT32_MAX);
        dragon_thread_give(notifier);
        CHECK(dragon_lock_release(w->thread, w->object) == DRAGON_OK);
    }
}

static void conditions(void)
{
    struct worker workers[THREADS];
    make(DRAGON_CONDITION, 0, 0);
    second = thing;
    make(DRAGON_LOCK, 0, 0);
    buffered = 0;
    for (uint64_t i = 0; i < THREADS; i++) worker_start(&workers[i], i, pass_through);
    uint64_t n = MESSAGES / 4;
    CHECK(workers_join(workers, THREADS) == n * (n + 1) / 2 * (THREADS / 2));
    let_go();
}

/* One waits on a channel and an event, with and without a descriptor. */
static void wait_on_both(struct worker *w)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    for (uint64_t value; w->sum < MESSAGES / 4;) {
        bool ready[2];
        struct dragon_object *objects[2] = {w->other, w->object};
        struct dragon_place places[2];
        struct pollfd fds[2] = {{.fd = ends[0], .events = POLLIN}};
        struct dragon_many many = {.objects = objects, .count = 2, .ready = ready, .fds = fds, .fds_count = w->sum % 2};
        CHECK(dragon_wait_many(w->thread, &many, places, soon()) == DRAGON_OK);
        CHECK(ready[0] || ready[1]);
        if (ready[1]) w->sum += get(w->thread, w->object, &value, DRAGON_NO_WAIT) == DRAGON_OK;
    }
    while (dragon_event_wait(w->thread, w->other, soon()) != DRAGON_OK) {}
    close(ends[0]);
    close(ends[1]);
}

static void several(void)
{
    struct worker worker;
    make(DRAGON_EVENT, 0, 0);
    second = thing;
    make(DRAGON_CHANNEL, 3, 64);
    worker_start(&worker, 0, wait_on_both);
    for (int i = 0; i < MESSAGES / 4; i++) CHECK(put(mine, thing.object, 1, 8, soon()) == DRAGON_OK);
    dragon_event_set(mine, second.object, 1);
    CHECK(workers_join(&worker, 1) == MESSAGES / 4);
    let_go();
}

static void allocate_and_free(struct worker *w)
{
    for (int i = 0; i < MESSAGES; i++) {
        CHECK(dragon_block_alloc(w->thread, 0, 64 << (i % 3)) == DRAGON_OK);
        memset(dragon_block_at(&w->process, dragon_block_ref(w->thread, 0)), (int)w->index, 64);
        if (i % 4) dragon_block_free(w->thread, 0);
    }
}

static void blocks(void)
{
    struct worker workers[THREADS];
    make(DRAGON_EVENT, 0, 0);
    for (uint64_t i = 0; i < THREADS; i++) worker_start(&workers[i], i, allocate_and_free);
    workers_join(workers, THREADS);
    let_go();
}

/* Large blocks come in turn, and after a burst the lowest again. */
static void rotation(void)
{
    static const uint64_t sizes[] = {16 << 10, 128 << 10, 1 << 20};
    for (int s = 0; s < 3; s++) {
        uint64_t seen[DRAGON_ROTATION / 16384], blocks = DRAGON_ROTATION / sizes[s];
        uint32_t class = dragon_class_of(sizes[s]);
        while (dragon_load(&dragon_class(&tester, class)->slab_count) <= dragon_rotation(dragon_class(&tester, class))) CHECK(node_grow(class));
        for (uint64_t i = 0; i < 3 * blocks; i++) {
            CHECK(dragon_block_alloc(mine, 0, sizes[s]) == DRAGON_OK);
            uint64_t ref = dragon_block_ref(mine, 0);
            if (i < blocks)
                seen[i] = ref;
            else
                CHECK(seen[i % blocks] == ref);
            for (uint64_t j = 0; j < i && i < blocks; j++) CHECK(seen[j] != ref);
            dragon_block_free(mine, 0);
        }
    }
}

static void refuses(void)
{
    struct dragon_binding wrong = {.offset = 4096 * 777, .id = 99, .role = DRAGON_USER};
    CHECK(dragon_bind(mine, &wrong) == DRAGON_GONE);
    wrong.offset = 12345;
    CHECK(dragon_bind(mine, &wrong) == DRAGON_GONE);
    wrong.offset = UINT64_MAX - 63;
    CHECK(dragon_bind(mine, &wrong) == DRAGON_GONE);
    make(DRAGON_CHANNEL, 0, 64);
    atomic_store(&tester.header->limit, atomic_load(&tester.header->granted));
    struct dragon_outgoing message = {.channel = thing.object, .count = 0, .length = UINT64_C(1) << 28};
    CHECK(dragon_channel_send(mine, &message, DRAGON_FOREVER) == DRAGON_NO_MEMORY);
    message.length = UINT64_C(1) << 41;
    CHECK(dragon_channel_send(mine, &message, DRAGON_FOREVER) == DRAGON_TOO_LARGE);
    atomic_store(&tester.header->limit, tester.header->size);
    let_go();
}

/* While one thread asks for memory, for a table of records or of references, others go on in the same process: the hook plays them. */
static struct {
    struct dragon_process process;
    struct dragon_thread *threads[200];
    struct dragon_binding bindings[200];
    uint32_t taken, bound, depth, asked;
} crowd;

static bool crowd_take(void)
{
    int result = DRAGON_OK;
    struct dragon_thread *thread = dragon_thread_take(&crowd.process, NULL, &result);
    if (thread)
        crowd.threads[crowd.taken++] = thread;
    else
        CHECK(crowd.depth && result == DRAGON_AGAIN);
    return thread;
}

static void crowd_bind(struct dragon_thread *thread)
{
    struct dragon_binding *binding = &crowd.bindings[crowd.bound++];
    *binding = thing;
    CHECK(dragon_bind(thread, binding) == DRAGON_OK);
}

/* The others end what they do and begin something, as long as there are records; then they let one go, and take the last one. */
static int crowd_meanwhile(struct dragon_thread *thread, uint32_t class)
{
    crowd.asked++;
    if (!crowd.depth++) {
        bool references = class == dragon_class_of(512 * sizeof(uint64_t));
        for (int i = 0; references && i < 3; i++) crowd_bind(crowd.threads[1 + i]);
        for (int i = 0; !references && i < 2; i++) {
            while (crowd_take()) {}
            dragon_thread_give(crowd.threads[--crowd.taken]);
        }
    }
    crowd.depth--;
    return node_grow_hook(thread, class);
}

static void crowded(void)
{
    static const struct dragon_hooks hooks = {.grow = crowd_meanwhile};
    make(DRAGON_EVENT, 0, 0);
    crowd.process = node_attach();
    crowd.process.hooks = &hooks;
    while (crowd.taken < 150) CHECK(crowd_take());
    for (uint32_t i = 0; i < crowd.taken; i++) {
        CHECK(crowd.threads[i]->record == dragon_record_at(&crowd.process, crowd.process.entry, crowd.threads[i]->index));
        CHECK(crowd.threads[i]->index < dragon_load(&crowd.process.entry->records_high));
    }
    while (crowd.bound < 150) crowd_bind(crowd.threads[0]);
    CHECK(crowd.asked >= 2);
    for (uint32_t i = 0; i < crowd.bound; i++) {
        dragon_u64 *at = dragon_ref_at(&crowd.process, crowd.process.entry, crowd.bindings[i].entry);
        CHECK(crowd.bindings[i].entry < dragon_load(&crowd.process.entry->refs_high));
        CHECK(dragon_load(at) == (crowd.bindings[i].offset | DRAGON_USER));
        dragon_store(at, 0); /* two with one entry: the second finds it cleared */
    }
    for (uint32_t i = 0; i < crowd.taken; i++) dragon_thread_give(crowd.threads[i]);
    dragon_threads_forget(&crowd.process);
    free(crowd.process.free_refs);
    let_go();
}

static void wait_for_the_end(struct worker *w)
{
    uint64_t value;
    w->sum = (uint64_t)get(w->thread, w->object, &value, DRAGON_FOREVER);
}

static void end_of_run(void)
{
    struct worker workers[THREADS];
    make(DRAGON_CHANNEL, 0, 64);
    for (uint64_t i = 0; i < THREADS; i++) worker_start(&workers[i], i, wait_for_the_end);
    dragon_end_run(tester.base, DRAGON_LOST);
    CHECK(workers_join(workers, THREADS) == THREADS * DRAGON_RUN_OVER);
    dragon_end_run(tester.base, DRAGON_OVER);
    CHECK(dragon_load(&tester.header->run_state) == DRAGON_LOST);
}

int main(void)
{
    int result;
    CHECK(node_create(UINT64_C(1) << 30) >= 0);
    tester = node_attach();
    mine = dragon_thread_take(&tester, NULL, &result);
    crowded();
    classes();
    fifo();
    grows();
    chain();
    many_to_many(0);
    many_to_many(1);
    many_to_many(5);
    locks(DRAGON_LOCK);
    locks(DRAGON_RLOCK);
    semaphores();
    conditions();
    several();
    blocks();
    rotation();
    refuses();
    end_of_run();
    printf("unit: 17 passed, 0 failed\n");
    return 0;
}
