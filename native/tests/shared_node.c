/* The test node as a library, for the Python tests of the extension (by ctypes). */
#define _GNU_SOURCE
#include "node.h"
#include "sweep.h"

int test_node(uint64_t size)
{
    return node_create(size);
}

uint32_t test_client(void)
{
    return node_client();
}

int test_grow(uint32_t class)
{
    return node_grow(class);
}

void test_sweep(uint32_t client)
{
    sweep(client);
}

void test_audit(uint64_t reference)
{
    sweep_audit(reference);
}

void test_end(uint32_t state)
{
    dragon_end_run(node.agent.base, state);
}

void test_limit(uint64_t bytes)
{
    atomic_store(&node.agent.header->limit, bytes ? bytes : node.agent.header->size);
}

/* The next message of the agent's mailbox; 0: there is none. */
int test_mail(void *letter)
{
    int result;
    struct dragon_thread *thread = dragon_thread_take(&node.agent, NULL, &result);
    struct dragon_incoming message = {.channel = dragon_at(&node.agent, atomic_load(&node.agent.header->mailbox))};
    int got = dragon_channel_receive(thread, &message, DRAGON_NO_WAIT);
    if (got == DRAGON_OK) {
        memcpy(letter, message.bytes, 32);
        dragon_message_done(thread, &message);
    }
    dragon_thread_give(thread);
    return got == DRAGON_OK;
}
