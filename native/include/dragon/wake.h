/* The word of a thread record (spec, section 7): `generation << 5 | bell << 4 | queued << 3 | state`, and how the thread behind it is woken. */
#ifndef DRAGON_WAKE_H
#define DRAGON_WAKE_H

#include "process.h"

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { DRAGON_IDLE, DRAGON_PARKED, DRAGON_CHOSEN, DRAGON_NEWS, DRAGON_STATE_MASK = 7, DRAGON_QUEUED = 8, DRAGON_BELL = 16 };
#define DRAGON_GENERATION_MASK UINT32_C(0x7ffffff)

static inline uint32_t dragon_generation(uint32_t word)
{
    return word >> 5;
}

static inline uint32_t dragon_wait_state(uint32_t word)
{
    return word & DRAGON_STATE_MASK;
}

/* The abstract address of one of a record's bells; returns its length. */
static inline socklen_t dragon_bell_address(const struct dragon_header *header, uint32_t client, uint32_t record, uint32_t bell,
                                            struct sockaddr_un *address)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    int n = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "dragon-%016llx%016llx-%u-%u-%u", (unsigned long long)header->run_id[0],
                     (unsigned long long)header->run_id[1], client, record, bell);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

struct dragon_bell {
    struct sockaddr_un address;
    socklen_t size;
};

/* The socket lives for this one byte: a program may close every descriptor it did not open, and its number then means something else. An error of sendto
 * means that the waiter is gone. False: there is no descriptor to spare. */
static inline bool dragon_ring(const struct dragon_bell *bell)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    sendto(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&bell->address, bell->size);
    close(fd);
    return true;
}

static inline int dragon_ring_elsewhere(void *bell)
{
    close(0);
    dragon_ring(bell);
    return 0;
}

/* Rings from a copy of this process's descriptors, of which one is given up: in a child that shares its memory, and of whose end no signal and no wait() of
 * the program hears. */
static inline void dragon_ring_in_a_child(struct dragon_bell *bell)
{
    _Alignas(16) char stack[16384];
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int child = clone(dragon_ring_elsewhere, stack + sizeof stack, CLONE_VM | CLONE_VFORK, bell);
    while (child > 0 && waitpid(child, NULL, __WCLONE) < 0 && errno == EINTR) {}
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static inline void dragon_ring_bell(const struct dragon_header *header, uint32_t client, uint32_t record, uint32_t number)
{
    struct dragon_bell bell;
    int saved = errno;
    bell.size = dragon_bell_address(header, client, record, number, &bell.address);
    if (!dragon_ring(&bell)) dragon_ring_in_a_child(&bell);
    errno = saved;
}

static inline void dragon_wake(const struct dragon_header *header, struct dragon_record *record, uint32_t word, uint32_t client, uint32_t index)
{
    if (word & DRAGON_BELL) {
        dragon_ring_bell(header, client, index, dragon_load(&record->bell));
    } else {
        int saved = errno;
        syscall(SYS_futex, &record->word, FUTEX_WAKE, 1, NULL, NULL, 0);
        errno = saved;
    }
}

/* Chooses the record a reference names, if it is PARKED and the reference still holds; and wakes it. */
static inline bool dragon_choose_record(const struct dragon_process *process, uint64_t waiter, struct dragon_record *record)
{
    for (;;) {
        uint32_t word = dragon_load(&record->word);
        if (dragon_generation(word) != (waiter & DRAGON_GENERATION_MASK) || !(word & DRAGON_QUEUED)) return false;
        uint32_t bare = word & ~(uint32_t)(DRAGON_QUEUED | DRAGON_STATE_MASK);
        if (dragon_wait_state(word) != DRAGON_PARKED) {
            if (dragon_cas32(&record->word, word, bare | DRAGON_IDLE)) return false;
        } else if (dragon_cas32(&record->word, word, bare | DRAGON_CHOSEN)) {
            DRAGON_STEP();
            dragon_wake(process->header, record, word, (uint32_t)(waiter >> 46), (uint32_t)(waiter >> 27) & 0x7ffff);
            return true;
        }
    }
}

/* News for one record: whoever sleeps there looks again. For the end of the run and for the sweep. */
static inline void dragon_news(const struct dragon_header *header, struct dragon_record *record, uint32_t client, uint32_t index)
{
    for (;;) {
        uint32_t word = dragon_load(&record->word), state = dragon_wait_state(word);
        if (state == DRAGON_IDLE) return;
        if (state == DRAGON_PARKED && !dragon_cas32(&record->word, word, (word & ~(uint32_t)(DRAGON_QUEUED | DRAGON_STATE_MASK)) | DRAGON_NEWS))
            continue;
        dragon_wake(header, record, word, client, index);
        return;
    }
}

#endif
