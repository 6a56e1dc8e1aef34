/* The golden vectors of spec/vectors: classes of blocks, and what lies in memory after scripted scenarios. */
#define _GNU_SOURCE
#include "node.h"

enum { CLIENTS = 26, THINGS = 64, WORDS = 8, NODE_SIZE = 268435456 };

struct thing {
    char name[16];
    struct dragon_binding bound[8]; /* the latest last */
    uint32_t count;
};

static struct dragon_process clients[CLIENTS];
static struct thing things[CLIENTS][THINGS];
static uint64_t locks[THINGS]; /* offsets of lock words: their low halves are thread ids */
static uint32_t lock_count;
static int line_number, failures;

static void die(const char *what)
{
    fprintf(stderr, "vectors: line %d: %s\n", line_number, what);
    exit(1);
}

static struct thing *thing_of(uint32_t client, const char *name)
{
    struct thing *thing = things[client];
    while (thing->name[0] && strcmp(thing->name, name) != 0) thing++;
    snprintf(thing->name, sizeof thing->name, "%s", name);
    return thing;
}

static struct dragon_binding *latest(uint32_t client, const char *name)
{
    struct thing *thing = thing_of(client, name);
    if (!thing->count) die("not bound");
    return &thing->bound[thing->count - 1];
}

/* Any client's binding of that name tells where the object is. */
static struct dragon_binding *somebodys(const char *name)
{
    for (uint32_t c = 0; c < CLIENTS; c++)
        for (struct thing *thing = things[c]; thing->name[0]; thing++)
            if (strcmp(thing->name, name) == 0 && thing->count) return &thing->bound[thing->count - 1];
    die("nobody is bound to it");
    return NULL;
}

/* Hex, or *N. Returns the size. */
static size_t data_of(const char *text, uint8_t *bytes)
{
    size_t n = 0;
    if (text[0] == '*') {
        n = strtoul(text + 1, NULL, 10);
        for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)(i % 251);
        return n;
    }
    for (; text[0] && text[1]; text += 2) {
        char pair[3] = {text[0], text[1], 0};
        bytes[n++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return n;
}

static bool plan_of(char **word, struct dragon_plan *plan)
{
    static const char *const kinds[] = {"", "channel", "semaphore", "lock", "rlock", "event", "condition", "area"};
    *plan = (struct dragon_plan){.role = DRAGON_USER};
    for (uint32_t kind = 1; kind <= DRAGON_AREA; kind++)
        if (strcmp(word[0], kinds[kind]) == 0) plan->kind = kind;
    if (!plan->kind) return false;
    if (plan->kind == DRAGON_CHANNEL || plan->kind == DRAGON_SEMAPHORE || plan->kind == DRAGON_AREA) plan->value = strtoul(word[3], NULL, 10);
    if (plan->kind == DRAGON_CHANNEL || plan->kind == DRAGON_SEMAPHORE) plan->detail = (uint32_t)strtoul(word[4], NULL, 10);
    if (plan->kind == DRAGON_CHANNEL) {
        plan->flags = word[5][0] == '1' ? DRAGON_ENDS : 0;
        plan->role = (uint32_t)strtoul(word[6], NULL, 10);
    }
    return true;
}

static int send_data(struct dragon_thread *thread, struct dragon_object *channel, uint32_t flags, const char *text)
{
    static uint8_t bytes[1 << 20];
    struct iovec part = {bytes, data_of(text, bytes)};
    struct dragon_outgoing message = {.channel = channel, .parts = &part, .count = 1, .flags = flags, .length = part.iov_len};
    return dragon_channel_send(thread, &message, DRAGON_NO_WAIT);
}

static int receive_data(struct dragon_thread *thread, struct dragon_object *channel, const char *text)
{
    static uint8_t bytes[1 << 20];
    struct dragon_incoming message = {.channel = channel};
    int result = dragon_channel_receive(thread, &message, DRAGON_NO_WAIT);
    if (result != DRAGON_OK) return result;
    if (message.length != data_of(text, bytes) || memcmp(message.bytes, bytes, message.length) != 0) die("another message was received");
    dragon_message_done(thread, &message);
    return DRAGON_OK;
}

static int on_object(struct dragon_thread *thread, char **word, struct dragon_object *object)
{
    if (strcmp(word[0], "send") == 0) return send_data(thread, object, (uint32_t)strtoul(word[3], NULL, 10), word[4]);
    if (strcmp(word[0], "receive") == 0) return receive_data(thread, object, word[3]);
    if (strcmp(word[0], "expire") == 0) {
        struct dragon_incoming message = {.channel = object};
        return dragon_channel_receive(thread, &message, dragon_now() + 100000) == DRAGON_TIMEOUT ? DRAGON_OK : DRAGON_AGAIN;
    }
    if (strcmp(word[0], "shut") == 0) return dragon_channel_close(thread, object), DRAGON_OK;
    if (strcmp(word[0], "set") == 0) return dragon_event_set(thread, object, strtoul(word[3], NULL, 10)), DRAGON_OK;
    bool semaphore = object->kind == DRAGON_SEMAPHORE;
    struct dragon_acquire acquire = {.lock = object};
    if (strcmp(word[0], "acquire") == 0)
        return semaphore ? dragon_semaphore_acquire(thread, object, DRAGON_NO_WAIT) : dragon_lock_acquire(thread, &acquire, DRAGON_NO_WAIT);
    if (strcmp(word[0], "release") == 0) return semaphore ? dragon_semaphore_release(thread, object, 1) : dragon_lock_release(thread, object);
    die("unknown command");
    return DRAGON_AGAIN;
}

static int on_binding(struct dragon_thread *thread, uint32_t client, char **word)
{
    struct thing *thing = thing_of(client, word[2]);
    struct dragon_plan plan;
    if (plan_of(word, &plan)) {
        int result = dragon_create(thread, &plan, &thing->bound[thing->count++]);
        if (plan.kind == DRAGON_LOCK || plan.kind == DRAGON_RLOCK) locks[lock_count++] = thing->bound[0].offset + 64;
        return result;
    }
    if (strcmp(word[0], "bind") == 0) {
        const struct dragon_binding *other = somebodys(word[2]);
        thing->bound[thing->count] = (struct dragon_binding){.offset = other->offset, .id = other->id, .role = (uint32_t)strtoul(word[3], NULL, 10)};
        return dragon_bind(thread, &thing->bound[thing->count++]);
    }
    if (strcmp(word[0], "close") == 0) {
        int result;
        struct dragon_thread *mailer = dragon_thread_take(thread->process, NULL, &result);
        result = dragon_unbind(thread, mailer, latest(client, word[2]));
        thing->count--;
        dragon_thread_give(mailer);
        return result;
    }
    return on_object(thread, word, latest(client, word[2])->object);
}

static void run(char *command)
{
    char *word[WORDS] = {0};
    int n = 0, result;
    for (char *at = strtok(command, " \n"); at && n < WORDS; at = strtok(NULL, " \n")) word[n++] = at;
    uint32_t client = (uint32_t)(word[1][0] - 'A');
    if (strcmp(word[0], "client") == 0) {
        clients[client] = node_attach();
        return;
    }
    struct dragon_thread *thread = dragon_thread_take(&clients[client], NULL, &result);
    if (on_binding(thread, client, word) != DRAGON_OK) die(word[0]);
    dragon_thread_give(thread);
}

static void fresh_node(void)
{
    if (node.agent.base) {
        munmap(node.agent.base, NODE_SIZE);
        close(node.fd);
    }
    memset(things, 0, sizeof things);
    lock_count = 0;
    node_create(NODE_SIZE);
    node.agent.header->run_id[0] = 1;
    node.agent.header->run_id[1] = 2;
    atomic_store(&node.agent.header->limit, 67108864);
}

/* The bits of the word at `at` that say the same in every run. */
static uint64_t mask_of(uint64_t at)
{
    const struct dragon_header *header = node.agent.header;
    const uint64_t high = UINT64_C(0xffffffff) << 32, low = ~high;
    if (at == 0 || at == 8 || at == 16 || at == 24 || at == 32 || at == 200) return 0; /* magic, version, sizes, run id, granted */
    if (at == 48) return low; /* agent_pid */
    if (at >= header->clients && at < header->classes) {
        uint64_t in = (at - header->clients) % DRAGON_CLIENT_SIZE, record = (in - 1024) % 128;
        if (in == 8) return 0; /* os_pid, flags */
        if (in >= 1024) return record == 0 ? low : record == 24 ? 0 : UINT64_MAX; /* tid; op */
    }
    if (at >= header->classes && at < header->slabs) {
        struct dragon_class *class = dragon_class(&node.agent, (uint32_t)((at - header->classes) / header->class_stride));
        if (!dragon_load(&class->slab_count)) return 0;
    }
    for (uint32_t i = 0; i < lock_count; i++)
        if (at == locks[i]) return high;
    return UINT64_MAX;
}

static void compare(uint64_t at, uint64_t expected, const char *scenario)
{
    uint64_t word, mask = mask_of(at);
    memcpy(&word, node.agent.base + at, 8);
    if ((word & mask) == (expected & mask)) return;
    fprintf(stderr, "vectors: %s: at %llx: %016llx, not %016llx\n", scenario, (unsigned long long)at, (unsigned long long)word,
            (unsigned long long)expected);
    failures++;
}

/* All words up to `until` that the vectors do not list are zero. */
static void compare_zeros(uint64_t from, uint64_t until, const char *scenario)
{
    for (uint64_t at = from; at < until;) {
        off_t data = lseek(node.fd, (off_t)at, SEEK_DATA); /* pages never touched are skipped */
        if (data < 0 || (uint64_t)data >= until) return;
        if ((uint64_t)data > at) at = (uint64_t)data;
        for (uint64_t end = (at / 4096 + 1) * 4096; at < until && at < end; at += 8) compare(at, 0, scenario);
    }
}

static int check_memory(FILE *file)
{
    char line[1 << 16], scenario[128] = "";
    bool listing = false;
    uint64_t next = 0, word;
    int scenarios = 0;
    for (line_number = 1; fgets(line, sizeof line, file); line_number++) {
        unsigned long long at, value;
        if (line[0] == '#') continue;
        if (sscanf(line, "scenario %127[^\n]", scenario) == 1)
            fresh_node();
        else if (strncmp(line, "do ", 3) == 0)
            run(line + 3);
        else if (strncmp(line, "memory", 6) == 0)
            listing = true, next = 0;
        else if (strncmp(line, "end", 3) == 0) {
            compare_zeros(next, NODE_SIZE - 4096, scenario);
            listing = false;
            scenarios++;
        } else if (listing && sscanf(line, "%llx %llx", &at, &value) == 2) {
            word = value;
            compare_zeros(next, at, scenario);
            compare(at, word, scenario);
            next = at + 8;
        }
    }
    return scenarios;
}

static int check_classes(FILE *file)
{
    char line[256];
    uint32_t class = 0;
    int sizes = 0;
    for (line_number = 1; fgets(line, sizeof line, file); line_number++) {
        unsigned long long size, blocks, slab;
        if (sscanf(line, "class %llu %llu %llu", &size, &blocks, &slab) == 3) {
            if (dragon_size_of(class) != size || dragon_blocks_of(class) != blocks || node_round(size * blocks, 4096) != slab) die("another class");
            class++;
        } else if (sscanf(line, "class_of %llu %llu", &size, &blocks) == 2) {
            if (dragon_class_of(size) != blocks) die("another class_of");
            sizes++;
        }
    }
    if (class != DRAGON_CLASSES) die("not all classes");
    return sizes;
}

int main(int count, char **words)
{
    char path[4096];
    if (count < 2) return fprintf(stderr, "usage: vectors FOLDER\n"), 2;
    snprintf(path, sizeof path, "%s/classes.txt", words[1]);
    FILE *classes = fopen(path, "r");
    snprintf(path, sizeof path, "%s/memory.txt", words[1]);
    FILE *memory = fopen(path, "r");
    if (!classes || !memory) return fprintf(stderr, "vectors: cannot read %s\n", path), 2;
    int sizes = check_classes(classes), scenarios = check_memory(memory);
    if (failures) return 1;
    printf("vectors: %d passed, 0 failed (and %d sizes)\n", scenarios, sizes);
    return 0;
}
