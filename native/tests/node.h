/* A node for tests: its memory and the agent's half of the books, in a few lines, without an agent. Any process may grow the memory itself, under a robust
 * mutex in the memory's own last page. */
#ifndef DRAGON_TEST_NODE_H
#define DRAGON_TEST_NODE_H

#include "../include/dragon/attach.h"
#include "../include/dragon/barrier.h"
#include "../include/dragon/condition.h"
#include "../include/dragon/lock.h"
#include "../include/dragon/many.h"
#include "../include/dragon/semaphore.h"
#include "../include/dragon/tasks.h"

#include <pthread.h>

enum { NODE_CLIENTS = 64, NODE_SLABS = 4096 };

struct node_books { /* in the last page */
    pthread_mutex_t mutex;
    uint64_t arena_next, slabs_next;
};

struct node {
    int fd;
    struct dragon_process agent; /* client 1 */
    struct node_books *books;
};

static struct node node;

static uint64_t node_round(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* One more slab of a class: charged, entered, then hinted from the bottom up. */
static bool node_grow(uint32_t number)
{
    if (pthread_mutex_lock(&node.books->mutex) == EOWNERDEAD) pthread_mutex_consistent(&node.books->mutex);
    struct dragon_process *agent = &node.agent;
    struct dragon_class *class = dragon_class(agent, number);
    uint64_t bytes = node_round(class->size * class->blocks, 4096), s = node.books->slabs_next;
    bool fits = s < NODE_SLABS && node.books->arena_next + bytes < agent->header->size - 4096 &&
                dragon_load(&agent->header->granted) + bytes <= dragon_load(&agent->header->limit);
    if (fits) {
        struct dragon_slab *slab = dragon_slab(agent, s);
        uint32_t n = atomic_load(&class->slab_count);
        slab->base = node.books->arena_next;
        slab->class = number;
        slab->blocks = class->blocks;
        slab->number = n;
        node.books->arena_next += bytes;
        node.books->slabs_next++;
        atomic_fetch_add(&agent->header->granted, bytes);
        atomic_store(&class->slabs[n], (uint32_t)s);
        atomic_store(&class->slab_count, n + 1);
        atomic_store(&slab->free, class->blocks == 64 ? UINT64_MAX : (UINT64_C(1) << class->blocks) - 1);
        atomic_fetch_or(&class->low[n >> 6], UINT64_C(1) << (n & 63));
        atomic_fetch_or(&class->mid[n >> 12], UINT64_C(1) << (n >> 6 & 63));
        atomic_fetch_or(&class->top, UINT64_C(1) << (n >> 12));
    }
    pthread_mutex_unlock(&node.books->mutex);
    return fits;
}

static int node_grow_hook(struct dragon_thread *thread, uint32_t class)
{
    (void)thread;
    return node_grow(class) ? DRAGON_OK : DRAGON_NO_MEMORY;
}

static const struct dragon_hooks node_hooks = {.grow = node_grow_hook};

/* A number for one more client; 0: all are in use. */
static uint32_t node_client(void)
{
    for (uint32_t c = 1; c < NODE_CLIENTS; c++) {
        struct dragon_client *client = dragon_client_at(&node.agent, c);
        uint64_t state = atomic_load(&client->state);
        if ((state & 0xff) != DRAGON_CLIENT_FREE) continue;
        if (!atomic_compare_exchange_strong(&client->state, &state, (state & ~UINT64_C(0xff)) | DRAGON_CLIENT_LIVE)) continue;
        for (uint32_t high = atomic_load(&node.agent.header->clients_high); high < c + 1;)
            if (atomic_compare_exchange_strong(&node.agent.header->clients_high, &high, c + 1)) break;
        return c;
    }
    return 0;
}

/* This process, or a part of it, as one more client. */
static struct dragon_process node_attach(void)
{
    struct dragon_process process = {.base = node.agent.base, .header = node.agent.header, .hooks = &node_hooks};
    dragon_adopt(&process, node_client());
    return process;
}

static void node_fill_header(struct dragon_header *header, uint64_t size)
{
    uint64_t at = DRAGON_HEADER_SIZE;
    header->version = DRAGON_VERSION;
    header->header_size = DRAGON_HEADER_SIZE;
    header->size = size;
    header->run_id[0] = (uint64_t)getpid() << 32 | (uint32_t)dragon_now();
    header->run_id[1] = (uint64_t)dragon_now();
    header->page_size = 4096;
    header->agent_pid = (uint32_t)getpid();
    header->clients = at;
    header->clients_capacity = NODE_CLIENTS;
    header->client_size = DRAGON_CLIENT_SIZE;
    header->classes = at += NODE_CLIENTS * DRAGON_CLIENT_SIZE;
    header->class_stride = (uint32_t)node_round(33408 + 4 * NODE_SLABS, 4096);
    header->slabs = at += (uint64_t)DRAGON_CLASSES * header->class_stride;
    header->slabs_capacity = NODE_SLABS;
    header->pins = at += NODE_SLABS * sizeof(struct dragon_slab);
    header->arena = node_round(at + DRAGON_PIN_SETS * DRAGON_PIN_SET * sizeof(uint64_t), 2 << 20);
    atomic_init(&header->run_state, DRAGON_RUNNING);
    atomic_init(&header->next_id, 16);
    atomic_init(&header->limit, size);
}

static void node_open_mailbox(void)
{
    int result;
    struct dragon_binding mailbox;
    struct dragon_thread *thread = dragon_thread_take(&node.agent, NULL, &result);
    dragon_create(thread, &(struct dragon_plan){.kind = DRAGON_CHANNEL, .role = DRAGON_RECEIVER, .detail = 64}, &mailbox);
    dragon_thread_give(thread);
    atomic_store(&node.agent.header->mailbox, mailbox.offset);
}

/* Makes the memory; this process maps it and is client 1. Returns the descriptor. */
static int node_create(uint64_t size)
{
    node.fd = (int)syscall(SYS_memfd_create, "dragon-test", 1 /* MFD_CLOEXEC */);
    if (node.fd < 0 || ftruncate(node.fd, (off_t)size) < 0) return -1;
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, node.fd, 0);
    if (base == MAP_FAILED) return -1;
    struct dragon_header *header = base;
    node_fill_header(header, size);
    node.agent = (struct dragon_process){.base = base, .header = header, .hooks = &node_hooks};
    for (uint32_t c = 0; c < DRAGON_CLASSES; c++) {
        dragon_class(&node.agent, c)->size = dragon_size_of(c);
        dragon_class(&node.agent, c)->blocks = dragon_blocks_of(c);
    }
    node.books = (struct node_books *)((uint8_t *)base + size - 4096);
    pthread_mutexattr_t robust;
    pthread_mutexattr_init(&robust);
    pthread_mutexattr_setpshared(&robust, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&node.books->mutex, &robust);
    node.books->arena_next = header->arena;
    node.books->slabs_next = 1;
    dragon_adopt(&node.agent, node_client());
    node_open_mailbox();
    atomic_store(&header->magic, DRAGON_MAGIC);
    return node.fd;
}

#endif
