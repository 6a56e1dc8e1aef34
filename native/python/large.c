/* Large pages for what a zygote shares with its children.
 *
 * A fork copies the reference to each page that the parent has written to, and the child's end gives each back; an interpreter has two thousand of them. The kernel (from 6.9 on) deals
 * with neighbours that belong to one large page in one step. So the zygote moves what it has made, once it is ready, into large pages: the same bytes at the same addresses.
 * They need not be mapped as large pages, which is why the addresses need no alignment; what is written to afterwards, by parent or child, is copied by small pages as before.
 *
 * Where the system has no large pages for this process (transparent_hugepage is "never", or switched off for it) nothing is moved. A process that is killed while it moves
 * takes its memory with it. */
#include "shm.h"

#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define LARGE ((size_t)2 << 20)
#define SMALLEST ((size_t)128 << 10) /* smaller ranges are not worth a mapping of their own */

enum { MOST = 256 };

struct range {
    uint8_t *at;
    size_t size;
};

/* Does the range hold what the kernel writes to without a system call of ours (rseq, in the thread's own memory)? */
static bool is_threads_own(const struct range *range)
{
    uint8_t *own = (uint8_t *)__builtin_thread_pointer();
    return own >= range->at && own < range->at + range->size;
}

static int has_variables(struct dl_phdr_info *library, size_t size, void *at)
{
    (void)size;
    for (int i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &library->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && part->p_flags & PF_W && (uintptr_t)at - library->dlpi_addr - part->p_vaddr < part->p_memsz) return 1;
    }
    return 0;
}

/* A line of flags, each of two letters: ordinary memory has none but these. Others are memory that children do not get, that is locked, that grows, that devices use. */
static bool is_ordinary(const char *flags)
{
    static const char *const ordinary = "rd wr mr mw me ac sd nh hg";
    char word[4];
    for (int read = 0; sscanf(flags, "%3s%n", word, &read) == 1; flags += read)
        if (!strstr(ordinary, word)) return false;
    return true;
}

/* What this process has written to and may be moved: memory of its own, and the variables of libraries. */
static size_t ranges_of_this_process(struct range *ranges)
{
    FILE *maps = fopen("/proc/self/smaps", "re");
    struct range now = {0};
    char line[512], rights[5];
    unsigned long from, to, inode, anonymous;
    bool candidate = false;
    size_t count = 0, written = 0;
    if (!maps) return 0;
    while (count < MOST && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx %4s %*s %*s %lu", &from, &to, rights, &inode) == 4) {
            now = (struct range){(uint8_t *)from, to - from};
            candidate =
                strcmp(rights, "rw-p") == 0 && now.size >= SMALLEST && !is_threads_own(&now) && (!inode || dl_iterate_phdr(has_variables, now.at));
        } else if (sscanf(line, "Anonymous: %lu kB", &anonymous) == 1) {
            written = anonymous << 10;
        } else if (candidate && strncmp(line, "VmFlags:", 8) == 0 && written >= now.size / 2 && is_ordinary(line + 8)) {
            ranges[count++] = now;
        }
    }
    fclose(maps);
    return count;
}

static bool there_are_large_pages(void)
{
    char text[64] = "";
    int file = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    bool known = read(file, text, sizeof text - 1) > 0;
    close(file);
    return known && !strstr(text, "[never]") && prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 0;
}

/* Moves up to so many bytes of the range's beginning to `to`, whose pages become the range's. */
static size_t move_some(struct range *range, uint8_t *to, size_t most)
{
    size_t size = range->size < most ? range->size : most;
    memcpy(to, range->at, size);
    if (mremap(to, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, range->at) == MAP_FAILED) return 0;
    range->at += size;
    range->size -= size;
    return size;
}

/* A large page in `room`, an address space of twice its size; NULL if the kernel has none. */
static uint8_t *large_page(uint8_t *room)
{
    uint8_t *page = (uint8_t *)(((uintptr_t)room + LARGE - 1) & ~(LARGE - 1));
    unsigned char there = 0;
    if (madvise(page, LARGE, MADV_HUGEPAGE) < 0) return NULL;
    *page = 0; /* the kernel gives it now, or one small page of it */
    (void)madvise(page, LARGE, MADV_NOHUGEPAGE); /* and makes no other of what becomes of it, in no child */
    return mincore(page + LARGE - 4096, 1, &there) == 0 && there & 1 ? page : NULL;
}

/* Fills one large page from the ranges; false if there is none to be had. */
static bool fill_one(struct range **next, const struct range *end)
{
    uint8_t *room = mmap(NULL, 2 * LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) return false;
    uint8_t *page = large_page(room), *at = page ? page : room, *full = at;
    for (size_t moved = 1; page && moved && full < page + LARGE && *next < end; full += moved) {
        moved = move_some(*next, full, (size_t)(page + LARGE - full));
        if (!(*next)->size) ++*next;
    }
    if (at > room) munmap(room, (size_t)(at - room));
    munmap(full, (size_t)(room + 2 * LARGE - full));
    return page && full == page + LARGE;
}

static PyObject *use_large_pages(PyObject *module, PyObject *args)
{
    unsigned long long most = SIZE_MAX;
    (void)module;
    if (!PyArg_ParseTuple(args, "|K", &most)) return NULL;
    struct range ranges[MOST], *next = ranges;
    size_t count = there_are_large_pages() ? ranges_of_this_process(ranges) : 0, left = 0;
    sigset_t all, before;
    for (size_t i = 0; i < count; i++) left += ranges[i].size;
    if (left > most) left = most;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before); /* a handler could write to what was copied already */
    while (left >= LARGE && fill_one(&next, ranges + count)) left -= LARGE;
    sigprocmask(SIG_SETMASK, &before, NULL);
    Py_RETURN_NONE;
}

PyMethodDef shm_large_methods[] = {
    {"use_large_pages", use_large_pages, METH_VARARGS,
     "use_large_pages([most])\n\nMove what this process has made into large pages, up to so many bytes."},
    {NULL, NULL, 0, NULL},
};
