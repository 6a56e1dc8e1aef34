/* What a process knows of the node's memory: the mapping, its client entry, its thread records, what it is bound to. All of it is private to the
 * process. One struct per attached process (a test may have several in one process, each with a client number of its own). */
#ifndef DRAGON_PROCESS_H
#define DRAGON_PROCESS_H

#include "layout.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum dragon_result {
    DRAGON_OK,
    DRAGON_AGAIN,       /* not now: full, empty, taken */
    DRAGON_MOVED,       /* ring.h only: go on in the next ring */
    DRAGON_PENDING,     /* ring.h only: nothing to take yet, but something is on its way */
    DRAGON_TIMEOUT,
    DRAGON_CLOSED,
    DRAGON_RUN_OVER,
    DRAGON_GONE,        /* no such object */
    DRAGON_NO_MEMORY,   /* refused by the agent, or no one to ask */
    DRAGON_INTERRUPTED, /* `interrupted` said so */
    DRAGON_TOO_LARGE,
    DRAGON_NOT_OWNER,
    DRAGON_NOT_HELD,
    DRAGON_SYSTEM,      /* errno tells */
};

struct dragon_process;
struct dragon_thread;

/* How the library asks its surroundings. All may be NULL. */
struct dragon_hooks {
    int (*grow)(struct dragon_thread *thread, uint32_t class); /* ask the agent for one more slab: DRAGON_OK, or an error to return */
    bool (*interrupted)(struct dragon_thread *thread);         /* before parking and after each signal: true leaves the wait */
};

struct dragon_thread { /* this process's handle of one thread record, see thread.h */
    struct dragon_process *process;
    struct dragon_record *record;
    uint32_t index;       /* of the record */
    uint64_t waited_id;   /* id of the object that record.wait_object named last: its address may have a new object by now */
    uint8_t *bytes;       /* room for an inline message */
    uint32_t bytes_size;
    void *caller;         /* the hooks' own */
    uint32_t luck;        /* wait.h: waits since spinning last paid */
    bool brief;           /* wait.h: the last sleep was brief */
    struct dragon_thread *next;
};

struct dragon_process {
    uint8_t *base;
    struct dragon_header *header;
    uint32_t number; /* the client number; 0: not attached */
    uint32_t epoch;  /* differs after each attach in this program: what is cached per thread is then old */
    struct dragon_client *entry;
    const struct dragon_hooks *hooks;
    struct dragon_thread *idle;     /* threads.h: handles of records not in use */
    uint32_t records;               /* records that have a handle */
    struct dragon_thread *growing;  /* thread.h: the handle by which more records are being made */
    uint32_t *free_refs;            /* binding.h: entries of the reference table not in use */
    uint32_t free_refs_count, free_refs_size;
    uint64_t tokens;                /* mailbox.h: the last one */
    uint32_t processors;            /* wait.h: of this machine; 0: not asked yet */
    uint32_t last_taken[DRAGON_CLASSES]; /* block.h: where the rotation of a class of large blocks is: slab number + 1, block; 0: nowhere yet */
    uint32_t copies_streamed; /* copy.h: since a plain copy was slow; threads may race for it, it is only a guess */
};

/* The kernel's id of this thread. A forked child's main thread has another one than its parent's; the epoch shows it. */
static inline uint32_t dragon_tid(const struct dragon_process *process)
{
    static __thread __attribute__((tls_model("initial-exec"))) struct {
        uint32_t epoch, tid;
    } cache;
    if (cache.tid == 0 || cache.epoch != process->epoch) {
        cache.epoch = process->epoch;
        cache.tid = (uint32_t)syscall(SYS_gettid);
    }
    return cache.tid;
}

static inline void *dragon_at(const struct dragon_process *process, uint64_t offset)
{
    return process->base + offset;
}

static inline uint64_t dragon_offset(const struct dragon_process *process, const void *at)
{
    return (uint64_t)((const uint8_t *)at - process->base);
}

static inline struct dragon_class *dragon_class(const struct dragon_process *process, uint32_t class)
{
    return dragon_at(process, process->header->classes + (uint64_t)class * process->header->class_stride);
}

static inline struct dragon_slab *dragon_slab(const struct dragon_process *process, uint64_t slab)
{
    return dragon_at(process, process->header->slabs + slab * sizeof(struct dragon_slab));
}

static inline struct dragon_client *dragon_client_at(const struct dragon_process *process, uint32_t number)
{
    return dragon_at(process, process->header->clients + (uint64_t)number * sizeof(struct dragon_client));
}

/* Record `index` of a client, or NULL if its table does not exist. */
static inline struct dragon_record *dragon_record_at(const struct dragon_process *process, struct dragon_client *client, uint32_t index)
{
    if (index < DRAGON_INLINE_RECORDS) return &client->records[index];
    index -= DRAGON_INLINE_RECORDS;
    if (index / DRAGON_RECORD_TABLE >= DRAGON_RECORD_TABLES) return NULL;
    uint64_t table = dragon_load(&client->records_ext[index / DRAGON_RECORD_TABLE]);
    return table ? (struct dragon_record *)dragon_at(process, table) + index % DRAGON_RECORD_TABLE : NULL;
}

/* Reference `index` of a client, or NULL if its table does not exist. */
static inline dragon_u64 *dragon_ref_at(const struct dragon_process *process, struct dragon_client *client, uint32_t index)
{
    if (index < DRAGON_INLINE_REFS) return &client->refs[index];
    index -= DRAGON_INLINE_REFS;
    for (uint32_t k = 0; k < DRAGON_REF_TABLES; index -= 512u << k, k++) {
        if (index >= 512u << k) continue;
        uint64_t table = dragon_load(&client->refs_ext[k]);
        return table ? (dragon_u64 *)dragon_at(process, table) + index : NULL;
    }
    return NULL;
}

/* Why that many bytes could not be mapped: mostly this process's address space is limited more tightly than its agent's. */
static inline void dragon_say_unmapped(long long size, int error, char *why, size_t why_size)
{
    struct rlimit limit;
    if (error != ENOMEM || getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY) {
        snprintf(why, why_size, "cannot map the node's memory of %lld bytes: errno %d", size, error);
        return;
    }
    snprintf(
        why, why_size,
        "cannot map the node's memory: it needs %lld bytes of address space besides what this process (pid %d) has already, and a process may have "
        "%llu in all; it costs no memory: raise the limit (ulimit -v, or resource.RLIMIT_AS), or start the whole run with it, which then takes less",
        size, (int)getpid(), (unsigned long long)limit.rlim_cur);
}

/* Maps the node's memory. False: `why` tells what is wrong with it. The descriptor may be closed afterwards. */
static inline bool dragon_map(struct dragon_process *process, int fd, char *why, size_t why_size)
{
    struct stat file;
    if (fstat(fd, &file) < 0) {
        snprintf(why, why_size, "cannot map the node's memory: fstat of descriptor %d failed with errno %d", fd, errno);
        return false;
    }
    if (file.st_size < DRAGON_HEADER_SIZE) {
        snprintf(why, why_size, "descriptor %d is not a node's memory: it has only %lld bytes", fd, (long long)file.st_size);
        return false;
    }
    void *base = mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (base == MAP_FAILED) {
        dragon_say_unmapped((long long)file.st_size, errno, why, why_size);
        return false;
    }
    struct dragon_header *header = base;
    if (dragon_load(&header->magic) != DRAGON_MAGIC) {
        snprintf(why, why_size, "descriptor %d is not a node's memory: it does not start with DRAGONM1", fd);
    } else if (header->version != DRAGON_VERSION) {
        snprintf(why, why_size, "the node's memory has version %u, this package speaks version %d: agent and package are of different releases",
                 header->version, DRAGON_VERSION);
    } else if (header->size != (uint64_t)file.st_size || header->header_size != DRAGON_HEADER_SIZE || header->client_size != DRAGON_CLIENT_SIZE) {
        snprintf(why, why_size, "the node's memory contradicts itself: size %llu of %lld, header %u, client entries %u",
                 (unsigned long long)header->size, (long long)file.st_size, header->header_size, header->client_size);
    } else {
        madvise(base, (size_t)file.st_size, MADV_DONTDUMP);
        process->base = base;
        process->header = header;
        return true;
    }
    munmap(base, (size_t)file.st_size);
    return false;
}

#endif
