/* Becoming a client, and the end of the run. */
#ifndef DRAGON_ATTACH_H
#define DRAGON_ATTACH_H

#include "binding.h"

/* This process is client `number` from now on; the agent has made the entry LIVE before it gave the number out. */
static inline bool dragon_adopt(struct dragon_process *process, uint32_t number)
{
    if (number == 0 || number >= process->header->clients_capacity) return false;
    struct dragon_client *entry = dragon_client_at(process, number);
    if ((dragon_load(&entry->state) & 0xff) != DRAGON_CLIENT_LIVE) return false;
    dragon_threads_forget(process);
    process->free_refs_count = 0;
    process->tokens = (uint64_t)number << 46 | (dragon_load(&entry->state) >> 8 & 0x3fff) << 32;
    memset(process->last_taken, 0, sizeof process->last_taken);
    process->epoch++;
    process->entry = entry;
    process->number = number;
    return true;
}

/* Marks the run OVER or LOST and wakes every waiter; it never goes back. */
static inline void dragon_end_run(void *memory, uint32_t state)
{
    struct dragon_header *header = memory;
    struct dragon_process process = {.base = memory, .header = header};
    if (!dragon_cas32(&header->run_state, DRAGON_RUNNING, state)) return;
    dragon_fence_after_rmw();
    for (uint32_t c = 1; c < dragon_load(&header->clients_high); c++) {
        struct dragon_client *client = dragon_client_at(&process, c);
        if ((dragon_load(&client->state) & 0xff) == DRAGON_CLIENT_FREE) continue;
        for (uint32_t r = 0; r < dragon_load(&client->records_high); r++) {
            struct dragon_record *record = dragon_record_at(&process, client, r);
            if (record) dragon_news(header, record, c, r);
        }
    }
}

#endif
