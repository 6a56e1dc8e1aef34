/* The C half of MixedKillTest: passes messages on from one channel to another and counts under a lock, as the test's Java workers do, over the same
 * memory, until the first channel is closed.  worker MEMORY CLIENT FROM TO LOCK AREA  (objects as OFFSET:ID) */
#define _GNU_SOURCE
#include <dragon/attach.h>
#include <dragon/lock.h>

#include <fcntl.h>
#include <stdio.h>

static void must(int result, const char *what)
{
    if (result == DRAGON_OK) return;
    fprintf(stderr, "worker.c: %s: result %d\n", what, result);
    exit(1);
}

/* Asks the parent over the pipe, which grants as the agent does. */
static int grow(struct dragon_thread *thread, uint32_t class)
{
    char answer[16];
    (void)thread;
    printf("%u\n", class);
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) ? DRAGON_OK : DRAGON_NO_MEMORY;
}

static const struct dragon_hooks hooks = {.grow = grow};

static struct dragon_binding bind_to(struct dragon_thread *thread, const char *handle)
{
    unsigned long long offset, id;
    if (sscanf(handle, "%llu:%llu", &offset, &id) != 2) must(DRAGON_GONE, handle);
    struct dragon_binding binding = {.offset = offset, .id = id, .role = DRAGON_USER};
    must(dragon_bind(thread, &binding), "bind");
    return binding;
}

static bool pass_on(struct dragon_thread *thread, struct dragon_object *from, struct dragon_object *to)
{
    static uint8_t bytes[1 << 16];
    struct dragon_incoming incoming = {.channel = from};
    int result = dragon_channel_receive(thread, &incoming, DRAGON_FOREVER);
    if (result == DRAGON_CLOSED) return false;
    must(result, "receive");
    memcpy(bytes, incoming.bytes, incoming.length);
    struct iovec part = {bytes, incoming.length};
    dragon_message_done(thread, &incoming);
    struct dragon_outgoing outgoing = {.channel = to, .parts = &part, .count = 1, .length = part.iov_len};
    must(dragon_channel_send(thread, &outgoing, DRAGON_FOREVER), "send");
    return true;
}

static void count(struct dragon_thread *thread, struct dragon_object *lock, struct dragon_object *area)
{
    struct dragon_acquire acquire = {.lock = lock};
    must(dragon_lock_acquire(thread, &acquire, DRAGON_FOREVER), "acquire");
    ++*(volatile uint64_t *)((uint8_t *)area + DRAGON_AREA_BYTES);
    must(dragon_lock_release(thread, lock), "release");
}

int main(int argc, char **argv)
{
    if (argc != 7) return 2;
    int fd = open(argv[1], O_RDWR | O_CLOEXEC), result = DRAGON_OK;
    struct stat file;
    if (fd < 0 || fstat(fd, &file) < 0) return 3;
    void *base = mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (base == MAP_FAILED) return 4;
    static struct dragon_process process;
    process = (struct dragon_process){.base = base, .header = base, .hooks = &hooks};
    if (!dragon_adopt(&process, (uint32_t)atoi(argv[2]))) return 5;
    struct dragon_thread *thread = dragon_thread_take(&process, NULL, &result);
    must(result, "record");
    struct dragon_object *from = bind_to(thread, argv[3]).object, *to = bind_to(thread, argv[4]).object;
    struct dragon_object *lock = bind_to(thread, argv[5]).object, *area = bind_to(thread, argv[6]).object;
    while (pass_on(thread, from, to)) count(thread, lock, area);
    return 0;
}
