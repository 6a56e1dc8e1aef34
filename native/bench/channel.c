/* How fast the C library is, two processes:  channel [MESSAGES]
 *
 * Round trip and one way of 8 bytes, one way of 64 KiB and 1 MiB (copied in and out), medians of five. */
#define _GNU_SOURCE
#include "../tests/node.h"

#include <stdlib.h>
#include <sys/wait.h>

enum { RUNS = 5 };

static struct dragon_process tester;
static struct dragon_binding there, back;

static struct dragon_thread *attach_child(void)
{
    static struct dragon_process process;
    int result;
    process = (struct dragon_process){.base = node.agent.base, .header = node.agent.header, .hooks = &node_hooks};
    dragon_adopt(&process, node_client());
    struct dragon_thread *thread = dragon_thread_take(&process, NULL, &result);
    dragon_bind(thread, &there);
    dragon_bind(thread, &back);
    return thread;
}

static void put(struct dragon_thread *thread, struct dragon_binding *channel, void *bytes, size_t size)
{
    struct iovec part = {bytes, size};
    struct dragon_outgoing message = {.channel = channel->object, .parts = &part, .count = 1, .length = size};
    if (dragon_channel_send(thread, &message, DRAGON_FOREVER) != DRAGON_OK) abort();
}

static void get(struct dragon_thread *thread, struct dragon_binding *channel, void *bytes)
{
    struct dragon_incoming message = {.channel = channel->object};
    if (dragon_channel_receive(thread, &message, DRAGON_FOREVER) != DRAGON_OK) abort();
    memcpy(bytes, message.bytes, message.length);
    dragon_message_done(thread, &message);
}

static int by_value(const void *a, const void *b)
{
    return *(const double *)a < *(const double *)b ? -1 : 1;
}

/* Nanoseconds per message. */
static double measure(struct dragon_thread *mine, size_t size, int messages, bool echo)
{
    static uint8_t bytes[1 << 20], copy[1 << 20];
    pid_t pid = fork();
    if (pid == 0) {
        struct dragon_thread *thread = attach_child();
        for (int i = 0; i < messages; i++) {
            get(thread, &there, copy);
            if (echo) put(thread, &back, copy, size);
        }
        if (!echo) put(thread, &back, copy, 8);
        _exit(0);
    }
    int64_t start = dragon_now();
    for (int i = 0; i < messages; i++) {
        put(mine, &there, bytes, size);
        if (echo) get(mine, &back, copy);
    }
    if (!echo) get(mine, &back, copy);
    double taken = (double)(dragon_now() - start) / messages;
    waitpid(pid, NULL, 0);
    return taken;
}

static void report(struct dragon_thread *mine, const char *what, size_t size, int messages, bool echo)
{
    double taken[RUNS];
    for (int r = 0; r < RUNS; r++) taken[r] = measure(mine, size, messages, echo);
    qsort(taken, RUNS, sizeof *taken, by_value);
    printf("%-28s %9.0f ns  (%.0f .. %.0f)   %11.0f /s\n", what, taken[RUNS / 2], taken[0], taken[RUNS - 1], 1e9 / taken[RUNS / 2]);
}

int main(int count, char **words)
{
    int messages = count > 1 ? atoi(words[1]) : 200000, result;
    node_create(UINT64_C(1) << 31);
    tester = node_attach();
    struct dragon_thread *mine = dragon_thread_take(&tester, NULL, &result);
    const struct dragon_plan plan = {.kind = DRAGON_CHANNEL, .role = DRAGON_USER, .value = 1024, .detail = 128};
    dragon_create(mine, &plan, &there);
    dragon_create(mine, &plan, &back);
    report(mine, "round trip, 8 bytes", 8, messages, true);
    report(mine, "one way, 8 bytes", 8, messages * 5, false);
    report(mine, "one way, 64 KiB", 65536, messages / 10, false);
    report(mine, "one way, 1 MiB", 1 << 20, messages / 100, false);
    return 0;
}
