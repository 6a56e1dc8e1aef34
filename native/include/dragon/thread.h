/* Thread records: an operation takes one for its time, so that what it is about to touch stands in shared memory before it touches it.
 * A handle is this process's view of one record; it stays with the record. Taking and giving back are not thread-safe: the caller serialises them
 * (the Python extension by the interpreter's lock). */
#ifndef DRAGON_THREAD_H
#define DRAGON_THREAD_H

#include "block.h"

#include <stdlib.h>
#include <string.h>

/* Makes a handle for the next record that has none. */
static inline struct dragon_thread *dragon_thread_new(struct dragon_process *process)
{
    struct dragon_record *record = dragon_record_at(process, process->entry, process->records);
    struct dragon_thread *thread = record ? calloc(1, sizeof *thread) : NULL;
    if (!thread) return NULL;
    thread->process = process;
    thread->record = record;
    thread->index = process->records++;
    if (dragon_peek(&process->entry->records_high) < process->records) dragon_store(&process->entry->records_high, process->records);
    return thread;
}

enum { DRAGON_RECORDS_LEFT = 8 }; /* with fewer left, more are made: whoever comes meanwhile takes one of these */

/* Is it time for another table? */
static inline bool dragon_records_scarce(const struct dragon_process *process)
{
    return !process->idle && !process->growing && !dragon_record_at(process, process->entry, process->records + DRAGON_RECORDS_LEFT - 1);
}

/* Adds a table of records, if there can be one more. The new block stands in the record of `thread` until it is linked. Killed before the link: the
 * sweep frees the block; after it: the table stays with the entry. */
static inline int dragon_records_grow(struct dragon_thread *thread)
{
    struct dragon_process *process = thread->process;
    uint32_t table = 0;
    while (table < DRAGON_RECORD_TABLES && dragon_peek(&process->entry->records_ext[table])) table++;
    if (table == DRAGON_RECORD_TABLES) return DRAGON_OK;
    uint64_t bytes = DRAGON_RECORD_TABLE * sizeof(struct dragon_record);
    int result = dragon_block_alloc(thread, 0, bytes);
    if (result != DRAGON_OK) return result;
    uint64_t ref = dragon_block_ref(thread, 0);
    memset(dragon_block_at(process, ref), 0, bytes);
    dragon_store(&process->entry->records_ext[table], dragon_offset(process, dragon_block_at(process, ref)));
    dragon_block_store(thread, 0, DRAGON_BLOCK_PART);
    dragon_store(&thread->record->blocks[0], 0);
    return DRAGON_OK;
}

static inline struct dragon_thread *dragon_thread_pop(struct dragon_process *process)
{
    struct dragon_thread *thread = process->idle;
    if (thread) process->idle = thread->next;
    return thread ? thread : dragon_thread_new(process);
}

static inline void dragon_thread_give(struct dragon_thread *thread)
{
    thread->next = thread->process->idle;
    thread->process->idle = thread;
}

/* NULL: there are no more records. `*result` tells why: DRAGON_AGAIN: another thread is making some, and lets the caller in while it asks for memory (the
 * `grow` hook); else there is no memory for them. One thread at a time adds a table: of two, one's would be nowhere, and who waits in its records would
 * never be found. `caller` is for the hooks. */
static inline struct dragon_thread *dragon_thread_take(struct dragon_process *process, void *caller, int *result)
{
    struct dragon_thread *thread = dragon_thread_pop(process);
    if (!thread) {
        *result = process->growing ? DRAGON_AGAIN : DRAGON_NO_MEMORY;
        return NULL;
    }
    thread->caller = caller;
    if (!dragon_records_scarce(process)) return thread;
    process->growing = thread;
    *result = dragon_records_grow(thread);
    process->growing = NULL;
    if (*result == DRAGON_OK) return thread;
    dragon_thread_give(thread);
    return NULL;
}

/* Forgets all handles, without touching shared memory: the process is another now, or it ends. */
static inline void dragon_threads_forget(struct dragon_process *process)
{
    while (process->idle) {
        struct dragon_thread *thread = process->idle;
        process->idle = thread->next;
        free(thread->bytes);
        free(thread);
    }
    process->records = 0;
    process->growing = NULL;
}

/* Brackets an operation on `object` (an offset; 1: on several). Killed in between: the sweep looks at that object for what this record left. */
static inline void dragon_begin(struct dragon_thread *thread, uint32_t op, uint64_t object)
{
    dragon_store(&thread->record->op, op);
    dragon_store(&thread->record->op_object, object);
}

static inline void dragon_end(struct dragon_thread *thread)
{
    dragon_store(&thread->record->op_object, 0);
}

#endif
